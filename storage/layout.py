"""How numbers lie in a store: axes, blocks, shards, the header rows of every chunk, and int16 steps.

The array `forecast` is int16 [header + variable, time, y, x]. One inner chunk holds all variables and times of
BLOCK x BLOCK cells, or of as many as the schema says, so one read answers a point. BLOCKS x BLOCKS chunks share one
zip entry, which keeps a global 0.25 degree run at about 10,500 entries and stays usable with plain zarr-python. lz4
with byte shuffle reads fastest.
The first four rows of every chunk say which run and lead each column belongs to, as exact integers.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from storage.errors import QuantisationOverflow
from storage.schema import BLOCK as BLOCK
from storage.schema import StoreSchema
from storage.variables import Variable

HEADER = ("init_time_days", "init_time_minutes", "lead_time_days", "lead_time_minutes")
ARRAY = "forecast"
BLOCKS = 5
SHARD = BLOCKS * BLOCK
FILL = -32768
CHUNKS = BLOCKS * BLOCKS
TIMES_AT_ONCE = 64
"""Maps that are turned into series together: few enough to stay in a core's cache, enough to write whole lines."""
STEPS = 65_532
"""Steps between the lowest and highest value of a variable: int16 without FILL, less room to round the offset."""


def chunk_shape(schema: StoreSchema) -> tuple[int, int, int, int]:
    """Shape of one inner chunk: (header + variables, times, rows, columns)."""
    return len(HEADER) + len(schema.variables), len(schema.lead_times), schema.block, schema.block


def shard_side(schema: StoreSchema) -> int:
    """Cells along each side of a shard."""
    return BLOCKS * schema.block


def shard_grid(schema: StoreSchema) -> tuple[int, int]:
    """Number of shards along y and x."""
    side = shard_side(schema)
    return -(-schema.grid.ny // side), -(-schema.grid.nx // side)


def shard_key(row: int, column: int) -> str:
    """Name of the entry of one shard."""
    return f"{ARRAY}/c/0/0/{row}/{column}"


def header_rows(schema: StoreSchema) -> NDArray[np.int16]:
    """The HEADER rows [4, time] of every chunk: days since 1970-01-01, minute of the day, whole days, minutes."""
    minutes = int(schema.init_time.timestamp()) // 60
    lead_times = np.asarray(schema.lead_times)
    rows = np.empty((len(HEADER), len(lead_times)), np.int16)
    rows[0], rows[1] = divmod(minutes, 1440)
    rows[2], rows[3] = lead_times // 1440, lead_times % 1440
    return rows


def _steps_from(step: Decimal) -> Any:
    """`step` and the larger ones of the 1-2-5 ladder."""
    yield step
    exponent = step.adjusted()
    while True:
        for digit in (1, 2, 5):
            rung = Decimal((0, (digit,), exponent))
            if rung > step:
                yield rung
        exponent += 1


def step_for(variable: Variable, low: float, high: float) -> tuple[float, float, bool]:
    """(scale_factor, add_offset, widened) that hold values from `low` to `high`, both in the variable's units.

    The step is the catalogue's precision, or the next one of the 1-2-5 ladder that holds the range (widened).
    The offset is a multiple of the step near the middle. A range of NaN (no value at all) gives offset 0.
    """
    precision = Decimal(str(variable.precision))
    if math.isnan(low) or math.isnan(high):
        return float(precision), 0.0, False
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise QuantisationOverflow(f"{variable.name}: no int16 step holds values from {low} to {high}")
    for step in _steps_from(precision):
        if (high - low) / float(step) <= STEPS:
            middle = round(low / 2 / float(step) + high / 2 / float(step))
            return float(step), float(step * middle), step != precision
    raise AssertionError("the ladder has no end")


def dequantise(steps: NDArray[np.int16], scale: float, offset: float) -> NDArray[np.float32]:
    """offset + scale * step as float32, FILL as NaN."""
    values = (steps.astype(np.float64) * scale + offset).astype(np.float32)
    values[steps == FILL] = np.nan
    return values


@numba.njit(nogil=True, cache=True)
def pack_strip(
    values: NDArray[np.float32], scale: float, offset: float, chunks: NDArray[np.uint64], variable: int
) -> int:
    """Quantise BLOCK rows of one variable into their chunks.

    values: [time, 1 or 2 rows, nx], in units; rows and columns that are not there become FILL.
    chunks: [shard column, block column, header + variable, time], changed in place: the 2 x 2 int16 of a block at one
    time are the 8 bytes of one element, row by row.
    Returns the number of values outside int16, which were stored as FILL.
    """
    times, rows, nx = values.shape
    columns, blocks = chunks.shape[0], chunks.shape[1]
    inverse = 1.0 / scale
    overflows = 0
    steps = np.full((2, columns * blocks * 2), -32768, np.int16)
    halves = steps.view(np.uint32)
    maps = np.empty((TIMES_AT_ONCE, columns * blocks), np.uint64)
    for first in range(0, times, TIMES_AT_ONCE):
        count = min(TIMES_AT_ONCE, times - first)
        for time in range(count):
            for y in range(rows):
                source, target = values[first + time, y], steps[y]
                for x in range(nx):
                    step = np.rint((np.float64(source[x]) - offset) * inverse)
                    fits = abs(step) <= 32767.0
                    overflows += (not fits) and (step == step)
                    target[x] = np.int16(step if fits else -32768.0)
            for block in range(columns * blocks):
                maps[time, block] = np.uint64(halves[0, block]) | np.uint64(halves[1, block]) << np.uint64(32)
        for column in range(columns):
            for block in range(blocks):
                series = chunks[column, block, variable]
                for time in range(count):
                    series[first + time] = maps[time, column * blocks + block]
    return overflows


@numba.njit(nogil=True, cache=True)
def unpack_series(
    chunk: NDArray[np.int16],
    y: int,
    x: int,
    header: NDArray[np.int16],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    series: NDArray[np.float32],
) -> bool:
    """The values of one cell of a chunk [header + variable, time, BLOCK, BLOCK] into `series` [variable, time].

    Returns False, with `series` undefined, where the cell's header rows differ from `header` [4, time].
    """
    times = header.shape[1]
    for row in range(4):
        for time in range(times):
            if chunk[row, time, y, x] != header[row, time]:
                return False
    for variable in range(series.shape[0]):
        scale, offset = scales[variable], offsets[variable]
        for time in range(times):
            step = chunk[variable + 4, time, y, x]
            series[variable, time] = np.nan if step == -32768 else step * scale + offset
    return True
