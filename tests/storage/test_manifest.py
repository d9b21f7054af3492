"""What a manifest says, and what is not one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ManifestError
from storage.folder import FolderBucket
from storage.manifest import Manifest, key_order, manifest_key, models_in, read_manifest, store_key
from storage.schema import Freshness

RUN = datetime(2026, 4, 20, tzinfo=UTC)


def manifest(**fields: Any) -> Manifest:
    usual = {
        "model": "gfs",
        "init_time": RUN,
        "key": "gfs/20260420T0000Z.zarr.zip",
        "size": 12,
        "sha256": "0f" * 32,
        "generation": 1,
        "leads": 209,
        "last_lead": 384 * 60,
        "published_at": RUN + timedelta(hours=5),
        "freshness": Freshness(330, 400, 1440),
    }
    return Manifest(**{**usual, **fields})


def altered(**fields: Any) -> bytes:
    return json.dumps({**json.loads(manifest().to_bytes()), **fields}).encode()


def test_a_manifest_survives_its_bytes() -> None:
    assert Manifest.from_bytes(manifest().to_bytes()) == manifest()
    assert json.loads(manifest().to_bytes())["init_time"] == "2026-04-20T00:00:00Z"


def test_what_a_later_version_adds_is_ignored() -> None:
    freshness = {"due_after": 330, "late_after": 400, "stale_after": 1440, "forgotten_after": 9}
    assert Manifest.from_bytes(altered(colour="red", freshness=freshness)) == manifest()


def test_times_are_utc_whatever_they_are_written_in() -> None:
    east = timezone(timedelta(hours=2))
    assert Manifest.from_bytes(altered(init_time="2026-04-20T02:00:00+02:00")).init_time.tzinfo is UTC
    assert manifest(init_time=RUN.astimezone(east)).to_bytes() == manifest().to_bytes()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "EOF"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"<html>502</html>", "Invalid JSON"),
        (b"null", "object"),
        (b"[]", "object"),
        (b"{}", "model: Field required"),
        (manifest().to_bytes()[:-9], "EOF"),
        (altered(size=0), "size: "),
        (altered(size="many"), "size: "),
        (altered(sha256="abc"), "sha256: "),
        (altered(generation=0), "generation: "),
        (altered(leads=0), "leads: "),
        (altered(init_time="2026-04-20T00:00:00"), "init_time: .*timezone"),
        (altered(init_time="yesterday"), "init_time: "),
        (altered(freshness={"due_after": 1}), r"freshness\.late_after: "),
        (altered(model="../gfs"), "model: "),
        (altered(key="ifs/20260420T0000Z.zarr.zip"), "key 'ifs/.*' is not gfs/"),
        (altered(key="gfs/../../etc/passwd.zarr.zip"), "is not gfs/"),
        (altered(key="gfs/.hidden.zarr.zip"), "is not gfs/"),
        (altered(key="gfs/latest.json"), "is not gfs/"),
        (altered(key="gfs/a\0.zarr.zip"), "is not gfs/"),
    ],
)
def test_what_is_no_manifest_is_said_with_where_it_came_from(data: bytes, problem: str) -> None:
    with pytest.raises(ManifestError, match=rf"^s3://weather/gfs/latest\.json is not a valid manifest: .*{problem}"):
        Manifest.from_bytes(data, "s3://weather/gfs/latest.json")


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_garbage_is_always_a_manifest_error(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_bytes(data)


def test_a_bucket_tells_its_manifests(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    assert models_in(bucket) == []
    assert read_manifest(bucket, "gfs") is None
    for model in ("ifs", "gfs"):
        key = store_key(model, RUN)
        bucket.write(key, b"x")
        bucket.write(manifest_key(model), manifest(model=model, key=key).to_bytes())
    bucket.write("latest.json", b"x")
    bucket.write("gfs/old/latest.json", b"x")
    bucket.write("half/20260420T0000Z.zarr.zip", b"x")
    assert models_in(bucket) == ["gfs", "ifs"]
    assert read_manifest(bucket, "ifs") == manifest(model="ifs", key="ifs/20260420T0000Z.zarr.zip")


def test_another_models_manifest_is_an_error(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    bucket.write("ifs/latest.json", manifest().to_bytes())
    with pytest.raises(ManifestError, match=rf"{tmp_path}/ifs/latest.json is the manifest of gfs, not of ifs"):
        read_manifest(bucket, "ifs")


def test_the_newer_run_and_then_the_later_publication_is_newer() -> None:
    later = RUN + timedelta(hours=6)
    ordered = [manifest(generation=7), manifest(generation=8), manifest(init_time=later, generation=2)]
    assert sorted(reversed(ordered), key=lambda each: each.order) == ordered


def test_keys_tell_run_and_generation() -> None:
    assert store_key("gfs", RUN) == "gfs/20260420T0000Z.zarr.zip"
    assert store_key("gfs", RUN, 3) == "gfs/20260420T0000Z.g3.zarr.zip"
    assert key_order("gfs/20260420T0000Z.zarr.zip") == (RUN, 0)
    assert key_order("gfs/20260420T0000Z.g12.zarr.zip") == (RUN, 12)
    for other in ("gfs/latest.json", "gfs/20261320T0000Z.zarr.zip", "gfs/notes.zarr.zip", "20260420T0000Z.zarr.zip"):
        assert key_order(other) is None
