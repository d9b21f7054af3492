"""Where the chunks of a store lie in its file, and their bytes, none of which is believed unchecked.

A shard's index is read when a cell of it is first asked for: held against its crc32c, its name against its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.archive import Directory
from storage.descriptor import Descriptor
from storage.errors import CorruptStore
from storage.grids import Cell
from storage.layout import BLOCKS, CHUNKS, chunk_shape, shard_grid, shard_key, shard_side
from storage.schema import StoreSchema
from storage.shard import INDEX_BYTES, check_index, check_margins, unpack_chunk

Place = tuple[int, int]
"""The numbers of a shard and of a chunk in it."""


class Shards:
    """The shards of a store; its file is whichever descriptor the caller holds.

    most: of how many of them the indexes are kept; None: of all that were read from.
    """

    def __init__(self, path: Path, directory: Directory, schema: StoreSchema, most: int | None) -> None:
        self._path = path
        self._directory = directory
        self._grid = schema.grid
        self._columns = shard_grid(schema)[1]
        self._block, self._side = schema.block, shard_side(schema)
        self._shape = chunk_shape(schema)
        self._most = most
        # At most about 600 bytes a shard.
        self._found: dict[int, NDArray[np.int64]] = {}

    def place(self, y: int, x: int) -> Place:
        """Where a cell lies; raises IndexError."""
        self._check(y, x)
        side, size = self._side, self._block
        return y // side * self._columns + x // side, y % side // size * BLOCKS + x % side // size

    def around(self, descriptor: Descriptor, cells: Sequence[Cell]) -> list[NDArray[np.int64]]:
        """The `spans` of the shard of each cell; raises IndexError, CorruptStore."""
        side, columns, found = self._side, self._columns, self._found
        ny, nx = self._grid.ny, self._grid.nx
        shards = [y // side * columns + x // side for y, x in cells if 0 <= y < ny and 0 <= x < nx]
        if len(shards) < len(cells):
            for cell in cells:
                self._check(*cell)
        try:
            return [found[shard] for shard in shards]
        except KeyError:
            return [self.spans(descriptor, shard) for shard in shards]

    def spans(self, descriptor: Descriptor, shard: int) -> NDArray[np.int64]:
        """[chunk, 2] position in the file and length of every chunk of a shard, -1 of those beyond the grid.

        Read and checked where they are not kept; raises CorruptStore.
        """
        found = self._found.get(shard)
        return self._read(descriptor, shard) if found is None else found

    def chunk(self, descriptor: Descriptor, shard: int, number: int) -> NDArray[np.int16]:
        """The steps [header + variable, time, rows, columns] of a chunk; raises CorruptStore."""
        position, length = self.spans(descriptor, shard)[number].tolist()
        return self.unpack(descriptor.read(length, position), length, shard, number)

    def _check(self, y: int, x: int) -> None:
        if not (0 <= y < self._grid.ny and 0 <= x < self._grid.nx):
            raise IndexError(f"{self._path}: no cell {y}, {x} in a grid of {self._grid.ny} x {self._grid.nx}")

    def _read(self, descriptor: Descriptor, shard: int) -> NDArray[np.int64]:
        entry = self._directory.entry(shard)
        name = shard_key(*divmod(shard, self._columns))
        if entry.name != name.encode():
            raise CorruptStore(f"{self._path}: entry {shard} is {entry.name!r} and not {name!r}")
        index = descriptor.read(INDEX_BYTES, max(entry.end - INDEX_BYTES, entry.data))
        try:
            check_index(index, entry.size)
            row, column = (number * self._side for number in divmod(shard, self._columns))
            check_margins(index, self._grid.ny - row, self._grid.nx - column, self._block)
        except CorruptStore as error:
            raise CorruptStore(f"{self._path}: {name} {error}") from error
        spans = np.frombuffer(index, np.int64, 2 * CHUNKS).reshape(CHUNKS, 2).copy()
        spans[spans[:, 0] >= 0, 0] += entry.data
        if self._most is not None and len(self._found) >= self._most:
            # A new one: another thread may read the old one just now.
            self._found = {}
        self._found[shard] = spans
        return spans

    def unpack(self, data: bytes, length: int, shard: int, number: int) -> NDArray[np.int16]:
        """The steps of a chunk that should have so many bytes; raises CorruptStore."""
        if len(data) != length:
            raise CorruptStore(f"{self.name(shard, number)} is cut short")
        try:
            return unpack_chunk(data, self._shape)
        except CorruptStore as error:
            raise CorruptStore(f"{self.name(shard, number)} {error}") from error

    def strange(self, shard: int, number: int) -> CorruptStore:
        """What is to be said of a chunk that is whole, and has the header rows of another run."""
        return CorruptStore(f"{self.name(shard, number)} belongs to another run or other leads")

    def name(self, shard: int, number: int) -> str:
        """A chunk in words."""
        return f"{self._path}: {shard_key(*divmod(shard, self._columns))} chunk {number}"
