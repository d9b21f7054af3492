"""Bucket to folder: whatever breaks, what is read stays whole."""

from __future__ import annotations

import hashlib
import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serving import sync as verb
from serving.sync import Outcome, SyncReport, sync_forever, sync_once
from storage.bucket import Bucket, open_bucket
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.grids import Cell, LatLonGrid
from storage.manifest import Manifest, manifest_key, read_manifest
from storage.reader import Store
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band
from tasks.publish import publish

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 4, 20, 20, tzinfo=UTC)
GRID = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)

Publish = Callable[..., Manifest]


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    return tmp_path / "stores"


@pytest.fixture
def published(bucket: FolderBucket, tmp_path: Path) -> Publish:
    """published(hour, model=..., into=...): a run of 19 x 36 noisy cells (about 70 kB), published."""

    def published(hour: int, model: str = "gfs", into: Bucket | None = None) -> Manifest:
        lead_times = tuple(range(0, 61 * 30, 60))
        row = StoredVariable(variable("air_temperature_2m"), 0.01, 280.0, (0,) * len(lead_times))
        schema = StoreSchema(
            model,
            datetime(2026, 4, 20, hour, tzinfo=UTC),
            lead_times,
            (row,),
            GRID,
            Freshness(330, 400, 1440),
            "nobody",
            "none",
        )
        random = np.random.default_rng(hour)
        path = tmp_path / f"{model}-{hour}.zarr.zip"
        with StoreWriter(path, schema) as writer:
            for number, rows in enumerate((10, 9)):
                values = random.uniform(250, 300, (len(lead_times), rows, 36)).astype(np.float32)
                writer.append(encode_band(schema, number, lambda name, values=values: values))
        return publish(SimpleNamespace(path=path, schema=schema), into or bucket, NOW)

    return published


def only(report: SyncReport) -> verb.ModelSync:
    assert len(report.models) == 1
    return report.models[0]


def assert_whole(stores: Path, manifest: Manifest) -> None:
    """`manifest` is what the folder holds of its model, to the bit, and opens."""
    assert read_manifest(FolderBucket(stores), manifest.model) == manifest
    data = (stores / manifest.key).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (manifest.size, manifest.sha256)
    with Store.open(stores / manifest.key) as store:
        assert store.schema.init_time == manifest.init_time


def names(stores: Path) -> list[str]:
    """The model's files, without the lock and suffixes."""
    return sorted(path.name.removesuffix(".zarr.zip") for path in (stores / "gfs").iterdir() if path.name != ".lock")


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_runs_come_one_after_another_and_the_previous_one_stays(
    request: pytest.FixtureRequest, kind: str, bucket: Bucket, stores: Path, published: Publish
) -> None:
    if kind == "s3":
        bucket = open_bucket(request.getfixturevalue("s3").base)
    for hour in (0, 6, 12):
        manifest = published(hour, into=bucket)
        synced = only(sync_once(bucket, stores))
        assert synced.outcome is Outcome.SYNCED
        assert (synced.init_time, synced.key, synced.bytes) == (manifest.init_time, manifest.key, manifest.size)
        assert_whole(stores, manifest)
    assert names(stores) == ["20260420T0600Z", "20260420T1200Z", "latest.json"]
    again = only(sync_once(bucket, stores))
    assert (again.outcome, again.bytes) == (Outcome.CURRENT, 0)


def test_who_reads_a_store_that_is_deleted_reads_on(bucket: Bucket, stores: Path, published: Publish) -> None:
    first = published(0)
    sync_once(bucket, stores)
    with Store.open(stores / first.key) as store:
        before = store.point(Cell(3, 4))
        for hour in (6, 12):
            published(hour)
            sync_once(bucket, stores)
        assert not (stores / first.key).exists()
        np.testing.assert_array_equal(store.point(Cell(3, 4)), before)
        assert np.isfinite(store.point(Cell(15, 30))).all()


def test_a_run_that_is_published_again_replaces_itself(bucket: Bucket, stores: Path, published: Publish) -> None:
    published(0)
    sync_once(bucket, stores)
    again = published(0)
    assert only(sync_once(bucket, stores)).outcome is Outcome.SYNCED
    assert_whole(stores, again)
    assert names(stores) == ["20260420T0000Z", "20260420T0000Z.g2", "latest.json"]


def test_the_run_before_stays_however_often_a_run_is_published(
    bucket: Bucket, stores: Path, published: Publish
) -> None:
    for hour in (0, 6, 6, 6):
        published(hour)
        sync_once(bucket, stores)
    assert names(stores) == ["20260420T0000Z", "20260420T0600Z.g3", "20260420T0600Z.g4", "latest.json"]
    published(12)
    sync_once(bucket, stores)
    assert names(stores) == ["20260420T0600Z.g4", "20260420T1200Z", "latest.json"]


def test_a_bucket_that_was_begun_anew_is_taken(bucket: Bucket, stores: Path, published: Publish) -> None:
    first = published(0)
    sync_once(bucket, stores)
    other = FolderBucket(stores.parent / "other")
    data = first.model_copy(update={"key": "gfs/20260420T0000Z.g7.zarr.zip", "published_at": datetime.now(UTC)})
    other.write(data.key, (stores / first.key).read_bytes())
    other.write(manifest_key("gfs"), data.to_bytes())
    assert only(sync_once(other, stores)).outcome is Outcome.SYNCED
    assert_whole(stores, data)


def test_an_older_run_is_told_and_taken_only_where_asked_for(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    older = published(0)
    newer = published(6)
    sync_once(bucket, stores)
    bucket.write(manifest_key("gfs"), older.to_bytes())
    report = sync_once(bucket, stores)
    assert not report.failed
    assert only(report).outcome is Outcome.OLDER
    assert f"{bucket.url(older.key)} (generation 1) is older than the local {newer.key}" in only(report).in_words()
    assert_whole(stores, newer)
    assert only(sync_once(bucket, stores, older=True)).outcome is Outcome.SYNCED
    assert_whole(stores, older)
    assert only(sync_once(bucket, stores)).outcome is Outcome.CURRENT


def test_a_wrong_checksum_is_told_and_dropped_and_tried_again(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    before = published(0)
    sync_once(bucket, stores)
    after = published(6)
    path = bucket.path(after.key)
    whole = path.read_bytes()
    for damaged in (whole[:-1] + b"x", whole[:-100], whole + b"more"):
        path.write_bytes(damaged)
        report = sync_once(bucket, stores)
        assert report.failed
        assert f"{bucket.url(after.key)} is not what its manifest says" in str(only(report).problem)
        assert "gfs" in str(only(report).problem)
        assert_whole(stores, before)
        assert names(stores) == ["20260420T0000Z", "latest.json"]
    path.write_bytes(whole)
    assert not sync_once(bucket, stores).failed
    assert_whole(stores, after)


class Breaking(FolderBucket):
    """A bucket whose line breaks behind `after` bytes of every read but the last one of `times`."""

    def __init__(self, folder: Path, after: int, times: int) -> None:
        super().__init__(folder)
        self.after = after
        self.times = times
        self.starts: list[int] = []

    def blocks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        self.starts.append(start)
        if not self.times:
            yield from super().blocks(key, start, end)
            return
        self.times -= 1
        yield from super().blocks(key, start, min(start + self.after, end))
        raise BucketError(f"cannot read {self.url(key)}: the line broke")


def test_a_broken_download_goes_on_where_it_broke(bucket: FolderBucket, stores: Path, published: Publish) -> None:
    before = published(0)
    sync_once(bucket, stores)
    after = published(6)
    line = Breaking(bucket.folder, 10_000, 2)
    for _ in range(2):
        report = sync_once(line, stores)
        assert f"cannot read {bucket.url(after.key)}: the line broke" in str(only(report).problem)
        assert_whole(stores, before)
    synced = only(sync_once(line, stores))
    assert line.starts == [0, 10_000, 20_000]
    assert synced.bytes == after.size - 20_000
    assert_whole(stores, after)
    assert names(stores) == ["20260420T0000Z", "20260420T0600Z", "latest.json"]


def test_bytes_that_went_bad_since_a_broken_download_are_found_out(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    manifest = published(0)
    line = Breaking(bucket.folder, 10_000, 1)
    sync_once(line, stores)
    (part,) = (stores / "gfs").glob(".*.part")
    part.write_bytes(b"\0" * 10_000)
    assert only(sync_once(line, stores)).outcome is Outcome.SYNCED
    assert line.starts == [0, 10_000, 0]
    assert_whole(stores, manifest)


def test_a_download_of_a_run_that_is_not_wanted_any_more_is_removed(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    published(0)
    sync_once(Breaking(bucket.folder, 10_000, 1), stores)
    assert any(name.endswith(".part") for name in names(stores))
    published(6)
    sync_once(bucket, stores)
    assert names(stores) == ["20260420T0600Z", "latest.json"]


@pytest.mark.parametrize("content", [b"no zip at all", "another run"])
def test_what_cannot_be_opened_is_never_swapped_in_nor_downloaded_twice(
    bucket: FolderBucket, stores: Path, published: Publish, content: bytes | str
) -> None:
    before = published(0)
    sync_once(bucket, stores)
    after = published(6)
    data = bucket.read(before.key) if isinstance(content, str) else content
    bad = after.model_copy(update={"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    bucket.write(bad.key, data)
    bucket.write(manifest_key("gfs"), bad.to_bytes())
    line = Breaking(bucket.folder, 0, 0)
    for _ in range(2):
        report = sync_once(line, stores)
        assert report.failed
        assert bucket.url(after.key) in str(only(report).problem)
        assert_whole(stores, before)
    assert line.starts == [0, len(data)]
    published(12)
    assert not sync_once(bucket, stores).failed


def test_one_model_that_fails_stops_no_other(bucket: FolderBucket, stores: Path, published: Publish) -> None:
    for model in ("aaa", "gfs", "zzz"):
        published(0, model)
    bucket.write("aaa/latest.json", b"<html>502</html>")
    bucket.delete("gfs/20260420T0000Z.zarr.zip")
    report = sync_once(bucket, stores)
    assert [model.outcome for model in report.models] == [Outcome.FAILED, Outcome.FAILED, Outcome.SYNCED]
    assert f"{bucket.url('aaa/latest.json')} is not a valid manifest" in str(report.models[0].problem)
    assert f"{bucket.url('gfs/20260420T0000Z.zarr.zip')}: it does not exist" in str(report.models[1].problem)
    assert not (stores / "aaa").exists()


def test_a_bug_has_a_stack_trace_and_stops_no_other_model(
    bucket: FolderBucket, stores: Path, published: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    class Buggy(FolderBucket):
        def size(self, key: str) -> int:
            return super().size(key) // (0 if key.startswith("gfs/") else 1)

    published(0, "gfs")
    published(0, "ifs")
    report = sync_once(Buggy(bucket.folder), stores)
    assert [model.outcome for model in report.models] == [Outcome.FAILED, Outcome.SYNCED]
    assert "gfs: ZeroDivisionError" in str(report.models[0].problem)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_damaged_local_manifest_is_replaced(
    bucket: Bucket, stores: Path, published: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = published(0)
    sync_once(bucket, stores)
    (stores / "gfs" / "latest.json").write_bytes(b"{")
    synced = only(sync_once(bucket, stores))
    assert (synced.outcome, synced.bytes) == (Outcome.SYNCED, 0)
    assert_whole(stores, manifest)
    (stores / manifest.key).unlink()
    assert only(sync_once(bucket, stores)).bytes == manifest.size
    assert_whole(stores, manifest)


def test_syncing_a_bucket_into_itself_is_refused(bucket: FolderBucket, published: Publish) -> None:
    published(0)
    with pytest.raises(BucketError, match="is the bucket itself; sync into another folder"):
        sync_once(bucket, bucket.folder)


def test_a_disk_without_room_is_said_before_the_download(
    bucket: FolderBucket, small_disk: Path, published: Publish
) -> None:
    before = published(0)
    sync_once(bucket, small_disk)
    after = published(6)
    (small_disk / "filler").write_bytes(b"\0" * (shutil.disk_usage(small_disk).free - after.size // 2))
    line = Breaking(bucket.folder, 0, 0)
    report = sync_once(line, small_disk)
    assert f"no room left on the disk of {small_disk}/gfs: {after.size} bytes are to come" in str(only(report).problem)
    assert line.starts == []
    assert_whole(small_disk, before)
    assert names(small_disk) == ["20260420T0000Z", "latest.json"]


def test_a_disk_that_fills_up_during_a_download_keeps_the_old_run(
    bucket: FolderBucket, small_disk: Path, published: Publish
) -> None:
    class Hog(FolderBucket):
        """While it is read, somebody else takes all the room there is."""

        def blocks(self, key: str, start: int, end: int) -> Iterator[bytes]:
            yield from super().blocks(key, start, 1000)
            with (small_disk / "filler").open("wb", buffering=0) as filler:
                while shutil.disk_usage(small_disk).free:
                    filler.write(b"\0" * 65536)
            yield from super().blocks(key, 1000, end)

    before = published(0)
    sync_once(bucket, small_disk)
    after = published(6)
    report = sync_once(Hog(bucket.folder), small_disk)
    assert report.failed
    assert f"no room left on the disk of {small_disk}/gfs" in str(only(report).problem)
    assert names(small_disk) == ["20260420T0000Z", "latest.json"]
    assert_whole(small_disk, before)
    (small_disk / "filler").unlink()
    assert not sync_once(bucket, small_disk).failed
    assert_whole(small_disk, after)


PAUSE_AT = """
import os, sys
from pathlib import Path
from serving import shelf, sync
from storage.folder import FolderBucket

folder, stores, point = sys.argv[1:]

def pause():
    print("paused", flush=True)
    sys.stdin.readline()

def pausing(function):
    def call(*arguments):
        pause()
        return function(*arguments)
    return call

class Slow(FolderBucket):
    def blocks(self, key, start, end):
        yield from super().blocks(key, start, 10_000)
        if point == "downloading":
            pause()
        yield from super().blocks(key, max(start, 10_000), end)

for name in ("show", "clean"):
    if point == name:
        setattr(sync, name, pausing(getattr(sync, name)))
report = sync.sync_once(Slow(Path(folder)), Path(stores))
print(report.models[0].outcome, report.models[0].bytes, report.models[0].problem)
"""


def child(bucket: FolderBucket, stores: Path, point: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PAUSE_AT, str(bucket.folder), str(stores), point],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == line, process.communicate()[1]


@pytest.mark.parametrize("point", ["downloading", "show", "clean"])
def test_killed_anywhere_a_whole_run_is_read_and_the_next_sync_cleans_up(
    bucket: FolderBucket, stores: Path, published: Publish, point: str
) -> None:
    for hour in (0, 6):
        before = published(hour)
        sync_once(bucket, stores)
    after = published(12)
    with child(bucket, stores, point) as process:
        wait_for(process, "paused\n")
        process.send_signal(signal.SIGKILL)
    assert_whole(stores, after if point == "clean" else before)
    synced = only(sync_once(bucket, stores))
    assert synced.bytes == (after.size - 10_000 if point == "downloading" else 0)
    assert_whole(stores, after)
    assert names(stores) == ["20260420T0600Z", "20260420T1200Z", "latest.json"]


def test_two_syncs_of_one_folder_wait_for_each_other(bucket: FolderBucket, stores: Path, published: Publish) -> None:
    manifest = published(0)
    with child(bucket, stores, "downloading") as first:
        wait_for(first, "paused\n")
        with child(bucket, stores, "") as second:
            assert second.stderr is not None
            assert "gfs is being synced into" in second.stderr.readline()
            assert first.communicate("\n")[0] == f"synced {manifest.size} None\n"
            assert second.communicate()[0] == "current 0 None\n"
    assert_whole(stores, manifest)


class Rounds(Event):
    """Ends a watch after some rounds, without waiting; `acts` happen between them."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.acts = list(acts)
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        if self.acts:
            self.acts.pop(0)()
        else:
            self.set()
        return self.is_set()


def test_a_watch_takes_up_new_runs_and_survives_a_bucket_that_is_gone(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    class Gone(FolderBucket):
        gone = False

        def list(self, prefix: str = "") -> Any:
            if self.gone:
                raise BucketError(f"cannot list {self.base}: Connection refused")
            return super().list(prefix)

    line = Gone(bucket.folder)
    reports: list[SyncReport] = []
    rounds = Rounds(
        lambda: published(0), lambda: setattr(line, "gone", True), lambda: setattr(line, "gone", False), lambda: None
    )
    sync_forever(line, stores, 60, rounds, reports.append)
    assert [[model.outcome for model in report.models] for report in reports] == [
        [], [Outcome.SYNCED], [], [Outcome.CURRENT], [Outcome.CURRENT],
    ]  # fmt: skip
    assert [report.problem for report in reports][2] == f"cannot list {bucket.base}: Connection refused"
    assert [report.failed for report in reports] == [False, False, True, False, False]
    assert all(48 <= wait <= 72 for wait in rounds.waits)
    assert len(set(rounds.waits)) > 1


def test_a_watch_survives_a_bug_of_its_own(
    bucket: FolderBucket, stores: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Buggy(FolderBucket):
        def list(self, prefix: str = "") -> Any:
            raise ZeroDivisionError

    reports: list[SyncReport] = []
    with caplog.at_level(logging.ERROR):
        sync_forever(Buggy(bucket.folder), stores, 60, Rounds(lambda: None), reports.append)
    assert [report.problem for report in reports] == ["ZeroDivisionError()"] * 2
    assert all(record.exc_info for record in caplog.records)


def test_a_model_that_keeps_failing_rests_longer_and_longer(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    broken = published(0, "gfs")
    published(0, "ifs")
    bucket.path(broken.key).write_bytes(b"x" * broken.size)
    line = Breaking(bucket.folder, 0, 0)
    reports: list[SyncReport] = []
    sync_forever(line, stores, 60, Rounds(*[lambda: None] * 19), reports.append)
    tried = [number for number, report in enumerate(reports) if "gfs" in [model.model for model in report.models]]
    assert tried == [0, 1, 3, 7, 15]
    assert all("ifs" in [model.model for model in report.models] for report in reports)
