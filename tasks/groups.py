"""Whole numbers into the groups of GRIB2 data template 7.2, with missing values: what a message that is cut is made of.

A group of numbers is told as differences from the smallest of them, all ones where one is missing; a group in which
all are missing has no width, and a reference of all ones (code table 5.5, value 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from tasks.unpack import ABSENT

TOGETHER = 32
"""Numbers in a group: half as many take more for references, widths and lengths than they save."""
LONGEST = 4095
"""Missing ones in a group."""


class Groups(NamedTuple):
    """What section 5 tells of groups; references of widths and lengths are 0."""

    groups: int
    reference_bits: int
    width_bits: int
    length_bits: int
    last_length: int


def pack_groups(numbers: NDArray[np.int64], inside: NDArray[np.bool_]) -> tuple[Groups, bytes]:
    """The groups, and section 7 from octet 6 on.

    inside: [point] of the map, where a number is kept. numbers: [point], not below 0, ABSENT = missing, as far as any
    is inside; all others are missing.
    """
    table = np.empty((_count(inside), 3), np.int64)
    _split(numbers, inside, table)
    lengths, references, widths = table.T
    there = references != ABSENT
    # All ones mean missing, so no reference may be that.
    reference_bits = int(references[there].max(initial=0) + 1).bit_length()
    width_bits, length_bits = int(widths.max()).bit_length(), int(lengths.max()).bit_length()
    coded = np.where(there, references, (1 << reference_bits) - 1)
    size = sum(-(-len(table) * bits // 8) for bits in (reference_bits, width_bits, length_bits))
    body = np.zeros(size + -(-int((lengths * widths).sum()) // 8), np.uint8)
    _write(numbers, table, coded, (reference_bits, width_bits, length_bits), body)
    return Groups(len(table), reference_bits, width_bits, length_bits, int(lengths[-1])), body.tobytes()


@numba.njit(nogil=True, cache=True, inline="always")
def _end(inside: NDArray[np.bool_], start: int) -> int:
    """Where the group that begins at a point ends: all of it inside, or nothing."""
    kept = inside[start]
    stop = min(len(inside), start + (TOGETHER if kept else LONGEST))
    end = start + 1
    while end < stop and inside[end] == kept:
        end += 1
    return end


@numba.njit(nogil=True, cache=True)
def _count(inside: NDArray[np.bool_]) -> int:
    count, start = 0, 0
    while start < len(inside):
        start = _end(inside, start)
        count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _split(numbers: NDArray[np.int64], inside: NDArray[np.bool_], table: NDArray[np.int64]) -> None:
    """table: [group, length, reference, width], filled here; a reference of ABSENT where all are missing."""
    start = 0
    for group in range(len(table)):
        end = _end(inside, start)
        low, high, gaps = ABSENT, ABSENT, False
        if inside[start]:
            for at in range(start, end):
                number = numbers[at]
                if number == ABSENT:
                    gaps = True
                else:
                    low = number if low == ABSENT or number < low else low
                    high = number if high == ABSENT or number > high else high
        table[group, 0], table[group, 1], table[group, 2] = end - start, low, 0
        if low != ABSENT and (gaps or high > low):
            span, width = high - low + 1, 0
            while span >> width:
                width += 1
            table[group, 2] = width
        start = end


@numba.njit(nogil=True, cache=True, inline="always")
def _put(body: NDArray[np.uint8], bit: int, number: int, width: int) -> int:
    """Write the lowest `width` bits of a number, the highest first; returns the bit behind them."""
    while width > 0:
        room = 8 - (bit & 7)
        some = min(room, width)
        part = (number >> (width - some)) & ((1 << some) - 1)
        body[bit >> 3] |= np.uint8(part << (room - some))
        bit += some
        width -= some
    return bit


@numba.njit(nogil=True, cache=True)
def _write(
    numbers: NDArray[np.int64],
    table: NDArray[np.int64],
    references: NDArray[np.int64],
    bits: tuple[int, int, int],
    body: NDArray[np.uint8],
) -> None:
    """References, widths, lengths, each of them up to a whole octet, then the numbers."""
    reference_bits, width_bits, length_bits = bits
    bit = 0
    for group in range(len(table)):
        bit = _put(body, bit, references[group], reference_bits)
    bit = (bit + 7) // 8 * 8
    for group in range(len(table)):
        bit = _put(body, bit, table[group, 2], width_bits)
    bit = (bit + 7) // 8 * 8
    for group in range(len(table)):
        bit = _put(body, bit, table[group, 0], length_bits)
    bit = (bit + 7) // 8 * 8
    start = 0
    for group in range(len(table)):
        length, low, width = table[group]
        if width:
            for at in range(start, start + length):
                missing = numbers[at] == ABSENT
                bit = _put(body, bit, (1 << width) - 1 if missing else numbers[at] - low, width)
        start += length
