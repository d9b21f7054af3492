"""The values of a place between cells: what lies on a straight line is mixed, what is one thing or another is not.

A quantity that the catalogue interpolates in time by the nearest lead (categories, yes and no, bearings, the nearest
storm) is that of the nearest cell. The two components of a vector are mixed together, each cell's turned to point as
they do at the place. A value that is missing at the nearest cell is missing; where another cell lacks it, the rest is
weighed anew.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from storage.grids import Around
from storage.schema import StoreSchema
from storage.variables import VECTORS, Interpolation

NEAREST, SECOND = -1, -2
Four = tuple[float, float, float, float]


class FourCells(NamedTuple):
    """What the kernel asks about cells, the nearest one first. Where fewer are there, it comes again, and weighs 0."""

    numbers: tuple[int, int, int, int]
    weights: Four
    turns: Four


def _order(count: int, nearest: int) -> tuple[int, ...]:
    rest = [number for number in range(count) if number != nearest]
    return (nearest, *rest, *[nearest] * (3 - len(rest)))


_ORDERS = [[_order(count, nearest) for nearest in range(count)] for count in range(5)]
"""[number of cells][the nearest of them]."""


def four_cells(around: Around) -> FourCells:
    """The cells of `around`, as numbers into it."""
    weights, turns = around.weights, around.turns
    count = len(weights)
    a, b, c, d = _ORDERS[count][around.nearest]
    second, third, fourth = count > 1 and weights[b], count > 2 and weights[c], count > 3 and weights[d]
    return FourCells(
        (a, b, c, d),
        (weights[a], float(second), float(third), float(fourth)),
        (turns[a], turns[b], turns[c], turns[d]),
    )


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


@numba.njit(nogil=True, cache=True, error_model="numpy")
def mix_series(
    one: NDArray[np.int16],
    two: NDArray[np.int16],
    three: NDArray[np.int16],
    four: NDArray[np.int16],
    starts: tuple[int, int, int, int],
    weights: Four,
    turns: Four,
    rules: NDArray[np.int64],
    header: NDArray[np.int16],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    stride: int,
    series: NDArray[np.float32],
) -> int:
    """The values of a place into `series` [variable, time], from four chunks as they lie, one for each cell.

    starts: where the first number of each cell lies in its chunk; its next one lies `stride` further. Returns the
    number of a cell whose header rows differ from `header` [4, time], with `series` undefined, or -1.
    """
    times = header.shape[1]
    for cell, steps in enumerate((one, two, three, four)):
        for row in range(4):
            for time in range(times):
                if steps[starts[cell] + stride * (row * times + time)] != header[row, time]:
                    return cell
    a, b, c, d = (
        one[starts[0] + 4 * stride * times :],
        two[starts[1] + 4 * stride * times :],
        three[starts[2] + 4 * stride * times :],
        four[starts[3] + 4 * stride * times :],
    )
    cosines = (math.cos(turns[0]), math.cos(turns[1]), math.cos(turns[2]), math.cos(turns[3]))
    sines = (math.sin(turns[0]), math.sin(turns[1]), math.sin(turns[2]), math.sin(turns[3]))
    for variable in range(series.shape[0]):
        rule, first = rules[variable], stride * variable * times
        if rule == variable:
            _mix(a, b, c, d, weights, first, scales[variable], offsets[variable], stride, series[variable])
        elif rule == -1:
            for time in range(times):
                step = a[first + stride * time]
                series[variable, time] = np.nan if step == -32768 else step * scales[variable] + offsets[variable]
        elif rule >= 0:
            packing = scales[variable], offsets[variable], scales[rule], offsets[rule]
            places = first, stride * rule * times
            _mix_vector((a, b, c, d), weights, cosines, sines, places, packing, stride, series[variable], series[rule])
    return -1


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _mix(
    a: NDArray[np.int16],
    b: NDArray[np.int16],
    c: NDArray[np.int16],
    d: NDArray[np.int16],
    weights: Four,
    first: int,
    scale: float,
    offset: float,
    stride: int,
    series: NDArray[np.float32],
) -> None:
    wa, wb, wc, wd = weights
    missing = 0
    for time in range(len(series)):
        at = first + stride * time
        one, two, three, four = a[at], b[at], c[at], d[at]
        missing += min(min(one, two), min(three, four)) == -32768
        series[time] = (wa * one + wb * two + wc * three + wd * four) * scale + offset
    if not missing:
        return
    for time in range(len(series)):
        at = first + stride * time
        if a[at] == -32768:
            series[time] = np.nan
            continue
        share, total = wa, wa * a[at]
        if b[at] != -32768:
            share, total = share + wb, total + wb * b[at]
        if c[at] != -32768:
            share, total = share + wc, total + wc * c[at]
        if d[at] != -32768:
            share, total = share + wd, total + wd * d[at]
        series[time] = total / share * scale + offset


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _mix_vector(
    chunks: tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]],
    weights: Four,
    cosines: Four,
    sines: Four,
    places: tuple[int, int],
    packing: Four,
    stride: int,
    eastward: NDArray[np.float32],
    northward: NDArray[np.float32],
) -> None:
    """Both components of a vector. places: where the first and the second begin; packing: scale and offset of both."""
    first, second = places
    scale, offset, other_scale, other_offset = packing
    missing = 0
    for time in range(len(eastward)):
        i, j = first + stride * time, second + stride * time
        east = north = 0.0
        for cell, steps in enumerate(chunks):
            u, v = steps[i], steps[j]
            missing += min(u, v) == -32768
            x, y = u * scale + offset, v * other_scale + other_offset
            cosine, sine = weights[cell] * cosines[cell], weights[cell] * sines[cell]
            east += x * cosine - y * sine
            north += x * sine + y * cosine
        eastward[time] = east
        northward[time] = north
    if not missing:
        return
    for time in range(len(eastward)):
        i, j = first + stride * time, second + stride * time
        share = east = north = 0.0
        for cell, steps in enumerate(chunks):
            u, v = steps[i], steps[j]
            if u == -32768 or v == -32768:
                if cell == 0:
                    break
                continue
            x, y = u * scale + offset, v * other_scale + other_offset
            share += weights[cell]
            east += weights[cell] * (x * cosines[cell] - y * sines[cell])
            north += weights[cell] * (x * sines[cell] + y * cosines[cell])
        eastward[time] = east / share if share > 0.0 else np.nan
        northward[time] = north / share if share > 0.0 else np.nan
