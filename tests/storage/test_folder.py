"""What only a bucket in a folder does: keys that are paths, locks, the system's refusals."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import BucketError
from storage.folder import FolderBucket

Begin = Callable[..., subprocess.Popen[str]]


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../other", "gfs/../../x", ".lock", "gfs/.hidden", "gfs/\0"])
def test_a_folder_has_no_keys_that_lead_elsewhere(tmp_path: Path, key: str) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    for verb in (bucket.read, bucket.size, bucket.delete):
        with pytest.raises(BucketError, match="is not a key of"):
            verb(key)
    with pytest.raises(BucketError, match="is not a key of"):
        bucket.write(key, b"x")


def test_a_folder_that_is_not_there_is_an_empty_bucket_and_made_by_its_first_writer(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "a" / "b")
    assert bucket.list() == []
    bucket.sweep("gfs/", lambda key: True)
    assert not (tmp_path / "a").exists()
    bucket.swap("gfs/latest.json", b"one", None)
    assert bucket.list() == ["gfs/latest.json"]


def test_a_sweep_of_a_folder_spares_what_a_living_process_writes(tmp_path: Path, hanging_upload: Begin) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    data = random.Random(0).randbytes(9 << 20)
    (tmp_path / "run").write_bytes(data)
    with hanging_upload(bucket.base, tmp_path / "run", "gfs/new.zip") as process:
        bucket.sweep("gfs/", lambda key: True)
        process.communicate()
    assert process.returncode == 0
    assert bucket.read("gfs/new.zip") == data


def test_a_writer_waits_for_the_lock_of_a_folder(tmp_path: Path, swapper: Begin) -> None:
    bucket = FolderBucket(tmp_path)
    bucket.write("gfs/latest.json", b"one")
    with (tmp_path / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = swapper(str(tmp_path))
        assert child.stdin is not None
        child.stdin.write("one two\n")
        child.stdin.flush()
        assert bucket.read("gfs/latest.json") == b"one"
        os.replace(_other(tmp_path, b"three"), tmp_path / "gfs" / "latest.json")
    assert child.communicate()[0] == "lost\n"


def _other(folder: Path, data: bytes) -> Path:
    path = folder / ".other"
    path.write_bytes(data)
    return path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    bucket.write("gfs/a", b"x")
    (tmp_path / "gfs").chmod(0)
    try:
        with pytest.raises(BucketError, match="Permission denied"):
            bucket.list()
    finally:
        (tmp_path / "gfs").chmod(0o755)


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "gfs").write_bytes(b"")
    with pytest.raises(BucketError, match=r"cannot write .*gfs/a"):
        FolderBucket(tmp_path).write("gfs/a", b"x")


def test_an_upload_on_the_same_disk_takes_no_room_and_one_from_another_disk_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    local = tmp_path / "run"
    local.write_bytes(bytes(range(256)) * 1000)
    truth = hashlib.sha256(local.read_bytes()).hexdigest()
    assert bucket.upload(local, "gfs/one") == truth
    assert bucket.path("gfs/one").samefile(local)

    def across(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", across)
    assert bucket.upload(local, "gfs/two") == truth
    assert not bucket.path("gfs/two").samefile(local)
    assert bucket.read("gfs/two") == bucket.read("gfs/one") == local.read_bytes()
    assert sorted(path.name for path in (tmp_path / "bucket").rglob("*") if path.is_file()) == [".lock", "one", "two"]
