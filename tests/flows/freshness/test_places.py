"""Disks that fill up, and a bucket out of reach."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

import flows.freshness as room
from flows.errors import BucketSilent
from flows.freshness import freshness
from storage.folder import FolderBucket
from tests.flows.freshness.looks import LATE, RUN, HttpSink, Published, kinds


def test_a_disk_nearly_full_is_told_until_there_is_clearly_room(
    bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(gigabytes: float) -> list[str]:
        usage = SimpleNamespace(free=int(gigabytes * 1e9), total=1_000_000_000_000)
        monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage)
        report = freshness(now=RUN)
        assert report.red == (gigabytes < 20)
        return kinds(bucket)

    assert free(30) == []
    assert free(19) == ["bucket-disk", "work-disk"]
    assert free(21) == ["bucket-disk", "work-disk"]
    assert free(25) == []


def test_the_disk_of_each_folder_is_looked_at_where_there_is_one(
    bucket: FolderBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = tmp_path / "stores"
    monkeypatch.setenv("WINDLASS_STORES", str(stores))
    full: list[Path] = []

    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=1 if folder in full else 900_000_000_000, total=1_000_000_000_000)

    monkeypatch.setattr(room.shutil, "disk_usage", usage)
    bucket.folder.mkdir()
    (tmp_path / "work").mkdir()
    assert [disk.name for disk in freshness(now=RUN).disks] == ["work", "bucket"]
    # Sync made it.
    stores.mkdir()
    for folder in (tmp_path / "work", bucket.folder, stores):
        full[:] = [folder]
        report = freshness(now=RUN)
        assert [disk.name for disk in report.disks if disk.nearly_full] == [folder.name]
        assert f"the disk of the {folder.name} folder has 1 B of 1.0 TB free" in report.problems
        assert kinds(bucket) == [f"{folder.name}-disk"]
    full.clear()
    freshness(now=RUN)
    assert kinds(bucket) == []


def test_a_bucket_out_of_reach_is_told_from_the_work_folder_once_and_once_when_it_is_back(
    bucket: FolderBucket, published: Published, tmp_path: Path, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    published()
    away = tmp_path / "away"
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        bucket.folder.rename(away)
        bucket.folder.write_text("not a folder")
        for _ in range(3):
            with pytest.raises(BucketSilent):
                freshness(now=RUN + LATE)
        (notice,) = sink.told
        assert notice["title"] == "windlass: bucket out of reach"
        bucket.folder.unlink()
        away.rename(bucket.folder)
        for _ in range(2):
            freshness(now=RUN + LATE)
    assert [told["title"] for told in sink.told[1:]] == [
        "windlass: bucket no longer out of reach",
        "windlass: gfs late",
    ]


def test_on_a_disk_that_takes_nothing_people_are_told_all_the_same(
    bucket: FolderBucket, small_disk: Path, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (small_disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(4096)):
            pass
    monkeypatch.setenv("WINDLASS_WORK", str(small_disk / "work"))
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0, total=2 << 20))
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        with pytest.raises(BucketSilent, match="no room left"):
            freshness(bucket=str(small_disk / "bucket"), now=RUN)
    (notice,) = sink.told
    assert notice["title"] == "windlass: bucket out of reach"
    assert "no room left" in notice["reason"]
