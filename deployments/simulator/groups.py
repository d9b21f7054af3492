"""Where the groups of complex packing begin: what the manual leaves to the encoder, found by dynamic programming."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]

GAP = np.iinfo(np.int64).min
"""Stands for a missing value among whole numbers."""
NONE = 2**62
"""The least of no numbers at all; -NONE is the most of none."""

_QUAD = 4
"""Points between the places where a group may begin: any place would save 1 % of wind and 4 % of rain, and take four
times as long."""
_QUAD_BITS = 2
_WIDTHS = 6
"""Widths that are tried for a quad, from the least on: another bit a point soon costs more than a new group."""
_LENGTH_BITS = 6
"""About the bits that a group's length takes in the end."""
_LONGEST_BITS = 30


class Groups(NamedTuple):
    """All [group]: `starts`: first point; `least`: number, NONE where all are missing; `widths`: bits of a number."""

    starts: Whole
    least: Whole
    widths: Whole


class _Quads(NamedTuple):
    """What four successive numbers span. All [quad]: `gaps`: one is missing; `least` above `most`: all are."""

    least: Whole
    most: Whole
    gaps: NDArray[np.bool_]


def split(numbers: Whole, least: int, management: int) -> tuple[Groups, int]:
    """Groups that take about the fewest bits, and the bits of a length less one, which is 0 for a single group.

    numbers: [point], GAP = missing; least: of them. management: 1 where all ones stand for a missing value.
    """
    count = -(-len(numbers) // _QUAD)
    quads = _Quads(np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.bool_))
    _span(numbers, quads)
    starts, length_bits = _cut(*_merge(quads, least, management), count)
    groups = Groups(starts * _QUAD, np.empty(len(starts), np.int64), np.empty(len(starts), np.int64))
    _sum_up(quads, starts, management, groups)
    return groups, length_bits


@numba.njit(nogil=True, cache=True)
def _bit_length(number: int) -> int:
    bits, rest = 0, np.uint64(number)
    while rest:
        rest >>= np.uint64(1)
        bits += 1
    return bits


@numba.njit(nogil=True, cache=True)
def _width(least: int, most: int, gaps: bool, management: int) -> int:
    """Bits of a number in a group of these, each written as what it is more than the least."""
    if most < least or (most == least and not gaps):
        return 0
    return _bit_length(most - least + management)


@numba.njit(nogil=True, cache=True)
def _span(numbers: Whole, quads: _Quads) -> None:
    for quad in range(len(quads.least)):
        least, most, gap = NONE, -NONE, False
        for point in range(quad * _QUAD, min(quad * _QUAD + _QUAD, len(numbers))):
            number = numbers[point]
            if number == GAP:
                gap = True
            else:
                least, most = min(least, number), max(most, number)
        quads.least[quad], quads.most[quad], quads.gaps[quad] = least, most, gap


@numba.njit(nogil=True, cache=True)
def _merge(quads: _Quads, least: int, management: int) -> tuple[Whole, int]:
    """The quads at which groups begin, and about the bits of a group's reference and width.

    After every quad stands, for each of some widths that hold it, what everything so far takes if the last group has
    that width: the quad goes on with such a group where that fits and is cheaper, or it begins one after whatever was
    cheapest before it.
    """
    count = len(quads.least)
    farthest, highest = 0, 0
    for quad in range(count):
        farthest = max(farthest, quads.most[quad] - quads.least[quad])
        if quads.least[quad] != NONE:
            highest = max(highest, quads.least[quad] - least)
    widest = _bit_length(farthest + management)
    head = _bit_length(highest + management) + _bit_length(widest)

    room = (np.int64(1) << np.arange(widest + _WIDTHS)) - 1 - management
    room[0] = 0
    # All [width]: what the group spans, the quad it begins with and its last one so far, and the bits up to there.
    low, high = np.zeros_like(room), np.zeros_like(room)
    begun, held = np.zeros_like(room), np.full_like(room, -2)
    bits = np.zeros_like(room)
    begins = np.empty(count, np.int64)
    cheapest = 0
    for quad in range(count):
        need = _width(quads.least[quad], quads.most[quad], quads.gaps[quad], management)
        begin = cheapest + head + _LENGTH_BITS
        cheapest = NONE
        for width in range(need, need + _WIDTHS):
            quad_low, quad_high = quads.least[quad], quads.most[quad]
            if width == 0:
                # A group without bits is missing as a whole or not at all: take missing for a number far away.
                quad_high = max(quad_low, quad_high)
            joint_low, joint_high = min(low[width], quad_low), max(high[width], quad_high)
            fits = held[width] == quad - 1 and joint_high - joint_low <= room[width]
            goes_on = fits and bits[width] <= begin
            low[width] = joint_low if goes_on else quad_low
            high[width] = joint_high if goes_on else quad_high
            begun[width] = begun[width] if goes_on else quad
            bits[width] = (bits[width] if goes_on else begin) + width * _QUAD
            held[width] = quad
            if bits[width] < cheapest:
                cheapest, begins[quad] = bits[width], begun[width]
    # Backwards from the end, where each group begins.
    starts, first, quad = np.empty(count, np.int64), count, count
    while quad > 0:
        quad = begins[quad - 1]
        first -= 1
        starts[first] = quad
    return starts[first:], head


@numba.njit(nogil=True, cache=True)
def _cut(starts: Whole, head: int, count: int) -> tuple[Whole, int]:
    """The same with long groups cut such that all heads take the fewest bits, and the bits of a length.

    head: bits of a group's reference and width; count: quads.
    """
    if len(starts) == 1:
        return starts, 0
    stops = np.append(starts[1:], count)
    fewest, best, pieces = NONE, 0, 0
    for bits in range(_QUAD_BITS, _LONGEST_BITS):
        number = 0
        for group in range(len(starts)):
            number += ((stops[group] - starts[group] - 1) >> (bits - _QUAD_BITS)) + 1
        if number * (head + bits) < fewest:
            fewest, best, pieces = number * (head + bits), bits, number
    cut, piece = np.empty(pieces, np.int64), 0
    for group in range(len(starts)):
        for start in range(starts[group], stops[group], 1 << (best - _QUAD_BITS)):
            cut[piece] = start
            piece += 1
    return cut, best


@numba.njit(nogil=True, cache=True)
def _sum_up(quads: _Quads, starts: Whole, management: int, groups: Groups) -> None:
    """Fill in least number and width of the groups that begin with the quads `starts`."""
    stops = np.append(starts[1:], len(quads.least))
    for group in range(len(starts)):
        least, most, gaps = NONE, -NONE, False
        for quad in range(starts[group], stops[group]):
            least, most, gaps = min(least, quads.least[quad]), max(most, quads.most[quad]), gaps or quads.gaps[quad]
        groups.least[group], groups.widths[group] = least, _width(least, most, gaps, management)
