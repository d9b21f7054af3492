"""The floors of an ingest: its messages decoded and nothing else, its values written and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deployments.bench.backend import backend_seconds
from deployments.bench.measure import Cost, Meter, new_nameless_bytes
from storage.grids import Window
from storage.layout import SHARD, dequantise, shard_grid
from storage.reader import Store
from tasks.bands import in_threads, strips_of
from tasks.decode import EcCodes
from tasks.fields import Fields
from tasks.mixed import open_fields
from tasks.wanted import StagedMessage

AT_ONCE = 256
"""Messages decoded into one buffer: about as many as one variable has."""
STRIDE = 6
"""One row of shards in so many is written again."""


def decode_alone(messages: Sequence[StagedMessage], scratch: Path) -> Cost:
    """Every value of all messages, BLOCK rows after BLOCK rows, by the decoders that an ingest would choose."""
    with Meter(new_nameless_bytes()) as meter:
        fields = open_fields(messages, scratch, None, _ignore)
        try:
            read_all(fields, len(messages))
        finally:
            fields.close()
    return meter.cost


def eccodes_alone(messages: Sequence[StagedMessage], scratch: Path) -> Cost:
    """The same through ecCodes and its scratch file, whatever their packing."""
    grid = open_fields(messages[:1], scratch, None, _ignore).grid
    with Meter(new_nameless_bytes()) as meter:
        fields = EcCodes(scratch).open(messages, grid, Window(0, grid.ny, 0, grid.nx), grid, _ignore)
        try:
            read_all(fields, len(messages))
        finally:
            fields.close()
    return meter.cost


def backend_alone(store: Path, scratch: Path) -> float:
    """CPU seconds to write a store's values again, in one thread, to a file as long as the store.

    Every STRIDE-th row of shards is read back, and written STRIDE times: reading all would take longer than writing.
    """
    with Store.open(store) as opened:
        schema = opened.schema
        count = shard_grid(schema)[0]
        rows = [min(row // STRIDE * STRIDE + STRIDE // 2, max(count - 2, 0)) for row in range(count)]
        held: dict[int, dict[str, NDArray[np.float32]]] = {}

        def values(name: str, strip: range) -> NDArray[np.float32]:
            row = strip.start // SHARD
            if row not in held:
                held.clear()
                held[row] = _values(opened, row)
            return np.ascontiguousarray(held[row][name][:, strip.start - row * SHARD : strip.stop - row * SHARD])

        seconds = backend_seconds(schema, values, rows, scratch / "alone.shards")
    (scratch / "alone.shards").unlink()
    # The last row of shards is the one that may be lower.
    return seconds * schema.grid.ny / sum(min(SHARD, schema.grid.ny - row * SHARD) for row in rows)


def _values(store: Store, row: int) -> dict[str, NDArray[np.float32]]:
    """All values of a row of shards: variable -> [time, rows, nx]."""
    steps = np.concatenate([store.block(row, column) for column in range(shard_grid(store.schema)[1])], axis=3)
    return {
        stored.name: dequantise(steps[number], stored.scale_factor, stored.add_offset)
        for number, stored in enumerate(store.schema.variables)
    }


def read_all(fields: Fields, count: int) -> None:
    """Ask for all rows of `count` messages, once, strip after strip; the values go nowhere."""

    def read(first: int) -> None:
        numbers = np.arange(first, min(first + AT_ONCE, count))
        for rows in strips_of(range(fields.grid.ny)):
            values = np.empty((len(numbers), len(rows), fields.grid.nx), np.float32)
            fields.fill(numbers, rows, values, np.arange(len(numbers)))

    in_threads(read, range(0, count, AT_ONCE))


def _ignore(done: int, total: int) -> None:
    return None
