"""The zip itself, held against Python's own zipfile."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path

import pytest

from storage.archive import ArchiveWriter, Entry, directory_bytes, local_header, read_directory
from storage.errors import CorruptStore


def zip_of(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(out.write)
    for name, data in entries.items():
        writer.add(name, data, zlib.crc32(data))
    writer.close()
    return out.getvalue()


def directory_of(data: bytes) -> list[Entry]:
    directory = read_directory(lambda length, offset: data[offset : offset + length], len(data))
    return [directory.entry(number) for number in range(len(directory))]


def test_zipfile_reads_what_was_written() -> None:
    entries = {"a/b": b"one", "empty": b"", "zarr.json": bytes(range(256)) * 300}
    data = zip_of(entries)
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        assert zipped.testzip() is None
        assert {name: zipped.read(name) for name in zipped.namelist()} == entries
    found = directory_of(data)
    assert {entry.name.decode(): data[entry.data : entry.end] for entry in found} == entries


def test_an_empty_zip_is_a_zip() -> None:
    assert zipfile.ZipFile(io.BytesIO(zip_of({}))).namelist() == []
    assert directory_of(zip_of({})) == []


def test_a_key_comes_once() -> None:
    writer = ArchiveWriter(io.BytesIO().write)
    writer.add("a", b"1", zlib.crc32(b"1"))
    with pytest.raises(ValueError, match="already"):
        writer.add("a", b"2", zlib.crc32(b"2"))


def test_more_entries_than_sixteen_bits_count() -> None:
    entries = {f"c/{number}": number.to_bytes(4, "little") for number in range(66_000)}
    data = zip_of(entries)
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        assert zipped.namelist() == list(entries)
        assert zipped.read("c/65999") == entries["c/65999"]
    found = directory_of(data)
    assert len(found) == 66_000
    assert data[found[-1].data : found[-1].end] == entries["c/65999"]


def test_entries_beyond_four_gibibytes(tmp_path: Path) -> None:
    """A sparse file: two large entries of holes, then a small one whose offset needs zip64."""
    large = 2_500_000_000
    first = Entry(b"first", 0, large, 0)
    second = Entry(b"second", first.end, large, 0)
    third = Entry(b"third", second.end, 5, zlib.crc32(b"hello"))
    fourth = Entry(b"fourth", third.end, 2, zlib.crc32(b"yo"))
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        for entry, data in ((first, b""), (second, b""), (third, b"hello"), (fourth, b"yo")):
            file.seek(entry.start)
            file.write(local_header(entry) + data)
        file.write(directory_bytes([first, second, third, fourth]))
    assert path.stat().st_blocks * 512 < 1_000_000
    with zipfile.ZipFile(path) as zipped:
        assert zipped.read("third") == b"hello"
        assert zipped.read("fourth") == b"yo"
        assert zipped.getinfo("second").header_offset == first.end
    with path.open("rb") as file:
        directory = read_directory(lambda length, offset: os.pread(file.fileno(), length, offset), path.stat().st_size)
        assert [directory.entry(number) for number in range(4)] == [first, second, third, fourth]


@pytest.mark.parametrize("length", [0, 10, 21, 22, 60, 97, 98, 120])
def test_what_is_no_zip_is_told(length: int) -> None:
    with pytest.raises(CorruptStore):
        directory_of(b"x" * length)


def test_a_compressed_zip_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a", b"a" * 1000)
    with pytest.raises(CorruptStore, match="entry 0"):
        directory_of(out.getvalue())


def test_gaps_between_entries_are_refused() -> None:
    one, two = Entry(b"a", 0, 3, 0), Entry(b"b", 100, 3, 0)
    data = (local_header(one) + b"abc").ljust(100) + local_header(two) + b"abc" + directory_bytes([one, two])
    with pytest.raises(CorruptStore, match="entry 1"):
        directory_of(data)


def test_a_count_that_lies_is_refused() -> None:
    data = bytearray(zip_of({"a": b"1", "b": b"2"}))
    data[-22 + 10] = 9
    with pytest.raises(CorruptStore):
        directory_of(bytes(data))
