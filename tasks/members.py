"""Kernels over the members of an ensemble. A member is an array of its own, so kernels take their addresses.

Some cells at a time are worked out together, member by member, so that a core does several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from numba.np.numpy_support import carray
from numpy.typing import NDArray

Array = NDArray[np.float32]
Shape = tuple[int, ...]

CELLS = 128
"""Worked out together: 51 members of them are 26 kB, which a core's cache holds."""


def addresses_of(arrays: Sequence[Array]) -> NDArray[np.int64]:
    """Where arrays of one shape begin; raises ValueError for one that is no float32 in one piece of memory."""
    for array in arrays:
        if array.dtype != np.float32 or not array.flags.c_contiguous or array.shape != arrays[0].shape:
            raise ValueError(
                f"a member is {array.dtype} of shape {array.shape}, contiguous: {array.flags.c_contiguous}"
            )
    return np.array([array.ctypes.data for array in arrays], np.int64)


@cache
def network(count: int) -> NDArray[np.int64]:
    """Which pairs to put in order, one after the other, to sort so many: [pair, 2].

    Merge exchange, K. E. Batcher 1968 (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M).
    """
    pairs = []
    top = 1 << max(count - 1, 0).bit_length() >> 1
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return np.array(pairs, np.int64).reshape(-1, 2)


def _floats(context: Any, address: Any) -> tuple[Any, Callable[..., Any]]:
    """The float32 at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.FloatType().as_pointer())

    return numba.types.CPointer(numba.float32)(numba.int64), generate


_at: Any = intrinsic(_floats)


@numba.njit(nogil=True, cache=True)
def _gather(addresses: NDArray[np.int64], start: int, width: int, room: Array) -> None:
    """room [member, CELLS]: `width` values of each from `start` on; NaN behind them."""
    for member in range(len(addresses)):
        own = carray(_at(addresses[member] + 4 * start), (width,))
        for x in range(width):
            room[member, x] = own[x]
        room[member, width:] = np.nan


@numba.njit(nogil=True, cache=True)
def speed(east: Array, north: Array) -> None:
    """Lengths of vectors, in the place of `east`."""
    for x in range(len(east)):
        east[x] = np.sqrt(east[x] * east[x] + north[x] * north[x])


@numba.njit(nogil=True, cache=True)
def percentiles(
    addresses: NDArray[np.int64],
    shape: Shape,
    pairs: NDArray[np.int64],
    shares: NDArray[np.float64],
    at_least: int,
    results: NDArray[np.int64],
) -> None:
    """The values that `shares` of the way up the members lie, linear between two, to the addresses `results`."""
    members, cells = len(addresses), shape[0] * shape[1] * shape[2]
    room = np.empty((members, CELLS), np.float32)
    count = np.empty(CELLS, np.int32)
    for start in range(0, cells, CELLS):
        width = min(CELLS, cells - start)
        _gather(addresses, start, width, room)
        count[:] = 0
        for member in range(members):
            for x in range(CELLS):
                value = room[member, x]
                there = value == value
                count[x] += np.int32(there)
                # What is missing comes last.
                room[member, x] = value if there else np.float32(np.inf)
        for pair in range(len(pairs)):
            low, high = room[pairs[pair, 0]], room[pairs[pair, 1]]
            for x in range(CELLS):
                one, other = low[x], high[x]
                low[x] = one if one < other else other
                high[x] = other if one < other else one
        for number in range(len(shares)):
            result = carray(_at(results[number] + 4 * start), (width,))
            for x in range(width):
                if count[x] < max(at_least, 1):
                    result[x] = np.nan
                    continue
                place = shares[number] * (count[x] - 1)
                below = int(place)
                above = min(below + 1, count[x] - 1)
                lower, upper = np.float64(room[below, x]), np.float64(room[above, x])
                result[x] = lower + (upper - lower) * (place - below)


@numba.njit(nogil=True, cache=True)
def add_up(
    addresses: NDArray[np.int64],
    shape: Shape,
    limits: NDArray[np.float64],
    at_least: int,
    above: Array,
    mean: Array,
    spread: Array,
) -> None:
    """Per cent of members above `limits` [lead], their mean, their sample standard deviation (NaN of one)."""
    members, row = len(addresses), shape[1] * shape[2]
    room = np.empty((members, CELLS), np.float32)
    count, wet = np.empty(CELLS), np.empty(CELLS)
    total, squares = np.empty(CELLS), np.empty(CELLS)
    flat_above, flat_mean, flat_spread = above.reshape(-1), mean.reshape(-1), spread.reshape(-1)
    for lead in range(shape[0]):
        limit = np.float32(limits[lead])
        for start in range(lead * row, (lead + 1) * row, CELLS):
            width = min(CELLS, (lead + 1) * row - start)
            _gather(addresses, start, width, room)
            count[:], wet[:], total[:], squares[:] = 0.0, 0.0, 0.0, 0.0
            for member in range(members):
                for x in range(CELLS):
                    value = room[member, x]
                    there = value == value
                    count[x] += np.float64(there)
                    wet[x] += np.float64(value > limit)
                    total[x] += np.float64(value) if there else 0.0
            for x in range(CELLS):
                total[x] /= max(count[x], 1.0)
            for member in range(members):
                for x in range(CELLS):
                    value = room[member, x]
                    off = np.float64(value) - total[x]
                    squares[x] += off * off if value == value else 0.0
            for x in range(width):
                enough = count[x] >= max(at_least, 1)
                flat_above[start + x] = 100.0 * wet[x] / count[x] if enough else np.nan
                flat_mean[start + x] = total[x] if enough else np.nan
                several = enough and count[x] > 1
                flat_spread[start + x] = np.sqrt(squares[x] / (count[x] - 1.0)) if several else np.nan


@numba.njit(nogil=True, cache=True)
def kinds(
    amounts: NDArray[np.int64],
    addresses: NDArray[np.int64],
    shape: Shape,
    codes: NDArray[np.bool_],
    least: float,
    at_least: int,
    result: Array,
) -> None:
    """Per cent of members with any amount whose value is one of `codes`, or more than `least` where there are none."""
    members, cells = len(addresses), shape[0] * shape[1] * shape[2]
    amount, room = np.empty((members, CELLS), np.float32), np.empty((members, CELLS), np.float32)
    count, found = np.empty(CELLS), np.empty(CELLS)
    coded = codes.any()
    threshold = np.float32(least)
    flat = result.reshape(-1)
    for start in range(0, cells, CELLS):
        width = min(CELLS, cells - start)
        _gather(amounts, start, width, amount)
        _gather(addresses, start, width, room)
        count[:], found[:] = 0.0, 0.0
        for member in range(members):
            for x in range(CELLS):
                value, fallen = room[member, x], amount[member, x]
                count[x] += np.float64((value == value) & (fallen == fallen))
                if not coded:
                    found[x] += np.float64((value > threshold) & (fallen > 0.0))
                elif fallen > 0.0 and 0.0 <= value < 256.0:
                    found[x] += np.float64(codes[int(value)])
        for x in range(width):
            flat[start + x] = 100.0 * found[x] / count[x] if count[x] >= max(at_least, 1) else np.nan
