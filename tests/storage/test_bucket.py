"""One law suite for every bucket; then what only a folder does."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.bucket import Bucket, FolderBucket, open_bucket
from storage.errors import BucketError, Conflict, ObjectNotFound

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


class Subject:
    """A bucket under test; `halves()` names what is left of uploads that did not end."""

    def __init__(self, bucket: Bucket, url: str, halves: Callable[[], list[str]]) -> None:
        self.bucket = bucket
        self.url = url
        self.halves = halves


@pytest.fixture(params=["folder", "s3"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    if request.param == "folder":
        folder = tmp_path / "bucket"
        return Subject(FolderBucket(folder), str(folder), lambda: sorted(p.name for p in folder.rglob("*.part")))
    s3 = request.getfixturevalue("s3")

    def halves() -> list[str]:
        return [row["Key"] for row in s3.client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads", ())]

    return Subject(open_bucket(s3.base), s3.base, halves)


@pytest.fixture
def bucket(subject: Subject) -> Bucket:
    return subject.bucket


def file_of(path: Path, size: int) -> bytes:
    """Writes a file of random bytes, always the same ones for its size."""
    data = random.Random(size).randbytes(size)
    path.write_bytes(data)
    return data


def test_an_empty_bucket_lists_nothing(bucket: Bucket) -> None:
    assert bucket.list() == []
    assert bucket.list("gfs/") == []


def test_written_objects_are_listed_in_order_and_read(bucket: Bucket) -> None:
    for key in ("ifs/b", "gfs/b", "gfs/a", "gfs-b/a"):
        bucket.write(key, key.encode())
    assert bucket.list() == ["gfs-b/a", "gfs/a", "gfs/b", "ifs/b"]
    assert bucket.list("gfs/") == ["gfs/a", "gfs/b"]
    assert bucket.list("gfs/b") == ["gfs/b"]
    assert bucket.read("gfs/b") == b"gfs/b"
    assert bucket.size("gfs-b/a") == 7
    bucket.write("gfs/b", b"")
    assert bucket.read("gfs/b") == b""
    assert bucket.size("gfs/b") == 0


READS: dict[str, Callable[[Bucket, Path], object]] = {
    "size": lambda bucket, local: bucket.size("gfs/none"),
    "read": lambda bucket, local: bucket.read("gfs/none"),
    "blocks": lambda bucket, local: list(bucket.blocks("gfs/none", 0, 5)),
    "download": lambda bucket, local: bucket.download("gfs/none", local),
}


@pytest.mark.parametrize("verb", READS)
def test_an_absent_object_is_said_with_its_address(bucket: Bucket, tmp_path: Path, verb: str) -> None:
    bucket.write("gfs/other", b"x")
    with pytest.raises(ObjectNotFound) as caught:
        READS[verb](bucket, tmp_path / "none")
    assert bucket.url("gfs/none") in str(caught.value)
    assert not (tmp_path / "none").exists()


def test_a_deleted_object_is_gone_and_deleting_it_again_is_fine(bucket: Bucket) -> None:
    bucket.write("gfs/a", b"x")
    bucket.delete("gfs/a")
    bucket.delete("gfs/a")
    assert bucket.list() == []


def test_a_swap_needs_what_is_there(bucket: Bucket) -> None:
    key = "gfs/latest.json"
    with pytest.raises(Conflict):
        bucket.swap(key, b"two", b"one")
    bucket.swap(key, b"one", None)
    with pytest.raises(Conflict) as caught:
        bucket.swap(key, b"two", None)
    assert bucket.url(key) in str(caught.value)
    bucket.swap(key, b"two", b"one")
    with pytest.raises(Conflict):
        bucket.swap(key, b"three", b"one")
    assert bucket.read(key) == b"two"


def test_a_swap_that_is_done_already_is_done(bucket: Bucket) -> None:
    bucket.swap("gfs/latest.json", b"one", None)
    bucket.swap("gfs/latest.json", b"one", None)
    assert bucket.read("gfs/latest.json") == b"one"


@pytest.mark.parametrize("size", [0, 5, 16 * MIB, 33 * MIB + 1])
def test_a_file_arrives_whole_and_its_checksum_is_that_of_its_bytes(bucket: Bucket, tmp_path: Path, size: int) -> None:
    data = file_of(tmp_path / "run", size)
    told: list[tuple[int, int]] = []
    sha256 = bucket.upload(tmp_path / "run", "gfs/run.zip", lambda done, total: told.append((done, total)))
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert bucket.size("gfs/run.zip") == size
    assert told == sorted(told)
    assert not size or told[-1] == (size, size)
    assert b"".join(bucket.blocks("gfs/run.zip", 0, size)) == data
    assert b"".join(bucket.blocks("gfs/run.zip", size // 3, size // 2)) == data[size // 3 : size // 2]
    bucket.download("gfs/run.zip", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.parametrize("size", [5, 17 * MIB])
def test_an_upload_never_replaces(subject: Subject, tmp_path: Path, size: int) -> None:
    subject.bucket.write("gfs/run.zip", b"first")
    file_of(tmp_path / "run", size)
    with pytest.raises(Conflict) as caught:
        subject.bucket.upload(tmp_path / "run", "gfs/run.zip")
    assert subject.bucket.url("gfs/run.zip") in str(caught.value)
    assert subject.bucket.read("gfs/run.zip") == b"first"
    assert subject.halves() == []


def test_nothing_is_visible_before_the_last_byte_and_nothing_stays_of_a_failure(
    subject: Subject, tmp_path: Path
) -> None:
    file_of(tmp_path / "run", 17 * MIB)
    seen: list[list[str]] = []

    def fail(done: int, total: int) -> None:
        seen.append([*subject.bucket.list(), *subject.halves()])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        subject.bucket.upload(tmp_path / "run", "gfs/run.zip", fail)
    assert len(seen[0]) == 1
    assert seen[0] != ["gfs/run.zip"]
    assert subject.bucket.list() == []
    assert subject.halves() == []


HANG_IN_UPLOAD = """
import sys
from pathlib import Path
from storage.bucket import open_bucket

def pause(done, total):
    print("paused", flush=True)
    sys.stdin.read()

open_bucket(sys.argv[1]).upload(Path(sys.argv[2]), sys.argv[3], pause)
"""


def hanging_upload(subject: Subject, file: Path, key: str) -> subprocess.Popen[str]:
    """A process that hangs within an upload."""
    process = subprocess.Popen(
        [sys.executable, "-c", HANG_IN_UPLOAD, subject.url, str(file), key],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "paused\n"
    return process


def test_what_a_killed_upload_left_is_swept(subject: Subject, tmp_path: Path) -> None:
    bucket = subject.bucket
    bucket.write("gfs/run.zip", b"old")
    file_of(tmp_path / "run", 17 * MIB)
    with hanging_upload(subject, tmp_path / "run", "gfs/new.zip") as process:
        process.send_signal(signal.SIGKILL)
    assert bucket.list() == ["gfs/run.zip"]
    assert len(subject.halves()) == 1
    bucket.sweep("ifs/", lambda key: True)
    assert len(subject.halves()) == 1
    bucket.sweep("gfs/", lambda key: key == "gfs/new.zip")
    assert subject.halves() == []
    assert bucket.list() == ["gfs/run.zip"]


def test_sweeping_an_empty_bucket_is_fine(bucket: Bucket) -> None:
    bucket.sweep("gfs/", lambda key: True)


class Breaking(Exception):
    """The line broke."""


def breaking(bucket: Bucket, after: int, starts: list[int]) -> None:
    """Make the bucket's next reads break behind `after` bytes; `starts` is told where each begins."""
    whole = bucket.blocks

    def blocks(key: str, start: int, end: int) -> Iterator[bytes]:
        starts.append(start)
        sent = 0
        for block in whole(key, start, end):
            yield block[: after - sent]
            sent += len(block)
            if sent > after:
                raise BucketError("the line broke")

    bucket.blocks = blocks  # type: ignore[method-assign]


def test_a_broken_download_goes_on_where_it_broke(bucket: Bucket, tmp_path: Path) -> None:
    data = file_of(tmp_path / "run", 5 * MIB)
    bucket.upload(tmp_path / "run", "gfs/run.zip")
    starts: list[int] = []
    breaking(bucket, 2 * MIB, starts)
    told: list[tuple[int, int]] = []
    for _ in range(2):
        with pytest.raises(BucketError, match="the line broke"):
            bucket.download("gfs/run.zip", tmp_path / "back", lambda done, total: told.append((done, total)))
    bucket.download("gfs/run.zip", tmp_path / "back", lambda done, total: told.append((done, total)))
    assert starts == [0, 2 * MIB, 4 * MIB]
    assert told == [(2 * MIB, 5 * MIB), (4 * MIB, 5 * MIB), (5 * MIB, 5 * MIB)]
    assert (tmp_path / "back").read_bytes() == data


def test_a_local_file_that_is_too_long_is_begun_anew(bucket: Bucket, tmp_path: Path) -> None:
    bucket.write("gfs/run.zip", b"new")
    (tmp_path / "back").write_bytes(b"older and longer")
    bucket.download("gfs/run.zip", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"new"


def test_an_object_that_ends_early_is_an_error(bucket: Bucket) -> None:
    bucket.write("gfs/run.zip", b"12345")
    with pytest.raises(BucketError) as caught:
        list(bucket.blocks("gfs/run.zip", 2, 9))
    assert bucket.url("gfs/run.zip") in str(caught.value)


def test_a_local_disk_that_refuses_is_a_bucket_error_with_its_path(bucket: Bucket, tmp_path: Path) -> None:
    bucket.write("gfs/run.zip", b"12345")
    with pytest.raises(BucketError, match=f"cannot write {tmp_path}: Is a directory"):
        bucket.download("gfs/run.zip", tmp_path)


SWAP_ON_DEMAND = """
import sys
from storage.bucket import open_bucket
from storage.errors import Conflict

bucket = open_bucket(sys.argv[1])
bucket.list()
print("ready", flush=True)
for line in sys.stdin:
    expected, data = line.split()
    try:
        bucket.swap("gfs/latest.json", data.encode(), None if expected == "none" else expected.encode())
        print("won", flush=True)
    except Conflict:
        print("lost", flush=True)
"""


def test_of_processes_that_swap_at_once_exactly_one_wins_each_round(subject: Subject) -> None:
    command: dict[str, Any] = {
        "args": [sys.executable, "-c", SWAP_ON_DEMAND, subject.url],
        "cwd": ROOT,
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
    }
    swappers = [subprocess.Popen(**command) for _ in range(3)]
    try:
        for swapper in swappers:
            assert swapper.stdout is not None
            assert swapper.stdout.readline() == "ready\n"
        published = "none"
        for turn in range(8):
            for number, swapper in enumerate(swappers):
                assert swapper.stdin is not None
                swapper.stdin.write(f"{published} {turn}-{number}\n")
                swapper.stdin.flush()
            ends = [swapper.stdout.readline().strip() for swapper in swappers if swapper.stdout]
            assert sorted(ends) == ["lost", "lost", "won"]
            published = f"{turn}-{ends.index('won')}"
            assert subject.bucket.read("gfs/latest.json") == published.encode()
    finally:
        for swapper in swappers:
            swapper.communicate()
    assert subject.halves() == []


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


def test_a_sweep_of_a_folder_spares_what_a_living_process_writes(tmp_path: Path) -> None:
    subject = Subject(FolderBucket(tmp_path / "bucket"), str(tmp_path / "bucket"), lambda: [])
    data = file_of(tmp_path / "run", 9 * MIB)
    with hanging_upload(subject, tmp_path / "run", "gfs/new.zip") as process:
        subject.bucket.sweep("gfs/", lambda key: True)
        process.communicate()
    assert process.returncode == 0
    assert subject.bucket.read("gfs/new.zip") == data


def test_a_writer_waits_for_the_lock_of_a_folder(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    bucket.write("gfs/latest.json", b"one")
    with (tmp_path / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = subprocess.Popen(
            [sys.executable, "-c", SWAP_ON_DEMAND, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
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


@pytest.mark.parametrize("url", ["gs://bucket/x", "https://host/x"])
def test_an_unknown_kind_of_bucket_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(BucketError, match=r"is not supported: give a folder or s3://bucket/prefix"):
        open_bucket(url)
