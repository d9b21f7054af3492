"""The zip of STORED entries: each key once, written front to back, any byte of an entry addressable.

Local headers carry no extra field and no data descriptor, so an entry's data lie at header + 30 + length of the name
(PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16). Bytes follow from the entries alone: the same run
gives the same file, and a reader can hold every header and the directory against what they must be.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from storage.errors import CorruptStore

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
ZIP64_EXTRA = struct.Struct("<HHQ")
END64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR64 = struct.Struct("<4sIQI")
END = struct.Struct("<4s4H2IH")
VERSION, VERSION64 = 20, 45
# 1980-01-01 00:00, the zero of MS-DOS time: a store's bytes do not depend on the clock.
DATE, TIME = 33, 0
LIMIT16, LIMIT32 = 0xFFFF, 0xFFFFFFFF


class Entry(NamedTuple):
    """One file of the zip: `start` is where its local header begins."""

    name: bytes
    start: int
    size: int
    crc: int

    @property
    def data(self) -> int:
        """Where its bytes begin."""
        return self.start + LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        return self.data + self.size


def local_header(entry: Entry) -> bytes:
    """The bytes before an entry's data."""
    fields = (b"PK\3\4", VERSION, 0, 0, TIME, DATE, entry.crc, entry.size, entry.size, len(entry.name), 0)
    return LOCAL.pack(*fields) + entry.name


def directory_bytes(entries: Sequence[Entry]) -> bytes:
    """Central directory and end records of a zip that holds exactly `entries`, one after another."""
    start = entries[-1].end if entries else 0
    parts = []
    for name, offset, size, crc in entries:
        extra = ZIP64_EXTRA.pack(1, 8, offset) if offset >= LIMIT32 else b""
        version = VERSION64 if extra else VERSION
        fields = (b"PK\1\2", version, version, 0, 0, TIME, DATE, crc, size, size, len(name), len(extra), 0, 0, 0, 0)
        parts.append(CENTRAL.pack(*fields, min(offset, LIMIT32)) + name + extra)
    size = sum(map(len, parts))
    count = len(entries)
    if count >= LIMIT16 or start >= LIMIT32 or size >= LIMIT32:
        parts.append(END64.pack(b"PK\6\6", 44, VERSION64, VERSION64, 0, 0, count, count, size, start))
        parts.append(LOCATOR64.pack(b"PK\6\7", 0, start + size, 1))
    short = min(count, LIMIT16)
    parts.append(END.pack(b"PK\5\6", 0, 0, short, short, min(size, LIMIT32), min(start, LIMIT32), 0))
    return b"".join(parts)


class ArchiveWriter:
    """Appends entries through `write`; `close` appends the directory. Raises ValueError for a key given twice."""

    def __init__(self, write: Callable[[bytes | memoryview], object]) -> None:
        self._write = write
        self._keys: set[bytes] = set()
        self.entries: list[Entry] = []

    def add(self, name: str, data: bytes | memoryview, crc: int) -> None:
        """Append one entry; `crc` is the crc32 of `data`."""
        key = name.encode("ascii")
        if key in self._keys:
            raise ValueError(f"{name} is in the archive already")
        if len(data) >= LIMIT32:
            raise ValueError(f"{name} holds {len(data)} bytes; an entry holds less than 4 GiB")
        self._keys.add(key)
        entry = Entry(key, self.entries[-1].end if self.entries else 0, len(data), crc)
        self._write(local_header(entry))
        self._write(data)
        self.entries.append(entry)

    def close(self) -> None:
        self._write(directory_bytes(self.entries))


@dataclass(frozen=True)
class Directory:
    """A zip's central directory. `table`: int64 [entry, 5]: start, size, crc, position and length of the name."""

    raw: bytes
    table: NDArray[np.int64]

    def entry(self, number: int) -> Entry:
        start, size, crc, position, length = (int(value) for value in self.table[number])
        return Entry(self.raw[position : position + length], start, size, crc)

    def __len__(self) -> int:
        return len(self.table)


def read_directory(read: Callable[[int, int], bytes], size: int) -> Directory:
    """The directory of a zip of `size` bytes through `read(length, offset)`; raises CorruptStore.

    Entries must be STORED, lie one after another without gap, and fill the file.
    """
    tail_length = min(size, END.size + LOCATOR64.size + END64.size)
    tail = read(tail_length, size - tail_length)
    if len(tail) < END.size or tail[-END.size :][:4] != b"PK\5\6":
        raise CorruptStore("has no end record: it was cut short or is not a zip")
    *_, count, length, start, _ = END.unpack(tail[-END.size :])
    ends = END.size
    if len(tail) == tail_length > END.size and tail[-END.size - LOCATOR64.size :][:4] == b"PK\6\7":
        if len(tail) < END.size + LOCATOR64.size + END64.size or tail[:4] != b"PK\6\6":
            raise CorruptStore("has a broken zip64 end record")
        *_, count, length, start = END64.unpack(tail[: END64.size])
        ends = tail_length
    if start + length + ends != size:
        raise CorruptStore(f"should be {start + length + ends} bytes long and is {size}")
    raw = read(length, start)
    if len(raw) != length:
        raise CorruptStore(f"ends at byte {start + len(raw)} of {size}")
    table = np.empty((min(count, length // CENTRAL.size + 1), 5), np.int64)
    problem = _parse(np.frombuffer(raw, np.uint8), table, start)
    if problem >= 0 or len(table) != count:
        raise CorruptStore(f"has a broken central directory at entry {max(problem, 0)} of {count}")
    return Directory(raw, table)


@numba.njit(nogil=True, cache=True)
def _number(raw: NDArray[np.uint8], position: int, width: int) -> int:
    value = 0
    for byte in range(width - 1, -1, -1):
        value = (value << 8) | int(raw[position + byte])
    return value


@numba.njit(nogil=True, cache=True)
def _parse(raw: NDArray[np.uint8], table: NDArray[np.int64], end: int) -> int:
    """Fills the table of a Directory; returns the first entry that contradicts the layout, or -1."""
    position = 0
    expected = 0
    for entry in range(len(table)):
        if position + 46 > len(raw) or _number(raw, position, 4) != 0x02014B50 or _number(raw, position + 8, 4) != 0:
            return entry
        size = _number(raw, position + 24, 4)
        name, extra, comment = (
            _number(raw, position + 28, 2),
            _number(raw, position + 30, 2),
            _number(raw, position + 32, 2),
        )
        start = _number(raw, position + 42, 4)
        after = position + 46 + name + extra + comment
        if after > len(raw) or size != _number(raw, position + 20, 4):
            return entry
        if start == 0xFFFFFFFF:
            if extra != 12 or _number(raw, position + 46 + name, 4) != 0x80001:
                return entry
            start = _number(raw, position + 50 + name, 8)
        if start != expected:
            return entry
        table[entry, 0] = start
        table[entry, 1] = size
        table[entry, 2] = _number(raw, position + 16, 4)
        table[entry, 3] = position + 46
        table[entry, 4] = name
        expected = start + 30 + name + size
        position = after
    return -1 if position == len(raw) and expected == end else len(table)
