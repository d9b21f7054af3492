"""What a run needs of a machine, in bytes: reckoned from its shape, before anything of it is there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from storage.grids import Window

BASE_MEMORY = 120_000_000
"""The interpreter, ecCodes, numba and compiled code, without Prefect, which adds 100 MB (2026-11)."""
MESSAGE_MEMORY = 3_000
"""What is known of a message while its run is written: 2.8 kB (GEFS, 2026-11)."""
CELL_BYTES = 50
"""Of a cell, beside its values: its part of a chunk's header rows, frame, checksum and place in the index."""
SHORT_CELL_BYTES = 2
"""The same in a short store, whose chunks have 100 cells."""
CLIPPED = 1.4
"""Bytes of a value in a message that is cut down to a box for each in the whole one: HRRR 1.3, NBM 1.5."""
CLIPPED_BYTES = 5_000
"""Of such a message, beside the values in the box."""
SCRATCH_BYTES_PER_VALUE = 2
GLOBE_BYTES = 110
"""Of a point of the map in which storms are found: unit vectors, and what they are made of."""
STORM_BYTES = 45
"""Of such a point in each thread: its rate, what is marked, what is nearest."""
BOX_BYTES = 85
"""Of a point of a grid in metres, while it is looked up which of them lie in a box."""
DECODER_BYTES = 55
"""Of a point in each process that runs ecCodes: float64 values, and what they are packed from and into."""
CLIPPING_BYTES = 14
"""Of a point in each thread that cuts messages down to a box: whole numbers, values, whether it is inside."""


@dataclass(frozen=True)
class Shape:
    """What of a run its needs follow from.

    `points`: of the whole grid; `window`: what of it is kept; `boxed`: whether for that the place of every point is
    needed; `clipped`: whether messages are cut down to it as they arrive. `variables`, `times`: of the store; `short`:
    how many of the times are kept when others have followed. `messages`: all; `together`: those that one thread
    decodes at a time; `by_eccodes`: those that only ecCodes decodes, `scratched`: so many of them while the run is
    written. `storms`: leads in which storms are found. `filled`: bytes of int16 that the store's values compress to,
    per cell; `short_packed`: how many a value takes in the short store for each of these.
    """

    points: int
    window: Window
    boxed: bool
    clipped: bool
    variables: int
    times: int
    short: int
    messages: int
    together: int
    by_eccodes: int
    scratched: int
    storms: int
    filled: float
    short_packed: float

    @property
    def cells(self) -> int:
        return self.window.rows * self.window.columns


def store_bytes(shape: Shape) -> int:
    """Of the whole store."""
    return round(_blocks(shape) * (shape.filled + CELL_BYTES))


def short_bytes(shape: Shape) -> int:
    """Of the store of the first times."""
    values = shape.filled * shape.short_packed * shape.short / shape.times
    return round(shape.cells * (values + SHORT_CELL_BYTES)) if shape.short else 0


def _blocks(shape: Shape) -> int:
    """Cells of all chunks: where a row of them ends the grid they are filled up."""
    from storage.layout import BLOCK

    return math.prod(BLOCK * -(-size // BLOCK) for size in (shape.window.rows, shape.window.columns))


def clipped_bytes(shape: Shape, count: float, length: float) -> float:
    """Of `count` messages of `length` bytes in all, cut down to the window."""
    return CLIPPED * length * shape.cells / shape.points + CLIPPED_BYTES * count


def scratch_bytes(shape: Shape) -> int:
    """Beside messages and stores, while a run is written: decoded fields, distances and bearings of storms."""
    return SCRATCH_BYTES_PER_VALUE * (shape.scratched + 2 * shape.storms) * shape.cells


def reserved_bytes(shape: Shape) -> int:
    """What the stores take of the disk while they are written, ahead of which room is taken."""
    whole = _reserved(store_bytes(shape), shape.cells * shape.times * shape.variables)
    return whole + _reserved(short_bytes(shape), shape.cells * shape.short * shape.variables)


def _reserved(size: int, values: int) -> int:
    # With the writer come the kernels' compilers.
    from storage.writer import RESERVED

    stride = min(values, RESERVED)
    return stride * math.ceil(size / stride) if stride else size


def memory_bytes(shape: Shape) -> int:
    """At its highest, of the process and its children: storms, ecCodes and the store come one after another."""
    from tasks.bands import workers
    from tasks.decode import CHILDREN

    storms = (GLOBE_BYTES + workers() * STORM_BYTES) * shape.points if shape.storms else 0
    decoding = CHILDREN * DECODER_BYTES * shape.points if shape.by_eccodes else 0
    clipping = workers() * CLIPPING_BYTES * shape.points if shape.clipped else 0
    boxing = BOX_BYTES * shape.points if shape.boxed else 0
    return BASE_MEMORY + MESSAGE_MEMORY * shape.messages + max(_writing(shape), storms, decoding, boxing, clipping)


def _writing(shape: Shape) -> int:
    """Two rows of shards, one being filled, one compressed in the place of its own steps; of the short store one, and
    half of the next; and in each thread a strip of float32 of what is decoded together."""
    from storage.layout import BLOCK, BLOCKS
    from storage.writer import row_bytes
    from tasks.bands import workers

    rows = 2 * row_bytes(shape.variables, shape.times, shape.window.columns)
    if shape.short:
        rows += 3 * BLOCKS * row_bytes(shape.variables, shape.short, shape.window.columns) // 2
    return rows + workers() * shape.together * BLOCK * 4 * shape.window.columns
