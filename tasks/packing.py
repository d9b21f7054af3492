"""How values lie in a GRIB2 message: what its section 5 says, and where section 7 keeps them.

Data representation templates 5.0 (simple), 5.2 (complex) and 5.3 (complex with spatial differencing): WMO Manual on
Codes I.2, regulation 92.9.4 and the notes under the templates. Octets are counted from 1 as the manual counts them.
`tasks.unpack` decodes what is told here; bitmaps, other templates and repeated sections are left to ecCodes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple, get_type_hints

import numpy as np

from tasks.errors import MessageError
from tasks.grib import END, HEAD, message_length

SIMPLE, COMPLEX, DIFFERENCED = 0, 2, 3
"""Code table 5.0."""
NO_BITMAP = 255
"""Code table 6.0."""
GENERAL_SPLITTING = 1
"""Code table 5.4; the other one, row by row, is not used by anybody."""
WIDEST = 32
"""Bits of one number. Eight octets from any bit on hold 57."""


class Packing(NamedTuple):
    """What is told of a field's values: value = (number x `binary` + `reference`) x `decimal`.

    `bits`: of a number (5.0) or of a group's reference (5.2, 5.3). `..._at`, `end`: bits from the message's first octet
    on. `size`: octets of the message.
    """

    template: int
    points: int
    size: int
    end: int
    reference: float
    binary: float
    decimal: float
    bits: int
    values_at: int
    missing: int = 0
    groups: int = 0
    width_reference: int = 0
    width_bits: int = 0
    length_reference: int = 0
    length_increment: int = 0
    last_length: int = 0
    length_bits: int = 0
    order: int = 0
    first: int = 0
    second: int = 0
    bias: int = 0
    references_at: int = 0
    widths_at: int = 0
    lengths_at: int = 0

    @property
    def step(self) -> float:
        """The distance of neighbouring numbers' values; 0 for a constant field."""
        return self.binary * self.decimal if self.bits or self.groups else 0.0


TABLE = np.dtype([(name, "f8" if kind is float else "i8") for name, kind in get_type_hints(Packing).items()])
"""Packings of many messages, for kernels."""
PROBLEMS = {1: "its values go beyond the end of section 7", 2: "its groups do not hold as many values as it has points"}
"""What can be wrong with section 7, as `tasks.unpack.next_values` returns it; 0 where all is well."""
BEYOND, LENGTHS = PROBLEMS


def octets(section: memoryview, first: int, last: int) -> int:
    """The unsigned number in octets `first` to `last`; raises MessageError where the section is shorter."""
    if len(section) < last:
        raise MessageError(f"section {section[4]} has {len(section)} octets, not {last}")
    return int.from_bytes(section[first - 1 : last], "big")


def signed(section: memoryview, first: int, last: int) -> int:
    """The number in octets `first` to `last` whose first bit is its sign (regulation 92.1.5)."""
    number, sign = octets(section, first, last), 1 << (8 * (last - first + 1) - 1)
    return -(number & (sign - 1)) if number & sign else number


def sections_of(message: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """(number, offset, section) of sections 1 to 7; raises MessageError."""
    length = message_length(bytes(message[:HEAD]))
    if length != len(message) or bytes(message[-len(END) :]) != END:
        raise MessageError(f"a GRIB message of {len(message)} bytes does not end where it says")
    position, end = HEAD, length - len(END)
    while position < end:
        size = int.from_bytes(message[position : position + 4], "big")
        if not 5 <= size <= end - position:
            raise MessageError(f"a section at byte {position} claims {size} octets, where {end - position} are left")
        yield message[position + 4], position, message[position : position + size]
        position += size


def packing_of(message: bytes | memoryview) -> Packing | None:
    """The packing of a whole GRIB message, None where it is none that is decoded here; raises MessageError."""
    message = memoryview(message)
    if bytes(message[7:8]) == b"\x01":
        return None
    found = list(sections_of(message))
    sections = {number: section for number, _, section in found}
    if sorted(number for number, _, _ in found if number > 2) != [3, 4, 5, 6, 7]:
        return None
    section, data = sections[5], sections[7]
    template = octets(section, 10, 11)
    if template not in (SIMPLE, COMPLEX, DIFFERENCED) or octets(sections[6], 6, 6) != NO_BITMAP:
        return None
    points = octets(section, 6, 9)
    if points != octets(sections[3], 7, 10):
        raise MessageError(f"section 5 holds {points} values, section 3 {octets(sections[3], 7, 10)} points")
    start = 8 * next(offset for number, offset, _ in found if number == 7)
    reference, binary, decimal = scale_of(section)
    packing = Packing(
        template=template,
        points=points,
        size=len(message),
        end=start + 8 * len(data),
        reference=reference,
        binary=binary,
        decimal=decimal,
        bits=octets(section, 20, 20),
        values_at=start + 8 * 5,
    )
    return _simple(packing) if template == SIMPLE else _complex(section, data, packing)


def scale_of(section: memoryview) -> tuple[float, float, float]:
    """R (octets 12 to 15), 2^E (16, 17) and 10^-D (18, 19)."""
    (reference,) = struct.unpack(">f", octets(section, 12, 15).to_bytes(4, "big"))
    binary, decimal = signed(section, 16, 17), signed(section, 18, 19)
    scale = reference, power(2.0, binary), power(10.0, -decimal)
    if not all(map(math.isfinite, scale)) or not scale[1] * scale[2]:
        raise MessageError(
            f"reference value {reference} and scale factors {binary} (binary) and {decimal} (decimal) make no number"
        )
    return scale


def power(base: float, exponent: int) -> float:
    """base^exponent, multiplied or divided up step by step as ecCodes does it: bit for bit the same."""
    result = 1.0
    for _ in range(abs(exponent)):
        result = result * base if exponent > 0 else result / base
    return result


def _simple(packing: Packing) -> Packing | None:
    """Data template 7.0: numbers from octet 6 on."""
    if packing.bits > WIDEST:
        return None
    return _fitting(packing, packing.values_at + packing.points * packing.bits)


def _complex(section: memoryview, data: memoryview, packing: Packing) -> Packing | None:
    """The rest of templates 5.2 and 5.3, and data templates 7.2 and 7.3: descriptors, references, widths, lengths."""
    packing = packing._replace(
        missing=octets(section, 23, 23),
        groups=octets(section, 32, 35),
        width_reference=octets(section, 36, 36),
        width_bits=octets(section, 37, 37),
        length_reference=octets(section, 38, 41),
        length_increment=octets(section, 42, 42),
        last_length=octets(section, 43, 46),
        length_bits=octets(section, 47, 47),
    )
    if octets(section, 22, 22) != GENERAL_SPLITTING or packing.missing > 2:
        return None
    if max(packing.bits, packing.width_bits, packing.length_bits) > WIDEST:
        return None
    if packing.groups == 0:
        # A constant field, of which NCEP writes no descriptors either.
        return packing._replace(template=SIMPLE, bits=0)
    if packing.groups > packing.points:
        raise MessageError(f"it has {packing.groups} groups for {packing.points} values")
    references = packing.values_at
    if packing.template == DIFFERENCED:
        order, size = octets(section, 48, 48), octets(section, 49, 49)
        if order not in (1, 2) or not 1 <= size <= 4:
            return None
        packing = packing._replace(
            order=order,
            first=octets(data, 6, 5 + size),
            second=octets(data, 6 + size, 5 + 2 * size) if order == 2 else 0,
            bias=signed(data, 6 + order * size, 5 + (order + 1) * size),
        )
        references += 8 * size * (order + 1)
    widths = references + _whole_octets(packing.groups * packing.bits)
    lengths = widths + _whole_octets(packing.groups * packing.width_bits)
    values = lengths + _whole_octets(packing.groups * packing.length_bits)
    packing = packing._replace(references_at=references, widths_at=widths, lengths_at=lengths, values_at=values)
    return _fitting(packing, values)


def _whole_octets(bits: int) -> int:
    return -(-bits // 8) * 8


def _fitting(packing: Packing, end: int) -> Packing:
    if end > packing.end:
        raise MessageError(f"{PROBLEMS[BEYOND]}: {_whole_octets(end - packing.end) // 8} octets are missing")
    return packing
