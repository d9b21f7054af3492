"""The reader's door: one run's series at a cell in microseconds, without zarr-python.

Opening reads the zip's directory and the root `zarr.json`; a shard's index is read when a cell of it is first asked
for. Every read is a pread. A flipped bit anywhere gives CorruptStore or does not matter: the root is held against its
zip crc, a shard's name against its place, its index and every chunk against their crc32c, and a chunk's header rows
against the run.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from storage.archive import Directory, Entry, read_directory
from storage.errors import CorruptStore, StoreError
from storage.grids import Cell
from storage.layout import (
    BLOCK,
    BLOCKS,
    CHUNKS,
    FILL,
    HEADER,
    SHARD,
    chunk_shape,
    header_rows,
    shard_grid,
    shard_key,
    unpack_series,
)
from storage.schema import StoreSchema
from storage.shard import ABSENT, INDEX_BYTES, PLACE, check_index, compress_inline, unpack_chunk

ROOT = b"zarr.json"


class Descriptor:
    """A file opened for pread. It is closed with the last reference to it, and not before.

    So a thread that took a reference reads this file whatever others do: the number cannot have been given to
    another file meanwhile.
    """

    __slots__ = ("number", "path", "size")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = -1
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self.number)
        if not stat.S_ISREG(status.st_mode):
            raise StoreError("is not a file")
        self.size = status.st_size

    def read(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`, fewer where the file ends; raises CorruptStore on a failing disk."""
        try:
            return os.pread(self.number, length, offset)
        except OSError as error:
            raise CorruptStore(f"{self.path} cannot be read at byte {offset}: {error.strerror}") from error

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)


class Store:
    """One run, open for reading from any number of threads.

    `index`: name -> row of what `point` returns. `close` may come at any time: reads that began before end well,
    later ones raise StoreError.
    """

    def __init__(self, path: Path, descriptor: Descriptor, directory: Directory, schema: StoreSchema) -> None:
        self.path = path
        self.schema = schema
        self.index = {name: row for row, name in enumerate(schema.names)}
        self.directory = directory
        self._descriptor: Descriptor | None = descriptor
        self._rows, self._columns = shard_grid(schema)
        self._shape = chunk_shape(schema)
        self._header = header_rows(schema)
        self._scales = np.array([stored.scale_factor for stored in schema.variables], np.float64)
        self._offsets = np.array([stored.add_offset for stored in schema.variables], np.float64)
        # Shard -> (position of its bytes in the file, its checked index): at most about 600 bytes a shard.
        self._shards: dict[int, tuple[int, bytes]] = {}

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Store:
        """Raises FileNotFoundError, CorruptStore, and StoreError for what is no store of this format."""
        path = Path(path)
        compress_inline()
        try:
            descriptor = Descriptor(path)
            directory = read_directory(descriptor.read, descriptor.size)
            schema = _read_schema(descriptor, directory)
        except CorruptStore as error:
            raise CorruptStore(_about(path, error)) from error
        except StoreError as error:
            raise StoreError(_about(path, error)) from error
        return cls(path, descriptor, directory, schema)

    def point(self, cell: Cell) -> NDArray[np.float32]:
        """Every variable at a cell: [variable, time], in the variables' units, NaN = missing.

        Raises CorruptStore, IndexError for a cell that is not in the grid, StoreError after `close`.
        """
        y, x = cell
        ny, nx = self.schema.grid.shape
        if not (0 <= y < ny and 0 <= x < nx):
            raise IndexError(f"{self.path}: no cell {y}, {x} in a grid of {ny} x {nx}")
        shard = y // SHARD * self._columns + x // SHARD
        number = y % SHARD // BLOCK * BLOCKS + x % SHARD // BLOCK
        descriptor = self._open_descriptor()
        position, index = self._shards.get(shard) or self._find(descriptor, shard)
        offset, length = PLACE.unpack_from(index, number * PLACE.size)
        chunk = self._unpack(descriptor.read(length, position + offset), length, shard, number)
        series = np.empty((len(self._scales), len(self.schema.lead_times)), np.float32)
        if not unpack_series(chunk, y % BLOCK, x % BLOCK, self._header, self._scales, self._offsets, series):
            raise CorruptStore(f"{self._name(shard, number)} belongs to another run or other leads")
        return series

    def block(
        self,
        shard_row: int,
        shard_column: int,
        *,
        variables: slice = slice(None),
        chunks: Collection[int] = range(CHUNKS),
    ) -> NDArray[np.int16]:
        """One shard as it is stored: int16 steps [variable, time, rows, columns] without header rows and margins.

        Only the given variables and chunks (numbers along the rows of blocks); the cells of other chunks are FILL.
        Raises CorruptStore, StoreError after `close`.
        """
        shard = shard_row * self._columns + shard_column
        descriptor = self._open_descriptor()
        position, index = self._shards.get(shard) or self._find(descriptor, shard)
        places = {number: PLACE.unpack_from(index, number * PLACE.size) for number in chunks}
        places = {number: place for number, place in places.items() if place != ABSENT}
        first = min((offset for offset, _ in places.values()), default=0)
        last = max((offset + length for offset, length in places.values()), default=0)
        data = descriptor.read(last - first, position + first)
        rows = min(SHARD, self.schema.grid.ny - shard_row * SHARD)
        columns = min(SHARD, self.schema.grid.nx - shard_column * SHARD)
        count = len(range(*variables.indices(len(self.index))))
        steps = np.full((count, self._shape[1], SHARD, SHARD), FILL, np.int16)
        for number, (offset, length) in places.items():
            chunk = self._unpack(data[offset - first : offset - first + length], length, shard, number)
            if (chunk[: len(HEADER)] != self._header[:, :, None, None]).any():
                raise CorruptStore(f"{self._name(shard, number)} belongs to another run or other leads")
            y, x = number // BLOCKS * BLOCK, number % BLOCKS * BLOCK
            steps[:, :, y : y + BLOCK, x : x + BLOCK] = chunk[len(HEADER) :][variables]
        return steps[:, :, :rows, :columns]

    def read(self, length: int, offset: int) -> bytes:
        """Raw bytes of the file, fewer where it ends."""
        return self._open_descriptor().read(length, offset)

    def read_entry(self, entry: Entry) -> bytes:
        """The bytes of one entry of the zip, held against its crc; raises CorruptStore."""
        return _read_entry(self._open_descriptor(), entry, self.path)

    def close(self) -> None:
        """Give the file up; a second time is fine."""
        self._descriptor = None

    def _open_descriptor(self) -> Descriptor:
        descriptor = self._descriptor
        if descriptor is None:
            raise StoreError(f"{self.path} was closed")
        return descriptor

    def _find(self, descriptor: Descriptor, shard: int) -> tuple[int, bytes]:
        """Read, check and keep a shard's index: (position of the shard in the file, index)."""
        entry = self.directory.entry(shard)
        name = shard_key(*divmod(shard, self._columns))
        if entry.name != name.encode():
            raise CorruptStore(f"{self.path}: entry {shard} is {entry.name!r} and not {name!r}")
        index = descriptor.read(INDEX_BYTES, max(entry.end - INDEX_BYTES, entry.data))
        try:
            check_index(index, entry.size)
            self._check_margins(shard, index)
        except CorruptStore as error:
            raise CorruptStore(f"{self.path}: {name} {error}") from error
        found = self._shards[shard] = entry.data, index
        return found

    def _check_margins(self, shard: int, index: bytes) -> None:
        """Chunks are absent exactly where they hold no cell of the grid."""
        row, column = divmod(shard, self._columns)
        rows, columns = self.schema.grid.ny - row * SHARD, self.schema.grid.nx - column * SHARD
        for number, place in enumerate(PLACE.iter_unpack(index[: CHUNKS * PLACE.size])):
            beyond = number // BLOCKS * BLOCK >= rows or number % BLOCKS * BLOCK >= columns
            if beyond != (place == ABSENT):
                raise CorruptStore(f"chunk {number} is {'outside the grid' if beyond else 'missing'}")

    def _unpack(self, data: bytes, length: int, shard: int, number: int) -> NDArray[np.int16]:
        if len(data) != length:
            raise CorruptStore(f"{self._name(shard, number)} is cut short")
        try:
            return unpack_chunk(data, self._shape)
        except CorruptStore as error:
            raise CorruptStore(f"{self._name(shard, number)} {error}") from error

    def _name(self, shard: int, number: int) -> str:
        return f"{self.path}: {shard_key(*divmod(shard, self._columns))} chunk {number}"

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Store.open, (self.path,)


def _read_entry(descriptor: Descriptor, entry: Entry, path: Path) -> bytes:
    data = descriptor.read(entry.size, entry.data)
    if len(data) != entry.size or crc32(data) != entry.crc:
        raise CorruptStore(f"{path}: {entry.name.decode('ascii', 'replace')} does not match its crc")
    return data


def _read_schema(descriptor: Descriptor, directory: Directory) -> StoreSchema:
    """The schema in the root document, which is the last entry."""
    if not len(directory) or (root := directory.entry(len(directory) - 1)).name != ROOT:
        raise StoreError("is a zip, but not a store that Windlass wrote: its last entry is not zarr.json")
    try:
        attrs = json.loads(_read_entry(descriptor, root, descriptor.path))["attributes"]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, CorruptStore):
            raise
        raise StoreError("is a zip, but not a store that Windlass wrote: its zarr.json holds no attributes") from error
    schema = StoreSchema.from_attrs(attrs)
    rows, columns = shard_grid(schema)
    if len(directory) <= rows * columns:
        raise CorruptStore(f"holds {len(directory)} entries and needs {rows * columns} shards")
    return schema


def _about(path: Path, error: StoreError) -> str:
    text = str(error)
    return text if text.startswith(str(path)) else f"{path} {text}"
