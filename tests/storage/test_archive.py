"""The zip itself, held against Python's own zipfile."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from storage.archive import LIMIT32, LOCAL, ArchiveWriter, Entry, directory_bytes, local_header, read_directory
from storage.errors import CorruptStore
from storage.grids import Cell
from storage.reader import Store


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


def test_entries_are_stored_without_extra_fields_or_flags_in_one_run() -> None:
    entries = {"a/b": b"one", "empty": b"", "c": b"three"}
    data = zip_of(entries)
    position = 0
    for name, content in entries.items():
        magic, _, flags, method, _, _, crc, packed, size, length, extra = LOCAL.unpack_from(data, position)
        assert (magic, flags, method, extra) == (b"PK\3\4", 0, zipfile.ZIP_STORED, 0)
        assert (crc, packed, size, length) == (zlib.crc32(content), len(content), len(content), len(name))
        position += LOCAL.size + length
        assert data[position - length : position + size] == name.encode() + content
        position += size
    assert data[position:][:4] == b"PK\1\2"


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


def write_sparsely(path: Path, entries: dict[Entry, bytes]) -> None:
    """A zip of these entries with holes where their data are not given."""
    with path.open("wb") as file:
        for entry, data in entries.items():
            file.seek(entry.start)
            file.write(local_header(entry) + data)
        file.seek(list(entries)[-1].end)
        file.write(directory_bytes(list(entries)))
    assert path.stat().st_blocks * 512 < 1_000_000


def entries_of(path: Path) -> list[Entry]:
    with path.open("rb") as file:
        directory = read_directory(lambda length, offset: os.pread(file.fileno(), length, offset), path.stat().st_size)
        return [directory.entry(number) for number in range(len(directory))]


def test_entries_beyond_four_gibibytes(tmp_path: Path) -> None:
    """Two large entries of holes, then small ones whose offsets need zip64."""
    large = 2_500_000_000
    first = Entry(b"first", 0, large, 0)
    second = Entry(b"second", first.end, large, 0)
    third = Entry(b"third", second.end, 5, zlib.crc32(b"hello"))
    fourth = Entry(b"fourth", third.end, 2, zlib.crc32(b"yo"))
    path = tmp_path / "large.zip"
    write_sparsely(path, {first: b"", second: b"", third: b"hello", fourth: b"yo"})
    with zipfile.ZipFile(path) as zipped:
        assert zipped.read("third") == b"hello"
        assert zipped.read("fourth") == b"yo"
        assert zipped.getinfo("second").header_offset == first.end
    assert entries_of(path) == [first, second, third, fourth]


@pytest.mark.parametrize("start", [LIMIT32 - 1, LIMIT32, LIMIT32 + 1])
@pytest.mark.parametrize("last", [0, 7])
def test_offsets_around_the_last_that_thirty_two_bits_hold(tmp_path: Path, start: int, last: int) -> None:
    """Of the last entry (7 bytes), then of the directory (behind an empty one): all ones mean zip64."""
    first = Entry(b"a", 0, 2_500_000_000, 0)
    second = Entry(b"b", first.end, start - first.end - LOCAL.size - 1 - (0 if last else LOCAL.size + 1), 0)
    third = Entry(b"c", second.end, last, zlib.crc32(bytes(last)))
    assert start == (third.start if last else third.end)
    path = tmp_path / "large.zip"
    write_sparsely(path, {first: b"", second: b"", third: bytes(last)})
    with zipfile.ZipFile(path) as zipped:
        assert zipped.read("c") == bytes(last)
        assert [info.header_offset for info in zipped.infolist()] == [0, second.start, third.start]
    assert entries_of(path) == [first, second, third]


@pytest.mark.parametrize("count", [65_534, 65_535, 65_536])
def test_counts_around_the_last_that_sixteen_bits_hold(count: int) -> None:
    data = zip_of({f"{number}": b"" for number in range(count)})
    assert (data[-42:-38] == b"PK\6\7") == (count >= 65_535)
    assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == len(directory_of(data)) == count


def test_a_store_beyond_four_gibibytes_and_sixteen_bits_of_entries_reads_the_same(
    tmp_path: Path, made_store: Any
) -> None:
    """The northern shards become 2.5 GB of holes each, and entries that nobody needs come before the documents."""
    path = tmp_path / "large.zarr.zip"
    hole = memoryview(np.zeros(2_500_000_000, np.uint8))
    with Store.open(made_store.path) as store, path.open("wb") as file:

        def write(data: bytes | memoryview) -> None:
            if data is hole:
                file.seek(len(hole), os.SEEK_CUR)
            else:
                file.write(data)

        writer = ArchiveWriter(write)
        for number, entry in enumerate(map(store.directory.entry, range(len(store.directory)))):
            if number < 2:
                writer.add(entry.name.decode(), hole, 0)
                continue
            if number == 4:
                for filler in range(66_000):
                    writer.add(f"filler/{filler}", b"", 0)
            writer.add(entry.name.decode(), store.read_entry(entry), entry.crc)
        writer.close()
        cell = Cell(12, 14)
        with Store.open(path) as large:
            np.testing.assert_array_equal(large.point(cell), store.point(cell))
        steps = [zarr.open_array(zarr.storage.ZipStore(at), path="forecast", mode="r") for at in (path, store.path)]
        np.testing.assert_array_equal(*(array[:, :, cell.y, cell.x] for array in steps))
        with zipfile.ZipFile(path) as zipped:
            assert zipped.read("zarr.json") == store.read_entry(store.directory.entry(len(store.directory) - 1))


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
