"""The run before the newest comes along where the newest one lacks something."""

from __future__ import annotations

import shutil
from pathlib import Path

from serving.sync import sync_once
from serving.synced import Outcome
from storage.folder import FolderBucket
from tests.serving.sync.synced import Breaking, Publish, assert_whole, names, only


def test_a_new_machine_brings_the_run_before_too_where_the_newest_lacks_something(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    """Else a machine that is started between two stages has no last days of the forecast."""
    before = published(0)
    stage = published(6, of=60)
    synced = only(sync_once(bucket, stores))
    assert (synced.outcome, synced.key, synced.bytes) == (Outcome.SYNCED, stage.key, stage.size + before.size)
    assert_whole(stores, stage)
    assert names(stores) == ["20260420T0000Z", "20260420T0600Z", "latest.json"]
    assert (stores / before.key).read_bytes() == bucket.path(before.key).read_bytes()
    assert only(sync_once(bucket, stores)).outcome is Outcome.CURRENT

    whole = published(12)
    shutil.rmtree(stores)
    assert only(sync_once(bucket, stores)).bytes == whole.size
    assert names(stores) == ["20260420T1200Z", "latest.json"]


def test_a_machine_that_slept_brings_the_run_before_the_newest(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    published(0)
    sync_once(bucket, stores)
    before = published(6)
    stage = published(12, of=60)
    assert only(sync_once(bucket, stores)).bytes == before.size + stage.size
    assert names(stores) == ["20260420T0000Z", "20260420T0600Z", "20260420T1200Z", "latest.json"]


def test_a_damaged_run_before_is_told_and_never_shown_and_the_newest_is_served(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    before = published(0)
    stage = published(6, of=60)
    whole = bucket.path(before.key).read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 0x55
    bucket.path(before.key).write_bytes(damaged)
    failed = only(sync_once(bucket, stores))
    assert failed.outcome is Outcome.FAILED
    assert "is damaged" in str(failed.problem)
    assert_whole(stores, stage)
    assert names(stores) == ["20260420T0600Z", "latest.json"]
    bucket.path(before.key).write_bytes(whole)
    assert only(sync_once(bucket, stores)).bytes == before.size


def test_a_broken_download_of_the_run_before_goes_on_where_it_broke(
    bucket: FolderBucket, stores: Path, published: Publish, tmp_path: Path
) -> None:
    stage = published(6, of=60)
    sync_once(bucket, stores)
    other = FolderBucket(tmp_path / "other")
    before = published(0, into=other)
    shutil.copy(other.path(before.key), bucket.path(before.key))
    assert "the line broke" in str(only(sync_once(Breaking(bucket.folder, 30_000, 1), stores)).problem)
    assert_whole(stores, stage)
    line = Breaking(bucket.folder, 0, 0)
    assert only(sync_once(line, stores)).bytes == before.size - 30_000
    assert line.starts == [30_000]
    assert names(stores) == ["20260420T0000Z", "20260420T0600Z", "latest.json"]
