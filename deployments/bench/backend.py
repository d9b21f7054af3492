"""The back end of an ingest alone: values quantised, gathered into chunks, compressed and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from storage.archive import ArchiveWriter
from storage.layout import BLOCK, shard_key
from storage.schema import StoreSchema
from storage.writer import ShardRow

Values = Callable[[str, range], NDArray[np.float32]]


def backend_seconds(schema: StoreSchema, values: Values, rows: Sequence[int], path: Path) -> float:
    """CPU seconds from values to the bytes of some shard rows in the file `path`; for a whole run scale by the rows.

    `values(name, rows)`: float32 [time, rows, nx] of rows of the grid, in the variable's units, NaN = missing; asked
    BLOCK rows at a time and not counted. The first row goes through twice, and counts when code and memory are warm.
    """
    spent: list[float] = []
    buffer = None
    with path.open("wb", buffering=0) as file:
        for number in (rows[0], *rows):
            archive = ArchiveWriter(file.write)
            begun = process_time()
            row = ShardRow(schema, number, buffer)
            seconds = process_time() - begun
            for name in schema.names:
                for strip in range(row.strips):
                    some = values(name, row.rows[strip * BLOCK : (strip + 1) * BLOCK])
                    begun = process_time()
                    row.put(name, strip, some)
                    seconds += process_time() - begun
            begun = process_time()
            for column, (shard, crc) in enumerate(row.encode(range(row.columns))):
                archive.add(shard_key(number, column), shard, crc)
            spent.append(seconds + process_time() - begun)
            buffer = row.buffer
    return sum(spent[1:])
