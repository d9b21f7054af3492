"""What became of a model's last ingests comes along with its runs, and no run waits for that."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from serving.sync import sync_once
from serving.synced import Outcome
from storage.folder import FolderBucket
from storage.record import Attempt, Ending, change_record, read_record
from tests.serving.sync.synced import Publish, assert_whole, only

NOW = datetime(2026, 4, 20, 20, tzinfo=UTC)
FAILED = Attempt(begun_at=NOW, ended_at=NOW, outcome=Ending.FAILED, error="no mirror is left")


def test_what_the_last_ingest_said_comes_though_no_run_is_new(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    published(0)
    sync_once(bucket, stores)
    assert read_record(FolderBucket(stores), "gfs") is None
    told = change_record(bucket, "gfs", lambda record: record.with_attempt(FAILED))
    assert only(sync_once(bucket, stores)).outcome is Outcome.CURRENT
    assert read_record(FolderBucket(stores), "gfs") == told
    looks = (stores / "gfs" / "ingest.json").stat()
    sync_once(bucket, stores)
    assert (stores / "gfs" / "ingest.json").stat().st_ino == looks.st_ino, "written anew though nothing was new"


def test_a_record_that_cannot_be_read_keeps_no_run_back(bucket: FolderBucket, stores: Path, published: Publish) -> None:
    manifest = published(0)
    bucket.path("gfs/ingest.json").write_bytes(b"no record")
    assert only(sync_once(bucket, stores)).outcome is Outcome.SYNCED
    assert_whole(stores, manifest)
    assert not (stores / "gfs" / "ingest.json").exists()
