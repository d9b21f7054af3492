"""The reader's door: one run's series at a cell in microseconds, without zarr-python.

Opening reads the zip's directory and the root `zarr.json`; a shard's index is read when a cell of it is first asked
for. Every read is a pread. A flipped bit anywhere gives CorruptStore or does not matter: the root is held against its
zip crc, a shard's name against its place, its index and every chunk against their crc32c, and a chunk's header rows
against the run.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.archive import Directory, Entry, read_directory
from storage.descriptor import Descriptor
from storage.errors import CorruptStore, StoreError
from storage.grids import Around, Cell
from storage.layout import (
    BLOCKS,
    CHUNKS,
    FILL,
    HEADER,
    dequantise,
    header_rows,
    shard_grid,
    shard_side,
    unpack_series,
)
from storage.loading import load_and_mix
from storage.mixing import rules_of
from storage.opening import read_entry, read_schema
from storage.schema import StoreSchema
from storage.shard import compress_inline
from storage.shards import Shards


class Store:
    """One run, open for reading from any number of threads.

    `index`: name -> row of what `point` returns. `close` may come at any time: reads that began before end well,
    later ones raise StoreError.
    """

    def __init__(
        self, path: Path, descriptor: Descriptor, directory: Directory, schema: StoreSchema, shards: int | None = None
    ) -> None:
        self.path = path
        self.schema = schema
        self.index = {name: row for row, name in enumerate(schema.names)}
        self.directory = directory
        self._descriptor: Descriptor | None = descriptor
        self._header = header_rows(schema)
        self._scales = np.array([stored.scale_factor for stored in schema.variables], np.float64)
        self._offsets = np.array([stored.add_offset for stored in schema.variables], np.float64)
        # What the kernel asks about every chunk.
        self._packing = rules_of(schema), self._header, self._scales, self._offsets
        self._series = len(schema.variables), len(schema.lead_times)
        self._most = shards
        self._shards = Shards(path, directory, schema, shards)

    @classmethod
    def open(cls, path: str | os.PathLike[str], shards: int | None = None) -> Store:
        """`shards`: of how many of them the indexes are kept at most; None: of all that were read from.

        Raises FileNotFoundError, CorruptStore, and StoreError for what is no store of this format.
        """
        path = Path(path)
        compress_inline()
        try:
            descriptor = Descriptor(path)
            directory = read_directory(descriptor.read, descriptor.size)
            schema = read_schema(descriptor, directory)
        except CorruptStore as error:
            raise CorruptStore(_about(path, error)) from error
        except StoreError as error:
            raise StoreError(_about(path, error)) from error
        return cls(path, descriptor, directory, schema, shards)

    def point(self, cell: Cell) -> NDArray[np.float32]:
        """Every variable at a cell: [variable, time], in the variables' units, NaN = missing.

        Raises CorruptStore, IndexError for a cell that is not in the grid, StoreError after `close`.
        """
        series: NDArray[np.float32] = self.cells((cell,))[0]
        return series

    def cells(self, cells: Sequence[Cell]) -> NDArray[np.float32]:
        """`point` of several cells: [cell, variable, time]. Those of one block are read together."""
        descriptor = self._open_descriptor()
        block = self.schema.block
        chunks: dict[tuple[int, int], NDArray[np.int16]] = {}
        series = np.empty((len(cells), len(self._scales), len(self.schema.lead_times)), np.float32)
        for one, (y, x) in zip(series, cells, strict=True):
            place = self._shards.place(y, x)
            chunk = chunks.get(place)
            if chunk is None:
                chunk = chunks[place] = self._shards.chunk(descriptor, *place)
            if not unpack_series(chunk, y % block, x % block, self._header, self._scales, self._offsets, one):
                raise self._shards.strange(*place)
        return series

    def tile(self, row: int, column: int) -> NDArray[np.float32]:
        """Every variable in all cells of one chunk: [variable, time, rows, columns], those beyond the grid missing.

        row, column: of the chunk among all chunks. Raises as `point` does.
        """
        size = self.schema.block
        place = self._shards.place(row * size, column * size)
        steps = self._shards.chunk(self._open_descriptor(), *place)
        if (steps[: len(HEADER)] != self._header[:, :, None, None]).any():
            raise self._shards.strange(*place)
        packing = zip(steps[len(HEADER) :], self._scales, self._offsets, strict=True)
        return np.stack([dequantise(each, scale, offset) for each, scale, offset in packing])

    def mixed(self, around: Around) -> NDArray[np.float32]:
        """Every variable at a place between cells: [variable, time], as `storage.mixing` says. Raises as `point` does.

        Cells of one block are read together.
        """
        if len(around.cells) == 1:
            return self.point(around.cells[0])
        four, descriptor = around.four, self._open_descriptor()
        a, b, c, d = self._shards.around(descriptor, four.cells)
        series = np.empty(self._series, np.float32)
        wrong = load_and_mix(
            descriptor.number,
            a,
            b,
            c,
            d,
            four.rows,
            four.columns,
            self.schema.block,
            four.weights,
            four.turns,
            *self._packing,
            series,
        )
        if wrong >= 0:
            place = self._shards.place(*four.cells[wrong])
            self._shards.chunk(descriptor, *place)
            raise self._shards.strange(*place)
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
        shard = shard_row * shard_grid(self.schema)[1] + shard_column
        size, side = self.schema.block, shard_side(self.schema)
        descriptor = self._open_descriptor()
        spans = self._shards.spans(descriptor, shard).tolist()
        places = {number: spans[number] for number in chunks if spans[number][0] >= 0}
        first = min((offset for offset, _ in places.values()), default=0)
        last = max((offset + length for offset, length in places.values()), default=0)
        data = descriptor.read(last - first, first)
        rows = min(side, self.schema.grid.ny - shard_row * side)
        columns = min(side, self.schema.grid.nx - shard_column * side)
        count = len(range(*variables.indices(len(self.index))))
        steps = np.full((count, len(self.schema.lead_times), side, side), FILL, np.int16)
        for number, (offset, length) in places.items():
            chunk = self._shards.unpack(data[offset - first : offset - first + length], length, shard, number)
            if (chunk[: len(HEADER)] != self._header[:, :, None, None]).any():
                raise self._shards.strange(shard, number)
            y, x = number // BLOCKS * size, number % BLOCKS * size
            steps[:, :, y : y + size, x : x + size] = chunk[len(HEADER) :][variables]
        return steps[:, :, :rows, :columns]

    def read(self, length: int, offset: int) -> bytes:
        """Raw bytes of the file, fewer where it ends."""
        return self._open_descriptor().read(length, offset)

    def read_entry(self, entry: Entry) -> bytes:
        """The bytes of one entry of the zip, held against its crc; raises CorruptStore."""
        return read_entry(self._open_descriptor(), entry, self.path)

    def close(self) -> None:
        """Give the file up; a second time is fine."""
        self._descriptor = None

    def _open_descriptor(self) -> Descriptor:
        descriptor = self._descriptor
        if descriptor is None:
            raise StoreError(f"{self.path} was closed")
        return descriptor

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Store.open, (self.path, self._most)


def _about(path: Path, error: StoreError) -> str:
    text = str(error)
    return text if text.startswith(str(path)) else f"{path} {text}"
