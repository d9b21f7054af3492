"""Earlier runs that reach further than the newest come along and stay."""

from __future__ import annotations

from pathlib import Path

from serving.stores import Stores
from serving.sync import sync_once
from serving.synced import Outcome
from storage.folder import FolderBucket
from tests.serving.sync.synced import Publish, assert_whole, names, only


def test_a_long_run_stays_here_behind_short_ones(bucket: FolderBucket, stores: Path, published: Publish) -> None:
    published(0, leads=48)
    sync_once(bucket, stores)
    for hour in (1, 2, 3):
        newest = published(hour, leads=18)
        assert only(sync_once(bucket, stores)).bytes == newest.size
    assert names(stores) == ["20260420T0000Z", "20260420T0200Z", "20260420T0300Z", "latest.json"]
    published(6, leads=48)
    sync_once(bucket, stores)
    assert names(stores) == ["20260420T0300Z", "20260420T0600Z", "latest.json"]


def test_a_new_machine_brings_the_long_run_too(bucket: FolderBucket, stores: Path, published: Publish) -> None:
    long = published(0, leads=48)
    published(1, leads=18)
    newest = published(2, leads=18)
    synced = only(sync_once(bucket, stores))
    assert (synced.outcome, synced.bytes) == (Outcome.SYNCED, newest.size + long.size)
    assert_whole(stores, newest)
    assert names(stores) == ["20260420T0000Z", "20260420T0200Z", "latest.json"]
    assert only(sync_once(bucket, stores)).outcome is Outcome.CURRENT


def test_a_damaged_long_run_is_told_and_never_shown_and_the_newest_is_served(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    long = published(0, leads=48)
    published(1, leads=18)
    newest = published(2, leads=18)
    whole = bucket.path(long.key).read_bytes()
    bucket.path(long.key).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    failed = only(sync_once(bucket, stores))
    assert failed.outcome is Outcome.FAILED
    assert "is not what its manifest says" in str(failed.problem)
    assert_whole(stores, newest)
    assert names(stores) == ["20260420T0200Z", "latest.json"]
    bucket.path(long.key).write_bytes(whole)
    assert only(sync_once(bucket, stores)).bytes == long.size


def test_all_runs_that_reach_further_are_open_and_read_behind_the_newest(
    bucket: FolderBucket, stores: Path, published: Publish
) -> None:
    published(0, leads=48)
    served = Stores(stores)
    opened = []
    for hour in (1, 2, 3):
        published(hour, leads=18)
        sync_once(bucket, stores)
        served.check()
        opened.append([store.schema.init_time.hour for store in served.snapshot.runs])
    assert opened == [[1, 0], [2, 1, 0], [3, 2, 0]]
    held = served.snapshot.models[0].longer
    published(4, leads=18)
    sync_once(bucket, stores)
    served.check()
    assert served.snapshot.models[0].longer == held, "what is open is not opened again"
