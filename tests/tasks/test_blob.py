from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasks.blob import Blob
from tasks.errors import DiskFull


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "staged" / "f003.grib2"


def fill(path: Path, length: int | None, blocks: list[bytes]) -> None:
    """One message of at most `length` bytes, in blocks."""
    with Blob(path) as blob:
        (start,) = (offset,) = blob.reserve([length])
        for block in blocks:
            blob.write(offset, block)
            offset += len(block)
        blob.keep(start, offset - start)


def test_messages_are_written_in_pieces_side_by_side_where_they_stay(path: Path) -> None:
    with Blob(path) as blob:
        first, second, last = blob.reserve([4, 6, None])
        blob.write(last, b"la")
        blob.write(second, b"sec")
        blob.write(first, b"one.")
        blob.write(second + 3, memoryview(b"ond"))
        blob.write(last + 2, b"st one")
        for offset, length in ((first, 4), (second, 6), (last, 8)):
            blob.keep(offset, length)
        assert not path.exists()
    assert path.read_bytes() == b"one.secondlast one"
    assert list(path.parent.iterdir()) == [path]


def test_room_is_taken_at_once_and_what_is_not_kept_is_given_back(path: Path) -> None:
    with Blob(path) as blob:
        first, _ = blob.reserve([10_000, 90_000])
        part = path.with_name(path.name + ".part")
        assert part.stat().st_size == 100_000
        assert part.stat().st_blocks * 512 >= 100_000
        blob.write(first, b"short")
        blob.keep(first, 5)
    assert path.read_bytes() == b"short"


def test_places_that_were_given_up_are_given_again(path: Path) -> None:
    with Blob(path) as blob:
        first, failed = blob.reserve([5, 100])
        blob.write(first, b"good.")
        blob.keep(first, 5)
        blob.write(failed, b"not what was asked for")
        (again,) = blob.reserve([7])
        assert again == failed
        blob.write(again, b"better.")
        blob.keep(again, 7)
    assert path.read_bytes() == b"good.better."


@pytest.mark.parametrize("size", [1, 16, 70_000])
def test_what_was_written_is_seen_without_a_copy(path: Path, size: int) -> None:
    content = bytes(range(256)) * 300
    with Blob(path) as blob:
        blob.reserve([len(content)])
        blob.write(0, content)
        for offset in (0, 1, 4095, 4096, 5000):
            view = blob.view(offset, size)
            assert view == content[offset : offset + size]
            assert view.readonly
        blob.write(5000, b"\xff\xff")
        # The last view is of the file itself.
        assert view[:2] == b"\xff\xff"[:size]


def test_a_block_that_raises_leaves_nothing(path: Path) -> None:
    def stop(blob: Blob) -> None:
        blob.reserve([100])
        raise ValueError("no mirror")

    with pytest.raises(ValueError, match="no mirror"), Blob(path) as blob:
        stop(blob)
    assert list(path.parent.iterdir()) == []


def test_a_disk_without_room_is_said_before_anything_is_written(small_disk: Path) -> None:
    path = small_disk / "staged" / "f003.grib2"
    with pytest.raises(DiskFull, match=r"no room in .*staged for f003\.grib2, of which 0 bytes .*--work"):
        fill(path, 100_000_000, [b"message"])
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("length", [sys.maxsize, sys.maxsize + 1, 10**40])
def test_lengths_that_no_disk_has_are_no_room(path: Path, length: int) -> None:
    with Blob(path) as blob:
        with pytest.raises(DiskFull):
            blob.reserve([1, length])
        (offset,) = blob.reserve([3])
        blob.write(offset, b"yes")
        blob.keep(offset, 3)
    assert path.read_bytes() == b"yes"


def test_a_disk_that_fills_up_while_a_message_grows_is_said(small_disk: Path) -> None:
    path = small_disk / "f003.grib2"
    with pytest.raises(DiskFull, match=r"of which [1-9]\d* bytes are written"):
        fill(path, None, [bytes(100_000)] * 100)
    assert list(small_disk.iterdir()) == []


def test_a_place_that_cannot_promise_room_is_written_all_the_same(path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    path.parent.mkdir()
    path.with_name(path.name + ".part").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="of which 0 bytes are written"):
        fill(path, 10, [b"message"])
