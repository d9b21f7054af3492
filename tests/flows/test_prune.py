"""Pruning a bucket of several models."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.models import flow_named, model_names
from flows.prune import PruneReport, prune
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness

HOURS = (0, 6, 12, 18)


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    """Four runs of two declared models and of a stranger, the last of each published."""
    bucket = FolderBucket(tmp_path / "bucket")
    for model in ("gfs", "ifs", "mine"):
        keys = [store_key(model, datetime(2026, 4, 20, hour, tzinfo=UTC)) for hour in HOURS]
        for key in keys:
            bucket.write(key, b"0123456789")
        manifest = Manifest(
            model=model,
            init_time=datetime(2026, 4, 20, 18, tzinfo=UTC),
            key=keys[-1],
            size=10,
            sha256="ab" * 32,
            generation=4,
            leads=1,
            last_lead=0,
            published_at=datetime(2026, 4, 20, 23, tzinfo=UTC),
            freshness=Freshness(1, 2, 3),
            previous=keys[-2],
        )
        bucket.write(manifest_key(model), manifest.to_bytes())
    return bucket


def stores(bucket: FolderBucket, model: str) -> list[int]:
    return [int(key.split("T")[1][:2]) for key in bucket.list(f"{model}/2026")]


def test_of_every_declared_model_goes_what_its_manifest_does_not_need(
    bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINDLASS_BUCKET", bucket.base)
    promised = prune(dry_run=True)
    assert stores(bucket, "gfs") == stores(bucket, "ifs") == list(HOURS)
    report = prune()
    assert report == promised.model_copy(update={"dry_run": False})
    assert (stores(bucket, "gfs"), stores(bucket, "ifs"), stores(bucket, "mine")) == ([12, 18], [12, 18], [*HOURS])
    assert report.in_words().splitlines() == [
        "gfs: removed 2 stores, 20 B: 20260420T0000Z.zarr.zip, 20260420T0600Z.zarr.zip",
        "ifs: removed 2 stores, 20 B: 20260420T0000Z.zarr.zip, 20260420T0600Z.zarr.zip",
        "mine: left alone, no model of this name is declared here",
    ]
    assert "would remove 2 stores" in promised.in_words()


def test_a_model_that_fails_stops_no_other_one_and_is_said(bucket: FolderBucket) -> None:
    bucket.write(manifest_key("gfs"), b"garbage")
    with pytest.raises(BucketError, match=r"gfs: .*latest\.json is not a valid manifest.*ifs: removed 2 stores"):
        prune(bucket.base)
    assert (stores(bucket, "gfs"), stores(bucket, "ifs")) == ([*HOURS], [12, 18])


def test_an_empty_bucket_is_no_error(tmp_path: Path) -> None:
    report = prune(str(tmp_path))
    assert report == PruneReport(bucket=str(tmp_path), dry_run=False)
    assert report.in_words() == f"nothing is published in {tmp_path}"


def test_no_declaration_asks_for_less_than_nothing() -> None:
    assert all(flow_named(name).model.retention >= 0 for name in model_names())
