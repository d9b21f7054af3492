"""Random packed fields such as an encoder may write: every width, length and sign that templates 5.0, 5.2, 5.3 have.

All of them are good fields, which ecCodes reads. Left out, because ecCodes 2.50 does not read them as the manual has
them: reference values that are no normal float32 numbers, and codes of missing values of 32 bits.
"""

from __future__ import annotations

import struct
from random import Random

from deployments.fuzz.structure import Complex, Differences, Group, Scaling, Simple, Structure

MOST_GROUPS = 12
LONGEST_GROUP = 40


def invent(chance: Random) -> Structure:
    """A structure of 1 to a few hundred points."""
    order = chance.choice([None, 0, 1, 2])
    if order is None:
        return _simple(chance)
    return _complex(chance, order)


def _scaling(chance: Random) -> Scaling:
    reference = chance.choice([0.0, 1.0, -1.0, 273.15, -99999.0, 1e-20, chance.randint(-(10**9), 10**9) / 1000])
    (rounded,) = struct.unpack(">f", struct.pack(">f", reference))
    return Scaling(rounded, chance.choice([0, chance.randint(-30, 30)]), chance.choice([0, chance.randint(-9, 9)]))


def _simple(chance: Random) -> Simple:
    bits = chance.randint(0, 32)
    count = chance.randint(1, 200)
    if not bits:
        return Simple(0, count=count, scaling=_scaling(chance))
    return Simple(bits, tuple(_number(chance, bits) for _ in range(count)), scaling=_scaling(chance))


def _complex(chance: Random, order: int) -> Complex:
    differences = _differences(chance, order) if order else None
    if not chance.randrange(12):
        count = chance.randint(1, 200)
        return Complex((), chance.randint(0, 32), _scaling(chance), differences, count=count)
    missing = chance.choice([0, 0, 1, 2])
    # 1 << 32 is what ecCodes reckons with ints.
    widest = 31 if missing else 32
    bits = chance.randint(0, widest)
    width_reference, width_bits = chance.choice([(0, 5), (0, 6), (chance.randint(0, widest), chance.randint(0, 8))])
    widths = range(width_reference, min(widest, width_reference + (1 << width_bits) - 1) + 1)
    increment, length_bits = chance.choice([(0, 0), (1, 4), (1, 6), (chance.randint(1, 5), chance.randint(0, 32))])
    length_reference = chance.choice([0, 1, chance.randint(0, LONGEST_GROUP)])
    if length_bits == 0 and not length_reference:
        length_reference = 1
    longest_code = min((1 << length_bits) - 1, max(0, LONGEST_GROUP - length_reference) // (increment or 1))
    groups = []
    for last in [False] * chance.randrange(MOST_GROUPS) + [True]:
        length = length_reference + increment * chance.randint(0, longest_code)
        if last:
            length = chance.randint(1, LONGEST_GROUP)
        groups.append(_group(chance, bits, chance.choice([widths[0], chance.choice(widths)]), length, missing))
    points = sum(len(group.values) for group in groups)
    while len(groups) > points:
        # More groups than points is what no encoder writes.
        groups.remove(next(group for group in groups if not group.values))
    return Complex(
        tuple(groups),
        bits,
        _scaling(chance),
        differences,
        missing,
        width_reference,
        width_bits,
        length_reference,
        increment,
        length_bits,
        _number(chance, length_bits),
    )


def _differences(chance: Random, order: int) -> Differences:
    octets = chance.randint(1, 4)
    # Scaled values are counted from the least of the field on, so none of them is negative.
    first = tuple(_number(chance, 8 * octets - 1) for _ in range(order))
    least = _number(chance, 8 * octets - 1)
    return Differences(first, chance.choice([-1, 1]) * least, octets)


def _group(chance: Random, bits: int, width: int, length: int, missing: int) -> Group:
    reference = _number(chance, bits)
    if width == 0 and missing and not chance.randrange(3):
        reference = max(0, (1 << bits) - chance.randint(1, missing))
    values = [_number(chance, width) for _ in range(length)]
    if missing and width:
        for at in range(length):
            if not chance.randrange(4):
                values[at] = max(0, (1 << width) - chance.randint(1, missing))
    return Group(reference, width, tuple(values))


def _number(chance: Random, bits: int) -> int:
    """A number of so many bits: any, a small one, the least or the greatest."""
    most = (1 << bits) - 1
    return chance.choice([0, most, chance.randint(0, most), chance.randint(0, min(most, 9))])
