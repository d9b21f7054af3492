"""Publishing the past: a run and its short store become visible by the same swap."""

from __future__ import annotations

import hashlib
import random
import signal
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage.bucket import Bucket, open_bucket
from storage.errors import BucketError, Conflict
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import Manifest, read_manifest
from storage.schema import Freshness, StoreSchema
from tasks.publish import publish
from tests.tasks.paused import child

DAY = datetime(2026, 4, 20, tzinfo=UTC)
NOW = DAY + timedelta(hours=20)
KEEP = timedelta(hours=12)

Run = Callable[..., Manifest]


@pytest.fixture
def finished(tmp_path: Path) -> Callable[..., Any]:
    """finished(hour, leads, seed): files as if they were the finished stores of a run: whole, and short."""

    def finished(hour: int, leads: tuple[int, ...] = (0, 360, 720), seed: int = 0) -> tuple[Any, Any]:
        grid = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
        schema = StoreSchema(
            "gfs", DAY + timedelta(hours=hour), leads, (), grid, Freshness(330, 400, 1440), "nobody", "none"
        )
        made = []
        for name, of in (("whole", schema), ("short", schema.until(leads[-1] - 1))):
            path = tmp_path / f"{name}.{hour}.{seed}.zarr.zip"
            path.write_bytes(random.Random(path.name).randbytes(1000 if name == "whole" else 100))
            made.append(SimpleNamespace(path=path, schema=of))
        return made[0], made[1]

    return finished


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    if request.param == "folder":
        return open_bucket(str(tmp_path / "bucket"))
    return open_bucket(request.getfixturevalue("s3").base)


@pytest.fixture
def run(bucket: Bucket, finished: Any) -> Run:
    """run(hour, seed=...): publish a run with its short store."""

    def run(hour: int, seed: int = 0) -> Manifest:
        whole, short = finished(hour, seed=seed)
        return publish(whole, bucket, NOW, None, KEEP, short)

    return run


def hours(manifest: Manifest | None) -> list[int]:
    """Hours after DAY of the short stores that are published."""
    assert manifest is not None
    return [round((short.init_time - DAY) / timedelta(hours=1)) for short in manifest.history]


def names(keys: Iterable[str]) -> list[str]:
    return [key.removeprefix("gfs/").removesuffix(".zarr.zip") for key in keys]


def assert_history(bucket: Bucket) -> Manifest:
    """Every short store that is published is there, is what the manifest says, and there is no other one."""
    manifest = read_manifest(bucket, "gfs")
    assert manifest is not None
    for short in manifest.history:
        data = bucket.read(short.key)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (short.size, short.sha256)
    assert set(bucket.list("gfs/history/")) == {short.key for short in manifest.history}
    return manifest


def test_short_stores_stay_for_as_long_as_retention_says_and_whole_ones_for_two_runs(bucket: Bucket, run: Run) -> None:
    for hour in (-24, -6, 0, 6, 12):
        run(hour)
    manifest = assert_history(bucket)
    assert hours(manifest) == [12, 6, 0]
    assert [short.end for short in manifest.history[:1]] == [manifest.init_time + timedelta(hours=6)]
    assert names(bucket.list("gfs/")) == [
        "20260420T0600Z",
        "20260420T1200Z",
        *(f"history/20260420T{hour:02d}00Z" for hour in (0, 6, 12)),
        "latest.json",
    ]


def test_a_run_that_is_published_again_has_one_short_store_its_last(bucket: Bucket, run: Run, finished: Any) -> None:
    run(0)
    run(6)
    manifest = run(6, seed=1)
    assert hours(assert_history(bucket)) == [6, 0]
    assert manifest.history[0].key == "gfs/history/20260420T0600Z.g3.zarr.zip"
    # Somebody asked for leads of the far end only.
    without = publish(finished(6, seed=2)[0], bucket, NOW, None, KEEP)
    assert without.history == manifest.history
    assert_history(bucket)


def test_a_short_store_that_no_manifest_names_is_in_nobodys_way(bucket: Bucket, run: Run) -> None:
    """As where somebody removed a manifest that was damaged, and the whole store."""
    first = run(0)
    bucket.delete(first.key)
    bucket.delete("gfs/latest.json")
    again = run(0)
    assert again.key != first.key
    assert assert_history(bucket).history[0].init_time == again.init_time


def test_a_model_that_keeps_no_past_has_no_short_stores(bucket: Bucket, run: Run, finished: Any) -> None:
    run(0)
    assert publish(finished(6)[0], bucket, NOW).history == ()
    assert_history(bucket)


def test_the_loser_of_two_publishers_takes_its_short_store_away(bucket: Bucket, run: Run, finished: Any) -> None:
    run(0)
    whole, short = finished(6)

    class Racing(type(bucket)):  # type: ignore[misc]
        """Before it swaps for the first time, another machine publishes a newer run."""

        def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
            if not raced:
                raced.append(run(12))
            super().swap(key, data, expected)

    raced: list[Manifest] = []
    with pytest.raises(Conflict, match="2026-04-20T12:00Z was published meanwhile"):
        publish(whole, _of(Racing, bucket), NOW, None, KEEP, short)
    assert hours(assert_history(bucket)) == [12, 0]


def test_of_two_publishers_the_newer_run_keeps_the_short_store_of_the_other(
    bucket: Bucket, run: Run, finished: Any
) -> None:
    run(0)
    whole, short = finished(12)

    class Racing(type(bucket)):  # type: ignore[misc]
        """Before it swaps for the first time, another machine publishes an older run."""

        def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
            if not raced:
                raced.append(run(6))
            super().swap(key, data, expected)

    raced: list[Manifest] = []
    publish(whole, _of(Racing, bucket), NOW, None, KEEP, short)
    assert hours(assert_history(bucket)) == [12, 6, 0]


def _of(kind: Any, bucket: Bucket) -> Bucket:
    """The same bucket as another kind of it."""
    other: Bucket = kind.__new__(kind)
    other.__dict__.update(bucket.__dict__)
    return other


def test_a_short_store_that_cannot_be_uploaded_leaves_the_old_run(tmp_path: Path, finished: Any) -> None:
    class Broken(FolderBucket):
        def upload(self, local: Path, key: str, progress: Any = None) -> str:
            if "history" in key and "T0600Z" in key:
                raise BucketError("the line broke")
            return super().upload(local, key, progress)

    bucket = Broken(tmp_path / "bucket")
    for hour in (0, 6, 12):
        whole, short = finished(hour)
        if hour == 6:
            with pytest.raises(BucketError, match="the line broke"):
                publish(whole, bucket, NOW, None, KEEP, short)
        else:
            publish(whole, bucket, NOW, None, KEEP, short)
        assert hours(assert_history(bucket)) == ([12, 0] if hour == 12 else [0])


@pytest.mark.parametrize("point", ["swapping", "swapped"])
def test_killed_anywhere_a_run_and_its_short_store_are_both_published_or_neither(
    tmp_path: Path, finished: Any, point: str
) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    for hour in (-18, 0, 6):
        whole, short = finished(hour)
        publish(whole, bucket, NOW, None, KEEP, short)
    whole, short = finished(12)
    whole.short = short
    with child(bucket.base, whole, point) as process:
        process.send_signal(signal.SIGKILL)
    manifest = read_manifest(bucket, "gfs")
    assert hours(manifest) == ([12, 6, 0] if point == "swapped" else [6, 0])
    assert {short.key for short in manifest.history} <= set(bucket.list())
    whole, short = finished(12, seed=1)
    publish(whole, bucket, NOW, None, KEEP, short)
    assert hours(assert_history(bucket)) == [12, 6, 0]
