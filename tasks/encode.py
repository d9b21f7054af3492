"""Decoded rows to shards: every variable's strip derived and quantised, every shard compressed, in threads.

One row of shards is filled while the one before is compressed, so memory does not grow with the leads beyond two rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import local

import numpy as np
from numpy.typing import NDArray

from storage.layout import BLOCK, BLOCKS, shard_grid
from storage.schema import StoreSchema
from storage.short import ShortRow
from storage.writer import EncodedBand, ShardRow
from tasks.bands import strips_of, workers
from tasks.fields import Fields
from tasks.statistics import Tally
from tasks.works import Work

SHARDS = 16
"""Compressed by a thread at a time: about 40 ms for 209 leads of 30 variables."""

Shards = list[Future[tuple[tuple[memoryview, int], ...]]]


def encoded(
    schema: StoreSchema,
    works: Sequence[Work],
    fields: Fields,
    tally: Tally,
    short: StoreSchema | None = None,
    only: range | None = None,
) -> Iterator[tuple[EncodedBand, EncodedBand | None]]:
    """The rows of shards in order, or `only` some, and where `short` is given the rows of its store, each with the last
    of those that it is made of. `only` begins with the first of such a row, and ends with the last.

    They stay in memory until the next are asked for. Raises DecodeError, QuantisationOverflow.
    """

    longest = max(work.messages for work in works)
    rooms = local()

    def fill(work: Work, row: ShardRow) -> None:
        if not hasattr(rooms, "room"):
            rooms.room = np.empty(longest * BLOCK * schema.grid.nx, np.float32)
        for strip, rows in enumerate(strips_of(row.rows)):
            for made in work.do(fields, rows, rooms.room):
                tally.add(made)
                row.put(made.output.name, strip, made.values)

    numbers = range(shard_grid(schema)[0]) if only is None else only
    with ThreadPoolExecutor(workers()) as pool:

        def begin(number: int, buffer: NDArray[np.uint8] | None = None) -> tuple[ShardRow, list[Future[None]]]:
            row = ShardRow(schema, number, buffer)
            return row, [pool.submit(fill, work, row) for work in works]

        try:
            compressed: list[Shards] = []
            buffer, gathered = None, None
            filling = begin(numbers.start)
            for number in numbers:
                row, works_done = filling
                for filled in works_done:
                    filled.result()
                before = compressed
                rows_done: list[ShardRow | ShortRow] = [row]
                if short:
                    gathered = gathered or ShortRow(short, number // BLOCKS)
                    # Before its own shards take the place of its steps.
                    gathered.take(number, row)
                    if number == gathered.rows[-1]:
                        rows_done.append(gathered)
                        gathered = None
                compressed = [
                    [
                        pool.submit(each.encode, range(first, min(first + SHARDS, each.columns)))
                        for first in range(0, each.columns, SHARDS)
                    ]
                    for each in rows_done
                ]
                if before:
                    yield _bands(number - 1, before)
                # The row that was written gives its memory to the next one: new pages cost a tenth of the work.
                if number + 1 in numbers:
                    filling = begin(number + 1, buffer)
                buffer = row.buffer
            yield _bands(numbers[-1], compressed)
        finally:
            pool.shutdown(cancel_futures=True)


def _bands(number: int, compressed: Sequence[Shards]) -> tuple[EncodedBand, EncodedBand | None]:
    whole, *short = compressed
    return _band(number, whole), _band(number // BLOCKS, short[0]) if short else None


def _band(number: int, compressed: Shards) -> EncodedBand:
    shards, crcs = zip(*(one for some in compressed for one in some.result()), strict=True)
    return EncodedBand(number, shards, crcs)
