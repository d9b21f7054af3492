"""Fields as int16 steps and back: exact for whatever a message packs in 65,536 levels."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from storage.grids import LatLonGrid, Window
from storage.layout import FILL
from tasks.orient import Orientation, Scan, position

MISSING = 9.999e20
"""What decoders give for a missing value; whatever is not finite or as large counts as missing too."""
SPAN = -2 * FILL - 2
"""Steps between the lowest and the highest int16 that is not FILL."""
ROUGH = SPAN - 2
"""Steps of a field that is not packed in such steps, or in too many."""
LIMIT = 9.998e20
"""Sizes from here on are MISSING, whatever arithmetic did to it."""
EXACT = 0.01
"""A value further than this part of a step from a multiple of it is not packed in such steps."""


@dataclass(frozen=True)
class Field:
    """One decoded field: float64 values in the message's order, MISSING where there is none.

    `step`: of the packing, 0 where it has no fixed one.
    """

    values: NDArray[np.float64]
    orientation: Orientation
    step: float


@dataclass(frozen=True)
class Packed:
    """How a field's int16 steps are to be read: offset + scale * step. `gaps`: FILL is a missing value, not a step.

    `step`: no value is further than this from what the message packs, and the packing itself is no finer.
    """

    step: float
    scale: float
    offset: float
    gaps: bool


def pack(field: Field, window: Window) -> tuple[NDArray[np.int16], Packed]:
    """The window of a field as int16 [rows, columns]: exact where its packing has at most 65,536 levels."""
    scan = field.orientation.scan
    low, high, missing = _measure(field.values, scan, window)
    gaps = missing > 0
    steps = np.empty((window.rows, window.columns), np.int16)
    span = SPAN if gaps else SPAN + 1
    lowest = FILL + 1 if gaps else FILL
    if missing == steps.size:
        steps.fill(FILL)
        return steps, Packed(field.step, 1.0, 0.0, gaps)
    scale = step = field.step
    if not (step > 0 and (high - low) / step < span + 0.5):
        step = (high - low) / ROUGH
        scale = step or 1.0
    if _quantise(field.values, scan, window, low, scale, lowest, steps) > EXACT and scale == field.step:
        scale = step = (high - low) / ROUGH
        _quantise(field.values, scan, window, low, scale, lowest, steps)
    # Of a constant field the steps add nothing, not even their rounding.
    return steps, Packed(step, scale, low - scale * lowest, gaps) if high > low else Packed(step, 0.0, low, gaps)


def load_kernels() -> None:
    """Have the kernels compiled, so that children which are forked later do not do it each for itself."""
    point = Orientation(LatLonGrid(0.0, 1.0, 1, 0.0, 1.0, 1), Scan(1, 1))
    pack(Field(np.zeros(1), point, 0.0), Window(0, 1, 0, 1))


@numba.njit(nogil=True, cache=True)
def _measure(values: NDArray[np.float64], scan: Scan, window: Window) -> tuple[float, float, int]:
    """Lowest and highest value in the window, and how many are missing."""
    low, high, missing = np.inf, -np.inf, 0
    for row in range(window.rows):
        for column in range(window.columns):
            value = values[position(scan, window.row + row, window.column + column)]
            if abs(value) < LIMIT:
                low = min(low, value)
                high = max(high, value)
            else:
                missing += 1
    return low, high, missing


@numba.njit(nogil=True, cache=True)
def _quantise(
    values: NDArray[np.float64],
    scan: Scan,
    window: Window,
    low: float,
    scale: float,
    lowest: int,
    steps: NDArray[np.int16],
) -> float:
    """Steps of the window's values, `lowest` for `low`; returns the largest rounding error in steps."""
    worst = 0.0
    inverse = 1.0 / scale
    for row in range(window.rows):
        for column in range(window.columns):
            value = values[position(scan, window.row + row, window.column + column)]
            if abs(value) < LIMIT:
                exact = (value - low) * inverse
                step = np.rint(exact)
                worst = max(worst, abs(exact - step))
                steps[row, column] = np.int16(step + lowest)
            else:
                steps[row, column] = -32768
    return worst


@numba.njit(nogil=True, cache=True)
def unpack(
    steps: NDArray[np.int16],
    starts: NDArray[np.int64],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    gaps: NDArray[np.bool_],
    values: NDArray[np.float32],
    at: NDArray[np.int64],
) -> None:
    """Steps from `starts` on as values[at] [message, rows, columns]; one start, scale, offset and gaps a message."""
    rows, columns = values.shape[1], values.shape[2]
    for index in range(len(at)):
        scale, offset, gap = scales[index], offsets[index], gaps[index]
        for row in range(rows):
            start = starts[index] + row * columns
            for column in range(columns):
                step = steps[start + column]
                if gap and step == -32768:
                    values[at[index], row, column] = np.nan
                else:
                    values[at[index], row, column] = offset + scale * step
