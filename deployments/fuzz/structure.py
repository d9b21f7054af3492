"""Packed fields part by part, and whole GRIB2 messages of them, for proofs: integers and bytes, slow and plain.

Nothing is packed here: a structure says which integers stand in sections 5 and 7, and a message holds exactly these,
whatever the numbers mean. Layouts: WMO Manual on Codes I.2, GRIB edition 2, data representation templates 5.0, 5.2 and
5.3 with data templates 7.0, 7.2 and 7.3. Octets are numbered from 1, as there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

NO_BITMAP = 255


@dataclass(frozen=True)
class Scaling:
    """Y = (R + X 2^E) / 10^D. `reference`: R, rounded to float32."""

    reference: float = 0.0
    binary: int = 0
    decimal: int = 0

    def octets(self) -> bytes:
        """Octets 12 to 19 of section 5."""
        return struct.pack(">f", self.reference) + signed(self.binary, 2) + signed(self.decimal, 2)


@dataclass(frozen=True)
class Simple:
    """Templates 5.0 and 7.0: every value in as many bits. Without bits all `count` values are the reference."""

    bits: int
    values: tuple[int, ...] = ()
    count: int | None = None
    scaling: Scaling = Scaling()

    @property
    def points(self) -> int:
        return len(self.values) if self.count is None else self.count

    def section5(self) -> bytes:
        return section(5, word(self.points, 4) + word(0, 2) + self.scaling.octets() + bytes([self.bits, 0]))

    def section7(self) -> bytes:
        return section(7, packed((value, self.bits) for value in self.values))


@dataclass(frozen=True)
class Group:
    """A reference and what is added to it in each of the group's points, in `width` bits each."""

    reference: int
    width: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Differences:
    """Spatial differencing of order len(first): the first scaled values, and the least difference, sign and magnitude.

    Each takes `octets` octets at the start of section 7, where there are any groups.
    """

    first: tuple[int, ...]
    least: int
    octets: int = 2


@dataclass(frozen=True)
class Complex:
    """Templates 5.2 and 7.2, or 5.3 and 7.3 with `differences`; without groups all `count` values are the reference.

    A group's width is written as width - width_reference in width_bits; its length, but not the last one's, as
    (length - length_reference) / length_increment in length_bits. `last_code`: what stands there for the last group,
    which nobody reads. `missing`: missing-value management, code table 5.5.
    """

    groups: tuple[Group, ...]
    bits: int
    scaling: Scaling = Scaling()
    differences: Differences | None = None
    missing: int = 0
    width_reference: int = 0
    width_bits: int = 5
    length_reference: int = 0
    length_increment: int = 1
    length_bits: int = 8
    last_code: int = 0
    count: int | None = None

    @property
    def points(self) -> int:
        return sum(len(group.values) for group in self.groups) if self.count is None else self.count

    def section5(self) -> bytes:
        template = 3 if self.differences else 2
        last = len(self.groups[-1].values) if self.groups else 0
        body = (
            word(self.points, 4)
            + word(template, 2)
            + self.scaling.octets()
            # Octets 20 to 22: bits of the group references, floating-point originals, general group splitting.
            + bytes([self.bits, 0, 1])
            # Octets 23 to 31: missing-value management and the substitutes, which say nothing of the packed values.
            + bytes([self.missing])
            + struct.pack(">ff", 9.999e20, -9.999e20)
            + word(len(self.groups), 4)
            + bytes([self.width_reference, self.width_bits])
            + word(self.length_reference, 4)
            + bytes([self.length_increment])
            + word(last, 4)
            + bytes([self.length_bits])
        )
        if self.differences:
            body += bytes([len(self.differences.first), self.differences.octets])
        return section(5, body)

    def section7(self) -> bytes:
        body = b""
        if self.differences and self.groups:
            octets = self.differences.octets
            body += b"".join(word(value, octets) for value in self.differences.first)
            body += signed(self.differences.least, octets)
        body += packed((group.reference, self.bits) for group in self.groups)
        body += packed((group.width - self.width_reference, self.width_bits) for group in self.groups)
        body += packed((code, self.length_bits) for code in self._length_codes())
        body += packed((value, group.width) for group in self.groups for value in group.values)
        return section(7, body)

    def _length_codes(self) -> list[int]:
        codes = []
        for group in self.groups[:-1]:
            # An increment of 0 gives every group the reference length.
            code, rest = divmod(len(group.values) - self.length_reference, self.length_increment or 1)
            if rest or (code and not self.length_increment):
                raise ValueError(f"no code gives a group of {len(group.values)} points")
            codes.append(code)
        return [*codes, self.last_code] if self.groups else []


Structure = Simple | Complex


def word(value: int, octets: int) -> bytes:
    """An unsigned integer."""
    return value.to_bytes(octets, "big")


def signed(value: int, octets: int) -> bytes:
    """A signed integer: sign bit and magnitude (regulation 92.1.5)."""
    sign = 1 << (8 * octets - 1)
    if abs(value) >= sign:
        raise ValueError(f"{value} does not fit into {octets} octets")
    return word(abs(value) | (sign if value < 0 else 0), octets)


def packed(numbers: Iterable[tuple[int, int]]) -> bytes:
    """(value, bits) one behind the other, filled up with zeros to whole octets."""
    stream, length = 0, 0
    for value, bits in numbers:
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit into {bits} bits")
        stream, length = stream << bits | value, length + bits
    octets = -(-length // 8)
    return word(stream << (8 * octets - length), octets)


def section(number: int, body: bytes) -> bytes:
    """A section: its length, its number and the rest."""
    return word(5 + len(body), 4) + bytes([number]) + body


def message(structure: Structure, columns: int | None = None, bitmap: int = NO_BITMAP) -> bytes:
    """A whole message: temperature on a regular latitude-longitude grid of one row, or of rows of `columns` points."""
    columns = columns or structure.points
    rows = structure.points // columns
    if rows * columns != structure.points:
        raise ValueError(f"{structure.points} points make no rows of {columns}")
    sections = (
        _IDENTIFICATION
        + _grid(rows, columns)
        + _PRODUCT
        + structure.section5()
        + section(6, bytes([bitmap]))
        + structure.section7()
    )
    return b"GRIB\0\0" + bytes([0, 2]) + word(16 + len(sections) + 4, 8) + sections + b"7777"


# Section 1: NCEP, an operational forecast that starts 2026-04-20 06:00 UTC.
_IDENTIFICATION = section(1, struct.pack(">HHBBBHBBBBBBB", 7, 0, 2, 1, 1, 2026, 4, 20, 6, 0, 0, 0, 1))
# Section 4, template 4.0: air temperature at lead 0, 2 m above ground.
_PRODUCT = section(4, struct.pack(">HHBBBBBHBBIBBIBBI", 0, 0, 0, 0, 2, 0, 96, 0, 0, 1, 0, 103, 0, 2, 255, 0, 0))


def _grid(rows: int, columns: int) -> bytes:
    """Section 3, template 3.0: points 0.01 degrees apart from 60 N 10 E, west to east, north to south."""
    step = 10_000
    first, last = (60_000_000, 10_000_000), (60_000_000 - step * (rows - 1), 10_000_000 + step * (columns - 1))
    body = struct.pack(">BIBBH", 0, rows * columns, 0, 0, 0)
    body += bytes([6]) + bytes([255]) + word(2**32 - 1, 4) + (bytes([255]) + word(2**32 - 1, 4)) * 2
    body += struct.pack(">IIII", columns, rows, 0, 2**32 - 1)
    body += signed(first[0], 4) + word(first[1], 4) + bytes([48])
    body += signed(last[0], 4) + word(last[1] % 360_000_000, 4) + word(step, 4) + word(step, 4) + bytes([0])
    return section(3, body)
