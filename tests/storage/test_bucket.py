"""One law suite for every bucket."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.bucket import Bucket, open_bucket
from storage.errors import BucketError, Conflict, ObjectNotFound
from storage.folder import FolderBucket

Begin = Callable[..., subprocess.Popen[str]]

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


def test_what_a_killed_upload_left_is_swept(subject: Subject, tmp_path: Path, hanging_upload: Begin) -> None:
    bucket = subject.bucket
    bucket.write("gfs/run.zip", b"old")
    file_of(tmp_path / "run", 17 * MIB)
    with hanging_upload(subject.url, tmp_path / "run", "gfs/new.zip") as process:
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


def test_of_processes_that_swap_at_once_exactly_one_wins_each_round(subject: Subject, swapper: Begin) -> None:
    swappers = [swapper(subject.url) for _ in range(3)]
    published = "none"
    for turn in range(8):
        for number, child in enumerate(swappers):
            assert child.stdin is not None
            child.stdin.write(f"{published} {turn}-{number}\n")
            child.stdin.flush()
        ends = [child.stdout.readline().strip() for child in swappers if child.stdout]
        assert sorted(ends) == ["lost", "lost", "won"]
        published = f"{turn}-{ends.index('won')}"
        assert subject.bucket.read("gfs/latest.json") == published.encode()
    assert subject.halves() == []


@pytest.mark.parametrize("url", ["gs://bucket/x", "https://host/x"])
def test_an_unknown_kind_of_bucket_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(BucketError, match=r"is not supported: give a folder or s3://bucket/prefix"):
        open_bucket(url)
