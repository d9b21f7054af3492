"""Downloads that break, damage and full disks: what is read stays whole."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.sync import sync_once
from serving.synced import Outcome
from storage.bucket import Bucket
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.manifest import manifest_key
from tests.serving.sync.synced import Breaking, Publish, assert_whole, names, only


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
