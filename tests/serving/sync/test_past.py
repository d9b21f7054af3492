"""The past comes along: short stores behind the runs, newest first, while there is room."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

from serving import shorts
from serving.rests import Rests
from serving.stores import Stores
from serving.sync import sync_forever, sync_once
from serving.synced import ModelSync, Outcome, SyncReport
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import Manifest
from storage.reader import Store
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band
from tasks.publish import publish
from tests.serving.sync.synced import Breaking, assert_whole, only

DAY = datetime(2026, 4, 20, tzinfo=UTC)
NOW = DAY + timedelta(hours=40)
HOURS = (0, 6, 12, 18)

Run = Callable[..., Manifest]


@pytest.fixture
def run(bucket: FolderBucket, tmp_path: Path) -> Run:
    """run(hour, seed=...): a noisy run of 31 leads with its short store of 8, published; 18 hours of past are kept."""

    def run(hour: int, model: str = "gfs", seed: int = 0) -> Manifest:
        leads = tuple(range(0, 61 * 30, 60))
        row = StoredVariable(variable("air_temperature_2m"), 0.01, 280.0, (0,) * len(leads))
        grid = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
        init_time = DAY + timedelta(hours=hour)
        schema = StoreSchema(model, init_time, leads, (row,), grid, Freshness(330, 400, 1440), "nobody", "none")
        random = np.random.default_rng((hour, seed))
        made = []
        for of in (schema, schema.until(420)):
            path = tmp_path / f"{model}-{hour}-{seed}-{len(of.lead_times)}.zarr.zip"
            with StoreWriter(path, of) as writer:
                for number, rows in enumerate((10, 9)):
                    values = random.uniform(250, 300, (len(of.lead_times), rows, 36)).astype(np.float32)
                    writer.append(encode_band(of, number, lambda name, values=values: values))
            made.append(SimpleNamespace(path=path, schema=of))
        return publish(made[0], bucket, NOW, None, timedelta(hours=18), made[1])

    return run


def past(stores: Path, model: str = "gfs") -> list[int]:
    """Hours after DAY of the short stores that are here, which all open, and that nothing else is."""
    found = []
    for path in sorted((stores / model / "history").iterdir()):
        with Store.open(path) as store:
            assert len(store.schema.lead_times) == 8
            found.append(round((store.schema.init_time - DAY) / timedelta(hours=1)))
    return found


def test_the_past_of_a_run_comes_behind_it(bucket: FolderBucket, stores: Path, run: Run) -> None:
    *_, manifest = (run(hour) for hour in HOURS)
    synced = only(sync_once(bucket, stores))
    assert_whole(stores, manifest)
    assert past(stores) == [0, 6, 12]
    assert (synced.shorts, synced.short_bytes) == (3, sum(short.size for short in manifest.history[1:]))
    assert "; 3 short stores of its past" in synced.in_words()
    for short in manifest.history[1:]:
        assert (stores / short.key).read_bytes() == bucket.read(short.key)
    assert [only(sync_once(bucket, stores)).shorts, only(sync_once(bucket, stores)).is_news] == [0, False]
    # What is not needed any more goes, and the run that was newest has a past of its own.
    run(24)
    assert only(sync_once(bucket, stores)).shorts == 1
    assert past(stores) == [6, 12, 18]
    opened = Stores(stores)
    opened.check()
    assert [short.init_time.hour for short in opened.snapshot.pasts["gfs"].here] == [12, 6]


def test_newer_ones_come_first_and_runs_before_any(bucket: FolderBucket, stores: Path, run: Run) -> None:
    for hour in HOURS:
        run(hour)
        run(hour, "ifs")
    asked: list[str] = []

    class Asked(FolderBucket):
        def download(self, key: str, local: Path, progress: object = None) -> None:
            asked.append(key.removesuffix("00Z.zarr.zip"))
            super().download(key, local)

    report = sync_once(Asked(bucket.folder), stores, shorts=2)
    assert [synced.shorts for synced in report.models] == [2, 2]
    assert asked == [
        "gfs/20260420T18",
        "ifs/20260420T18",
        *(f"{model}/history/20260420T{hour:02d}" for model in ("gfs", "ifs") for hour in (12, 6)),
    ]


def test_a_watching_sync_looks_for_new_runs_between_short_stores(bucket: FolderBucket, stores: Path, run: Run) -> None:
    for hour in HOURS:
        run(hour)
    told: list[ModelSync] = []
    stop = Event()

    def tell(report: SyncReport) -> None:
        told.append(only(report))
        if len(told) == 1:
            run(24)
        if not told[-1].is_news:
            stop.set()

    # Nothing waits for the next round while there is more.
    sync_forever(bucket, stores, 0.01, stop, tell)
    assert [synced.outcome for synced in told[:2]] == [Outcome.SYNCED] * 2
    assert [synced.shorts for synced in told] == [1, 1, 1, 0]
    assert past(stores) == [6, 12, 18]


def test_a_broken_download_goes_on_where_it_broke_and_the_run_is_here(
    bucket: FolderBucket, stores: Path, run: Run
) -> None:
    *_, manifest = (run(hour) for hour in HOURS[:2])
    sync_once(bucket, stores, shorts=0)
    synced = only(sync_once(Breaking(bucket.folder, 5_000, 1), stores))
    assert synced.outcome is Outcome.CURRENT
    assert "the past of gfs: cannot read" in str(synced.past_problem)
    assert "the line broke" in synced.in_words()
    line = Breaking(bucket.folder, 0, 0)
    assert only(sync_once(line, stores)).short_bytes == manifest.history[1].size - 5_000
    assert line.starts == [5_000]
    assert past(stores) == [0]


def test_a_damaged_one_is_told_and_never_shown_and_newer_ones_are_here(
    bucket: FolderBucket, stores: Path, run: Run
) -> None:
    *_, manifest = (run(hour) for hour in HOURS)
    damaged = manifest.history[2]
    whole = bucket.read(damaged.key)
    bucket.path(damaged.key).write_bytes(whole[:-9] + b"x" + whole[-8:])
    report = sync_once(bucket, stores)
    assert not report.failed
    assert "history/20260420T0600Z.zarr.zip is not what its manifest says" in str(only(report).past_problem)
    assert_whole(stores, manifest)
    assert past(stores) == [12]
    bucket.path(damaged.key).write_bytes(whole)
    assert only(sync_once(bucket, stores)).shorts == 2
    assert past(stores) == [0, 6, 12]
    # On the disk of this machine: its length tells.
    (stores / damaged.key).write_bytes(whole[:100])
    assert only(sync_once(bucket, stores)).shorts == 1
    assert (stores / damaged.key).read_bytes() == whole


def test_a_nearly_full_disk_keeps_room_for_the_next_run_and_the_oldest_go_first(
    bucket: FolderBucket, stores: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, manifest = (run(hour) for hour in HOURS)
    short = manifest.history[1].size
    ample = 10 * manifest.size
    room = manifest.size + 2 * short + short // 2

    def usage(folder: Path) -> SimpleNamespace:
        held = sum(path.stat().st_size for path in (stores / "gfs" / "history").glob("*"))
        return SimpleNamespace(free=ample if free is None else free - held)

    monkeypatch.setattr(shorts.shutil, "disk_usage", usage)
    free: int | None = room
    synced = only(sync_once(bucket, stores))
    assert (synced.outcome, synced.shorts) == (Outcome.SYNCED, 2)
    assert "stays without gfs/history/20260420T0000Z.zarr.zip and what is older" in str(synced.past_problem)
    assert past(stores) == [6, 12]
    # A run comes and finds room for itself and one short store.
    newer = run(24)
    free = newer.size + short + short // 2
    synced = only(sync_once(bucket, stores, shorts=0))
    assert_whole(stores, newer)
    assert past(stores) == [12]


def test_a_model_without_a_past_gets_no_folder_for_it(bucket: FolderBucket, stores: Path, published: Run) -> None:
    published(0)
    assert only(sync_once(bucket, stores)).shorts == 0
    assert not (stores / "gfs" / "history").exists()


def test_a_sync_that_was_killed_leaves_nothing_in_the_way(bucket: FolderBucket, stores: Path, run: Run) -> None:
    for hour in HOURS[:2]:
        run(hour)
    sync_once(bucket, stores)
    place = stores / "gfs" / "history"
    (place / ".20260419T0000Z.zarr.zip.0123456789abcdef.part").write_bytes(b"of a run that is not named any more")
    shutil.copy(place / "20260420T0000Z.zarr.zip", place / "20260419T0000Z.zarr.zip")
    assert only(sync_once(bucket, stores)).shorts == 0
    assert past(stores) == [0]


def test_what_fails_rests_longer_each_time() -> None:
    rests = Rests()
    rounds = []
    for _ in range(20):
        rested = rests.skip("gfs")
        rounds.append(rested)
        # A past that rested is in the report, without a problem.
        rests.learn({"gfs": not rested})
    assert [n for n, rested in enumerate(rounds) if not rested] == [0, 1, 3, 7, 15]
    rests.learn({"gfs": False})
    while rests.skip("gfs"):
        rests.learn({})
    rests.learn({"gfs": True})
    assert not rests.skip("gfs")
