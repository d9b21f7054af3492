"""The values of a place between cells: what lies on a straight line is mixed, what is one thing or another is not.

A quantity that the catalogue interpolates in time by the nearest lead (categories, yes and no, bearings, the nearest
storm) is that of the nearest cell. The two components of a vector are mixed together, each cell's turned to point as
they do at the place. A value that is missing at the nearest cell is missing; where another cell lacks it, the rest is
weighed anew.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from storage.grids import Four
from storage.kernels import kernel
from storage.schema import StoreSchema
from storage.variables import VECTORS, Interpolation

NEAREST, SECOND = -1, -2


def rules_of(schema: StoreSchema) -> NDArray[np.int64]:
    """How each variable is mixed [variable]: NEAREST, by itself (its own row), or with the row of a vector's second
    component, which itself has SECOND.
    """
    row_of = {name: row for row, name in enumerate(schema.names)}
    rules = np.arange(len(schema.variables))
    for row, stored in enumerate(schema.variables):
        if stored.variable.interpolation is Interpolation.NEAREST:
            rules[row] = NEAREST
    for first, second in VECTORS:
        if first in row_of and second in row_of:
            rules[row_of[first]], rules[row_of[second]] = row_of[second], SECOND
    return rules


@kernel
def take_cell(chunk: NDArray[np.int16], start: int, cells: int, steps: NDArray[np.int16]) -> None:
    """The numbers of one cell out of a chunk of so many, in the order in which they lie; `start`: of the first one."""
    if cells == 4:
        # A word of eight bytes holds all four at one time, and words are moved several at once.
        words, shift = chunk.view(np.uint64), np.uint64(16 * start)
        for number in range(len(steps)):
            steps[number] = np.int16(words[number] >> shift)
    else:
        for number in range(len(steps)):
            steps[number] = chunk[start + cells * number]


@kernel
def mix_series(
    steps: NDArray[np.int16],
    weights: Four,
    turns: Four,
    rules: NDArray[np.int64],
    header: NDArray[np.int16],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    series: NDArray[np.float32],
) -> int:
    """The values of a place into `series` [variable, time]; steps: [4 cells, header rows and variables, time].

    Returns the number of a cell whose header rows differ from `header` [4, time], with `series` undefined, or -1.
    """
    times = header.shape[1]
    for cell in range(4):
        for row in range(4):
            differs = False
            for time in range(times):
                differs |= steps[cell, row, time] != header[row, time]
            if differs:
                return cell
    cosines = (math.cos(turns[0]), math.cos(turns[1]), math.cos(turns[2]), math.cos(turns[3]))
    sines = (math.sin(turns[0]), math.sin(turns[1]), math.sin(turns[2]), math.sin(turns[3]))
    for variable in range(series.shape[0]):
        rule, row = rules[variable], variable + 4
        if rule == variable:
            a, b, c, d = steps[0, row], steps[1, row], steps[2, row], steps[3, row]
            _mix(a, b, c, d, weights, scales[variable], offsets[variable], series[variable])
        elif rule == -1:
            for time in range(times):
                step = steps[0, row, time]
                series[variable, time] = np.nan if step == -32768 else step * scales[variable] + offsets[variable]
        elif rule >= 0:
            packing = scales[variable], offsets[variable], scales[rule], offsets[rule]
            _mix_vector(steps, row, rule + 4, weights, cosines, sines, packing, series[variable], series[rule])
    return -1


@kernel
def _mix(
    a: NDArray[np.int16],
    b: NDArray[np.int16],
    c: NDArray[np.int16],
    d: NDArray[np.int16],
    weights: Four,
    scale: float,
    offset: float,
    series: NDArray[np.float32],
) -> None:
    """One variable, of each cell [time]."""
    wa, wb, wc, wd = weights
    missing = False
    for time in range(len(series)):
        one, two, three, four = a[time], b[time], c[time], d[time]
        missing |= (one == -32768) | (two == -32768) | (three == -32768) | (four == -32768)
        series[time] = (wa * one + wb * two + wc * three + wd * four) * scale + offset
    if not missing:
        return
    for time in range(len(series)):
        if a[time] == -32768:
            series[time] = np.nan
            continue
        share, total = wa, wa * a[time]
        if b[time] != -32768:
            share, total = share + wb, total + wb * b[time]
        if c[time] != -32768:
            share, total = share + wc, total + wc * c[time]
        if d[time] != -32768:
            share, total = share + wd, total + wd * d[time]
        series[time] = total / share * scale + offset


@kernel
def _mix_vector(
    steps: NDArray[np.int16],
    first: int,
    second: int,
    weights: Four,
    cosines: Four,
    sines: Four,
    packing: Four,
    eastward: NDArray[np.float32],
    northward: NDArray[np.float32],
) -> None:
    """Both components of a vector. first, second: their rows in `steps`; packing: scale and offset of both."""
    scale, offset, other_scale, other_offset = packing
    east, north = np.zeros(len(eastward)), np.zeros(len(eastward))
    missing = False
    for cell in range(4):
        cosine, sine = weights[cell] * cosines[cell], weights[cell] * sines[cell]
        us, vs = steps[cell, first], steps[cell, second]
        for time in range(len(eastward)):
            u, v = us[time], vs[time]
            missing |= (u == -32768) | (v == -32768)
            x, y = u * scale + offset, v * other_scale + other_offset
            east[time] += x * cosine - y * sine
            north[time] += x * sine + y * cosine
    eastward[:] = east
    northward[:] = north
    if not missing:
        return
    for time in range(len(eastward)):
        share = 0.0
        east[time] = north[time] = 0.0
        for cell in range(4):
            u, v = steps[cell, first, time], steps[cell, second, time]
            if u == -32768 or v == -32768:
                if cell == 0:
                    break
                continue
            x, y = u * scale + offset, v * other_scale + other_offset
            share += weights[cell]
            east[time] += weights[cell] * (x * cosines[cell] - y * sines[cell])
            north[time] += weights[cell] * (x * sines[cell] + y * cosines[cell])
        eastward[time] = east[time] / share if share > 0.0 else np.nan
        northward[time] = north[time] / share if share > 0.0 else np.nan
