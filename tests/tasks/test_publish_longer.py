"""Cycles of one model may differ in length: runs that reach further stay behind shorter ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage.bucket import Bucket, open_bucket
from storage.grids import LatLonGrid
from storage.manifest import Manifest, key_order
from storage.schema import Freshness, StoreSchema
from tasks.prune import needed
from tasks.publish import publish

DAY = datetime(2026, 4, 20, tzinfo=UTC)
LONG, SHORT = 48, 18

Run = Callable[..., Manifest]


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return open_bucket(str(tmp_path / "bucket"))


@pytest.fixture
def run(bucket: Bucket, tmp_path: Path) -> Run:
    """run(hour, last): publish the run of an hour of DAY with leads up to `last`, as the finished store of it."""

    def run(hour: int, last: int) -> Manifest:
        grid = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
        leads = tuple(range(0, 60 * last + 1, 60))
        schema = StoreSchema(
            "hrrr", DAY + timedelta(hours=hour), leads, (), grid, Freshness(60, 120, 960), "nobody", "none"
        )
        path = tmp_path / f"{hour}.zarr.zip"
        path.write_bytes(f"{hour} {last}".encode())
        return publish(SimpleNamespace(path=path, schema=schema), bucket, DAY + timedelta(days=1))

    return run


def longer(manifest: Manifest) -> list[int]:
    """The hours of the runs that reach further."""
    return [run.init_time.hour for run in manifest.longer]


def runs(bucket: Bucket) -> list[int]:
    """The hours of the runs whose stores the bucket holds."""
    return sorted(order[0].hour for key in bucket.list("hrrr/") if (order := key_order(key)))


def test_a_run_that_reaches_further_stays_behind_all_shorter_ones(bucket: Bucket, run: Run) -> None:
    first = run(0, LONG)
    assert longer(first) == []
    for hour in range(1, 6):
        manifest = run(hour, SHORT)
        assert manifest.longer == (first.as_named(),)
        assert runs(bucket) == sorted({0, hour - 1, hour})
    assert longer(run(6, LONG)) == []
    run(7, SHORT)
    assert longer(run(8, SHORT)) == [6]
    assert runs(bucket) == [6, 7, 8]


def test_the_first_stage_of_a_long_run_leaves_the_last_long_one_behind_it(bucket: Bucket, run: Run) -> None:
    run(0, LONG)
    run(5, SHORT)
    assert longer(run(6, 6)) == [5, 0]
    assert longer(run(6, SHORT)) == [0]
    assert longer(run(6, LONG)) == []
    assert 0 not in runs(bucket)


def test_each_that_reaches_further_than_all_newer_ones_is_named(bucket: Bucket, run: Run) -> None:
    run(0, LONG)
    run(1, 20)
    assert longer(run(2, SHORT)) == [1, 0]
    assert longer(run(3, SHORT)) == [0], "the run of 01Z ends with this one"
    assert runs(bucket) == [0, 2, 3]


def test_the_keys_that_are_needed_hold_what_reaches_further(run: Run) -> None:
    run(0, LONG)
    for hour in (1, 2, 3, 4):
        manifest = run(hour, SHORT)
    keys = {f"hrrr/20260420T0{hour}00Z.zarr.zip" for hour in range(5)}
    assert needed(keys, manifest) == keys - {"hrrr/20260420T0100Z.zarr.zip"} - {"hrrr/20260420T0200Z.zarr.zip"}
