"""The decoder of GRIB2 packings 5.0, 5.2 and 5.3 that can stop after any value and go on from there.

Data templates 7.0, 7.2 and 7.3 of the WMO Manual on Codes I.2. So a band of rows of every message of a run can be
decoded, written and forgotten before the next: each message is decoded once, and no field is ever held.
Every octet that is read is checked to lie within its own message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from numpy.typing import NDArray

from tasks.errors import MessageError
from tasks.packing import BEYOND, LENGTHS, PROBLEMS, SIMPLE, TABLE, WIDEST, Packing, packing_of

STATE = np.dtype(
    [
        ("point", "i8"),
        ("group", "i8"),
        ("within", "i8"),
        ("bit", "i8"),
        # How many values were there, the last one, and its difference from the one before.
        ("known", "i8"),
        ("value", "i8"),
        ("slope", "i8"),
    ]
)
"""Where the decoding of a message stands: all zeros before its first value."""

ABSENT = np.int64(-(2**63))
"""A missing value among whole numbers."""


def _eight_octets(context: Any, address: Any) -> tuple[Any, Callable[..., Any]]:
    """The eight octets at an address as one big-endian number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.bswap(builder.load(pointer, align=1))

    return numba.uint64(numba.int64), generate


_load: Any = intrinsic(_eight_octets)


@numba.njit(nogil=True, cache=True, inline="always")
def _bits(address: int, size: int, bit: int, width: int) -> Any:
    """The number in `width` bits (1 to 57) from `bit` on; octets from `size` on are not touched and count as zeros."""
    octet = bit >> 3
    if octet + 8 <= size:
        eight = _load(address + octet)
    else:
        eight = _load(address + size - 8) << np.uint64(8 * (octet + 8 - size))
    return np.int64((eight << np.uint64(bit & 7)) >> np.uint64(64 - width))


@numba.njit(nogil=True, cache=True)
def _unpack_simple(address: int, packing: Any, state: Any, whole: NDArray[np.int64]) -> int:
    width = packing.bits
    bit = packing.values_at + state.point * width
    if bit + len(whole) * width > packing.end:
        return BEYOND
    if width == 0:
        whole[:] = 0
    for index in range(len(whole) if width else 0):
        whole[index] = _bits(address, packing.size, bit + index * width, width)
    state.point += len(whole)
    return 0


@numba.njit(nogil=True, cache=True, inline="always")
def _length(address: int, packing: Any, group: int) -> int:
    """How many values a group has."""
    length = packing.length_reference
    bits = packing.length_bits
    if group == packing.groups - 1:
        length = packing.last_length
    elif bits:
        length += packing.length_increment * _bits(address, packing.size, packing.lengths_at + group * bits, bits)
    return int(length)


@numba.njit(nogil=True, cache=True)
def _unpack_groups(address: int, packing: Any, state: Any, whole: NDArray[np.int64]) -> int:
    """The next len(whole) numbers of the groups, reference and bias added; ABSENT where they say missing."""
    size, end, groups, bias = packing.size, packing.end, packing.groups, packing.bias
    reference_bits, width_bits = packing.bits, packing.width_bits
    missing = packing.missing
    group, within, bit = state.group, state.within, state.bit
    if state.point == 0:
        bit = packing.values_at
    done = 0
    while done < len(whole):
        if group >= groups:
            return LENGTHS
        reference = 0
        if reference_bits:
            reference = _bits(address, size, packing.references_at + group * reference_bits, reference_bits)
        width = packing.width_reference
        if width_bits:
            width += _bits(address, size, packing.widths_at + group * width_bits, width_bits)
        length = _length(address, packing, group)
        count = min(length - within, len(whole) - done)
        if width > WIDEST or bit + count * width > end:
            return BEYOND
        base = np.int64(reference + bias)
        if width:
            shift = np.uint64(64 - width)
            if ((bit + count * width) >> 3) + 8 <= size:
                for index in range(done, done + count):
                    eight = _load(address + (bit >> 3))
                    whole[index] = np.int64((eight << np.uint64(bit & 7)) >> shift) + base
                    bit += width
            else:
                for index in range(done, done + count):
                    whole[index] = _bits(address, size, bit, width) + base
                    bit += width
            if missing:
                # All bits set; under management 2 also the number before it.
                lowest = base + (np.int64(1) << width) - missing
                for index in range(done, done + count):
                    if whole[index] >= lowest:
                        whole[index] = ABSENT
        else:
            if missing and reference >= (np.int64(1) << reference_bits) - missing:
                base = ABSENT
            whole[done : done + count] = base
        done += count
        within += count
        if within == length:
            group += 1
            within = 0
    state.point += len(whole)
    state.group, state.within, state.bit = group, within, bit
    if state.point == packing.points:
        while group < groups and _length(address, packing, group) == 0:
            group += 1
        return LENGTHS if group < groups else 0
    return 0


@numba.njit(nogil=True, cache=True)
def _integrate(packing: Any, state: Any, whole: NDArray[np.int64]) -> None:
    """Differences of order 1 or 2 back to numbers, in place; what is missing has no part in them."""
    order, known, value, slope = packing.order, state.known, state.value, state.slope
    index = 0
    while index < len(whole) and known < order:
        if whole[index] != ABSENT:
            if known == 0:
                value = packing.first
            else:
                slope = packing.second - value
                value = packing.second
            whole[index] = value
            known += 1
        index += 1
    if packing.missing:
        for at in range(index, len(whole)):
            if whole[at] != ABSENT:
                slope = slope + whole[at] if order == 2 else whole[at]
                value += slope
                whole[at] = value
    elif order == 2:
        for at in range(index, len(whole)):
            slope += whole[at]
            value += slope
            whole[at] = value
    else:
        for at in range(index, len(whole)):
            value += whole[at]
            whole[at] = value
    state.known, state.value, state.slope = known, value, slope


@numba.njit(nogil=True, cache=True)
def next_values(address: int, packing: Any, state: Any, whole: NDArray[np.int64], values: NDArray[np.float32]) -> int:
    """Decode the next len(values) values of the message at `address`; returns 0 or one of PROBLEMS.

    `whole`: room for as many numbers. NaN = missing. No octet outside of the message is touched.
    """
    if packing.template == SIMPLE:
        problem = _unpack_simple(address, packing, state, whole)
    else:
        problem = _unpack_groups(address, packing, state, whole)
    if problem:
        return problem
    if packing.order:
        _integrate(packing, state, whole)
    reference, binary, decimal = packing.reference, packing.binary, packing.decimal
    if packing.bits == 0 and packing.template == SIMPLE:
        values[:] = reference
    elif packing.missing:
        for index in range(len(values)):
            number = whole[index]
            values[index] = np.nan if number == ABSENT else (number * binary + reference) * decimal
    else:
        for index in range(len(values)):
            values[index] = (whole[index] * binary + reference) * decimal
    return 0


def numbers_of(message: bytes, packing: Packing, count: int) -> NDArray[np.int64]:
    """The first `count` whole numbers of a message in its own order, ABSENT = missing. Raises MessageError."""
    whole, values = np.empty(count, np.int64), np.empty(count, np.float32)
    packings, states = np.array([packing], TABLE), np.zeros(1, STATE)
    data = np.frombuffer(message, np.uint8)
    problem = next_values(data.ctypes.data, packings[0], states[0], whole, values)
    if problem:
        raise MessageError(PROBLEMS[problem])
    return whole


def unpack(message: bytes | memoryview, at_once: int | None = None) -> NDArray[np.float32] | None:
    """All values of a message [points] in its own order, `at_once` at a time; None where `packing_of` gives None.

    Raises MessageError.
    """
    packing = packing_of(message)
    if packing is None:
        return None
    points = packing.points
    at_once = min(at_once or points, points) or 1
    data = np.frombuffer(message, np.uint8)
    packings, states = np.array([packing], TABLE), np.zeros(1, STATE)
    values, whole = np.empty(points, np.float32), np.empty(at_once, np.int64)
    for start in range(0, points, at_once):
        some = values[start : start + at_once]
        problem = next_values(data.ctypes.data, packings[0], states[0], whole[: len(some)], some)
        if problem:
            raise MessageError(PROBLEMS[problem])
    return values
