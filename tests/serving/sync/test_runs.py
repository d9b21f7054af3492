"""Runs come from the bucket one after another, and go again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from serving.sync import sync_once
from serving.synced import Outcome
from storage.bucket import Bucket, open_bucket
from storage.folder import FolderBucket
from storage.grids import Cell
from storage.manifest import manifest_key
from storage.reader import Store
from tests.serving.sync.synced import Publish, assert_whole, names, only


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
