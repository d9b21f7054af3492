"""Decoded rows to shards: every variable's strip derived and quantised, every shard compressed, in threads.

One row of shards is filled while the one before is compressed, so memory does not grow with the leads beyond two rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import local

import numpy as np
from numpy.typing import NDArray

from storage.layout import BLOCK, shard_grid
from storage.schema import StoreSchema
from storage.writer import EncodedBand, ShardRow
from tasks.bands import strips_of, workers
from tasks.derive import derive
from tasks.fields import Fields, rows_of
from tasks.parts import Part
from tasks.statistics import Tally

SHARDS = 16
"""Compressed by a thread at a time: about 40 ms for 209 leads of 30 variables."""

Shards = list[Future[tuple[tuple[memoryview, int], ...]]]


def encoded(schema: StoreSchema, parts: Sequence[Part], fields: Fields, tally: Tally) -> Iterator[EncodedBand]:
    """The rows of shards in order; each stays in memory until the next is asked for.

    Raises DecodeError, QuantisationOverflow.
    """

    longest = max(len(part.messages) for part in parts)
    rooms = local()

    def fill(part: Part, row: ShardRow) -> None:
        if not hasattr(rooms, "room"):
            rooms.room = np.empty(longest * BLOCK * schema.grid.nx, np.float32)
        for strip, rows in enumerate(strips_of(row.rows)):
            derived, anomalies = derive(part.course, rows_of(fields, part.numbers, rows, rooms.room))
            tally.add(part.name, derived, anomalies)
            row.put(part.name, strip, derived)

    rows, columns = shard_grid(schema)
    with ThreadPoolExecutor(workers()) as pool:

        def begin(number: int, buffer: NDArray[np.uint8] | None = None) -> tuple[ShardRow, list[Future[None]]]:
            row = ShardRow(schema, number, buffer)
            return row, [pool.submit(fill, part, row) for part in parts]

        try:
            compressed: Shards = []
            buffer = None
            filling = begin(0)
            for number in range(rows):
                row, parts_filled = filling
                for filled in parts_filled:
                    filled.result()
                before = compressed
                compressed = [
                    pool.submit(row.encode, range(first, min(first + SHARDS, columns)))
                    for first in range(0, columns, SHARDS)
                ]
                if before:
                    yield _band(number - 1, before)
                # The row that was written gives its memory to the next one: new pages cost a tenth of the work.
                if number + 1 < rows:
                    filling = begin(number + 1, buffer)
                buffer = row.buffer
            yield _band(rows - 1, compressed)
        finally:
            pool.shutdown(cancel_futures=True)


def _band(number: int, compressed: Shards) -> EncodedBand:
    shards, crcs = zip(*(one for some in compressed for one in some.result()), strict=True)
    return EncodedBand(number, shards, crcs)
