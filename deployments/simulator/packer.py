"""Complex packing of GRIB2: data representation templates 5.2 and 5.3, data templates 7.2 and 7.3.

WMO Manual on Codes I.2 (WMO-No. 306), GRIB edition 2, regulation 92.9.4 and the notes to these templates: values become
whole numbers, those the differences of their neighbours, and those are packed in groups, each with a width of its own.
"""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from deployments.simulator.groups import GAP, NONE, Groups, Whole, split

Values = NDArray[np.floating[Any]]

MOST_STEPS = 2**31
"""Steps between the lowest and the highest value at most: decoders hold them in 32 bits."""

_SUBSTITUTE = 9.999e20
"""What NCEP writes for a missing value."""


class Packed(NamedTuple):
    """Sections 5 to 7 of a message: data representation, bitmap (none) and data."""

    section5: bytes
    section6: bytes
    section7: bytes


def pack_complex(values: Values, digits: int, order: int = 2, binary: int = 0) -> Packed:
    """Values as multiples of 10^-digits x 2^binary, complex packing with spatial differences of an order.

    values: [point], in the order of the message, NaN = missing. order: 1 or 2 is template 5.3; 0 is template 5.2, which
    has no differences. The same values give the same bytes. Raises ValueError where there is no value or an infinite
    one, for any other order, and where the values are more than MOST_STEPS apart or their reference is no float32.
    """
    if order not in (0, 1, 2):
        raise ValueError(f"spatial differences are of order 1 or 2, or 0 for none; not {order}")
    reference = _reference(values, digits, binary)
    differences = np.empty(len(values), np.int64)
    *first, least, gaps = _difference(values, 10.0**digits, reference, 2.0**-binary, order, differences)
    management = int(gaps > 0)
    groups, length_bits = split(differences, least, management)

    missing = groups.least == NONE
    # A missing group's reference is all ones, which no other group may have.
    reference_bits = int((groups.least[~missing] - least + management).max(initial=management)).bit_length()
    references = np.where(missing, (1 << reference_bits) - 1, groups.least - least)
    narrowest = int(groups.widths.min())
    width_bits = int(groups.widths.max() - narrowest).bit_length()
    lengths = np.diff(groups.starts, append=len(values))
    descriptors = (*first[:order], least) if order else ()
    descriptor_octets = max((abs(number).bit_length() // 8 + 1 for number in descriptors), default=0)

    section5 = struct.pack(
        ">IHf2s2sBBBBfIIBBIBIB",
        len(values),  # octets 6-9
        3 if order else 2,  # 10-11: template number
        reference,  # 12-15: R
        _signed(binary, 2),  # 16-17: E
        _signed(digits, 2),  # 18-19: D
        reference_bits,  # 20: bits of each group's reference
        0,  # 21: the original values are floating point
        1,  # 22: general group splitting
        management,  # 23: 1 has missing values among the data
        _SUBSTITUTE,  # 24-27: for a missing value
        0xFFFFFFFF,  # 28-31: there is no second kind of missing values
        len(lengths),  # 32-35: number of groups
        narrowest,  # 36: reference of the widths
        width_bits,  # 37: bits of each width
        1,  # 38-41: reference of the lengths
        1,  # 42: length increment
        int(lengths[-1]),  # 43-46: true length of the last group
        length_bits,  # 47: bits of each scaled length
    )
    if order:
        section5 += bytes((order, descriptor_octets))  # 48, 49
    # Template 7.3: each of the four parts begins with an octet.
    heads = ((references, reference_bits), (groups.widths - narrowest, width_bits), (lengths - 1, length_bits))
    section7 = b"".join(
        (
            *(_signed(number, descriptor_octets) for number in descriptors),
            *(_bits(numbers, bits) for numbers, bits in heads),
            _data(differences, groups),
        )
    )
    return Packed(_section(5, section5), _section(6, b"\xff"), _section(7, section7))


def _section(number: int, content: bytes) -> bytes:
    return struct.pack(">IB", 5 + len(content), number) + content


def _signed(number: int, octets: int) -> bytes:
    """Sign and magnitude: regulation 92.1.5 sets the first bit of a negative number."""
    return (abs(number) | (number < 0) << (8 * octets - 1)).to_bytes(octets, "big")


def _reference(values: Values, digits: int, binary: int) -> float:
    """R: the lowest value in units of 10^-digits, as NCEP has it: whole where there is no binary scale."""
    if not len(values):
        raise ValueError("no values to pack")
    low, high = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
    if math.isnan(low):
        return 0.0
    if math.isinf(low) or math.isinf(high):
        raise ValueError(f"values from {low} to {high} can not be packed")
    lowest = low * 10.0**digits
    if binary == 0:
        lowest = float(np.rint(lowest))
    with np.errstate(over="ignore"):
        reference = np.float32(lowest)
    if (lowest - float(reference)) * 2.0**-binary < -0.5:
        # The whole numbers have no sign.
        reference = np.nextafter(reference, np.float32(-np.inf))
    steps = (high * 10.0**digits - float(reference)) * 2.0**-binary
    if not steps <= MOST_STEPS:
        raise ValueError(f"values from {low} to {high} are {steps:g} steps of 10^{-digits} x 2^{binary} apart")
    return float(reference)


@numba.njit(nogil=True, cache=True)
def _difference(
    values: Values, scale: float, reference: float, inverse: float, order: int, differences: Whole
) -> tuple[int, int, int, int]:
    """Fill `differences` of an order from value to value, over missing ones, which become GAP.

    Regulation 92.9.4: value x scale = reference + whole number / inverse. Returns the first two whole numbers, the
    least difference (0 without differences) and the number of missing values. In place of the first `order` values
    stands the least difference, for the packed data have them as 0.
    """
    count, first, second = 0, 0, 0
    before, last, least = 0, 0, NONE
    for point in range(len(values)):
        value = values[point]
        if np.isnan(value):
            differences[point] = GAP
            continue
        number = int(np.rint((value * scale - reference) * inverse))
        if count == 0:
            first = number
        elif count == 1:
            second = number
        if count >= order:
            difference = number
            if order == 1:
                difference -= last
            elif order == 2:
                difference -= 2 * last - before
            differences[point] = difference
            least = min(least, difference)
        before, last = last, number
        count += 1
    if order == 0 or least == NONE:
        least = 0
    ahead, point = min(order, count), 0
    while ahead:
        if not np.isnan(values[point]):
            differences[point] = least
            ahead -= 1
        point += 1
    return first, second, least, len(values) - count


def _bits(numbers: Whole, width: int) -> bytes:
    """Numbers of one width, up to a whole octet."""
    zero = np.zeros(1, np.int64)
    return _data(numbers, Groups(zero, zero, zero + width))


def _data(differences: Whole, groups: Groups) -> bytes:
    """What every difference is more than the least of its group, or all ones where it is missing."""
    bits = int(np.diff(groups.starts, append=len(differences)) @ groups.widths)
    words = np.zeros(bits // 64 + 2, np.uint64)
    _pack(differences, groups, words)
    return words.astype(">u8").tobytes()[: (bits + 7) // 8]


@numba.njit(nogil=True, cache=True)
def _pack(differences: Whole, groups: Groups, words: NDArray[np.uint64]) -> None:
    stops = np.append(groups.starts[1:], len(differences))
    word, free = 0, 64
    for group in range(len(stops)):
        width, least = groups.widths[group], groups.least[group]
        if width == 0:
            continue
        ones = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
        for point in range(groups.starts[group], stops[group]):
            difference = differences[point]
            code = ones if difference == GAP else np.uint64(difference - least)
            free -= width
            if free >= 0:
                words[word] |= code << np.uint64(free)
            else:
                words[word] |= code >> np.uint64(-free)
                word, free = word + 1, free + 64
                words[word] |= code << np.uint64(free)
