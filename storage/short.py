"""The row of shards of a short store, gathered from rows of its run's store before these are compressed.

Few leads of 2 x 2 cells are a chunk in which lz4 finds little, and of which frame, checksum and place are a tenth. So
chunks of short stores have SHARD x SHARD cells: five rows of shards of the run's store make one of its short store.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from isal.isal_zlib import crc32

from storage.layout import BLOCKS, SHARD, chunk_shape, shard_grid
from storage.schema import StoreSchema
from storage.shard import ROOM, compress_inline, pack_shard
from storage.writer import ShardRow


def short_of(schema: StoreSchema, last: int) -> StoreSchema:
    """The schema of the short store of a run, up to `last` minutes. Raises SchemaError where no lead is left."""
    return replace(schema.until(last), block=SHARD)


class ShortRow:
    """One row of shards of the store of `schema`, which `short_of` gave.

    `rows`: of the run's store, from which it is made; `columns`: how many shards. Raises IndexError for a row that the
    grid does not have.
    """

    def __init__(self, schema: StoreSchema, row: int) -> None:
        grid = schema.grid
        self.rows = range(row * BLOCKS, min((row + 1) * BLOCKS, -(-grid.ny // SHARD)))
        if row < 0 or not self.rows:
            raise IndexError(f"{schema.model}: no shard row {row} in the short store of a grid of {grid.ny} rows")
        self.row, self.columns = row, shard_grid(schema)[1]
        self._schema = schema
        self._chunks = np.empty((len(self.rows), -(-grid.nx // SHARD), *chunk_shape(schema)), np.int16)
        self._taken: set[int] = set()

    def take(self, number: int, row: ShardRow) -> None:
        """The first leads of row `number` of the run's store, all of which is put and nothing encoded."""
        row.shorten(self._schema, self._chunks[self.rows.index(number)])
        self._taken.add(number)

    def encode(self, columns: range) -> tuple[tuple[memoryview, int], ...]:
        """Some shards, west to east as the grid lies, each with its crc32; from any thread, once all rows are taken."""
        if lacking := set(self.rows) - self._taken:
            raise ValueError(f"{self._schema.model}: row {min(lacking)} of short row {self.row} was not taken")
        compress_inline()
        return tuple((shard, crc32(shard)) for shard in map(self._shard, columns))

    def _shard(self, column: int) -> memoryview:
        height, width = self._chunks.shape[:2]
        numbers = [(y, column * BLOCKS + x) for y in range(BLOCKS) for x in range(BLOCKS)]
        place = memoryview(bytearray(ROOM + BLOCKS * BLOCKS * self._chunks[0, 0].nbytes))
        return place[
            : pack_shard((self._chunks[y, x] if y < height and x < width else None for y, x in numbers), place)
        ]
