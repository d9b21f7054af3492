"""Syncs that are killed, meet each other, or go on for ever."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from serving.sync import sync_forever, sync_once
from serving.synced import Outcome, SyncReport
from storage.errors import BucketError
from storage.folder import FolderBucket
from tests.serving.sync.synced import Breaking, Publish, assert_whole, names, only

ROOT = Path(__file__).parents[3]


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
