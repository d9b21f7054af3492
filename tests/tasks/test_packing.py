"""The band decoder against ecCodes bit for bit, against the manual in exact numbers, and against damage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from deployments.fuzz.invent import invent
from deployments.fuzz.mutate import split
from deployments.fuzz.structure import Complex, Differences, Group, Scaling, Simple, Structure, message
from deployments.fuzz.truth import by_eccodes
from tasks.cut import single_field
from tasks.grib import END, MAGIC, fields
from tasks.packing import packing_of
from tasks.unpack import unpack

NAN = float("nan")


def assert_same_bits(found: NDArray[np.float32] | None, expected: NDArray[np.float32]) -> None:
    """Bit for bit, but any NaN is as missing as another."""
    assert found is not None
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(found[known].view(np.uint32), expected[known].view(np.uint32))


# Real messages


def real_messages(folder: Path) -> Iterator[bytes]:
    """Every GRIB message of either edition in a folder."""
    for path in sorted(path for path in folder.rglob("*.gr*b*") if path.suffix not in (".txt", ".idx", ".index")):
        data = path.read_bytes()
        position = data.find(MAGIC)
        while position >= 0:
            size = data[position + 4 : position + 7] if data[position + 7] == 1 else data[position + 8 : position + 16]
            length = int.from_bytes(size, "big")
            assert data[position + length - len(END) : position + length] == END, path
            yield data[position : position + length]
            position = data.find(MAGIC, position + length)


def why_not(field: bytes) -> str | None:
    """Why a message is left to ecCodes, by its octets; None where there is no reason."""
    if field[7] == 1:
        return "edition 1"
    sections = {section[4]: section for section in split(field)[1:]}
    template = int.from_bytes(sections[5][9:11], "big")
    if template not in (0, 2, 3):
        return {40: "JPEG 2000", 41: "PNG", 42: "CCSDS"}[template]
    return None if sections[6][5] == 255 else "bitmap"


def test_every_real_message_is_decoded_bit_for_bit_or_left_to_eccodes_for_a_reason(shared_data: Path) -> None:
    claimed: Counter[tuple[int, int, int]] = Counter()
    left: Counter[str] = Counter()
    for whole in real_messages(shared_data):
        count = len(fields(whole)) if whole[7] == 2 else 1
        if count > 1:
            assert packing_of(whole) is None
        for field in (single_field(whole, number) for number in range(count)):
            packing, reason = packing_of(field), why_not(field)
            assert (packing is None) == (reason is not None), reason
            if packing is None:
                assert unpack(field) is None
                left[str(reason)] += 1
                continue
            assert_same_bits(unpack(field, 10_000), by_eccodes(field))
            claimed[packing.template, packing.order, packing.missing] += 1
    # What the shared folder held on 2026-11-26; more files may have come since.
    assert claimed[0, 0, 0] >= 4712
    assert claimed[3, 1, 0] >= 298
    assert claimed[3, 2, 0] >= 404
    assert claimed[3, 2, 1] >= 7
    assert set(left) == {"edition 1", "bitmap", "JPEG 2000", "PNG", "CCSDS"}


# Invented structures


def differing(first: list[int], least: int, numbers: list[int | None]) -> list[int | None]:
    """The scaled values whose differences less `least` are `numbers`; None = missing, which has no part in it."""
    known = [*first[: sum(number is not None for number in numbers)]]
    for number in [number for number in numbers if number is not None][len(first) :]:
        known.append(number + least + (known[-1] if len(first) == 1 else 2 * known[-1] - known[-2]))
    values = iter(known)
    return [None if number is None else next(values) for number in numbers]


def scaled(structure: Structure) -> list[int | None]:
    """The integers X of a structure by the manual, None = missing."""
    if isinstance(structure, Simple):
        return list(structure.values)
    numbers: list[int | None] = []
    for group in structure.groups:
        bits = group.width or structure.bits
        codes = range((1 << bits) - structure.missing, 1 << bits)
        for value in group.values:
            code = value if group.width else group.reference
            numbers.append(None if code in codes else group.reference + value)
    if structure.differences is None:
        return numbers
    return differing(list(structure.differences.first), structure.differences.least, numbers)


def assert_is_the_manuals(found: NDArray[np.float32], structure: Structure) -> None:
    """Y = (R + X 2^E) / 10^D, regulation 92.9.4, but for rounding in double precision inside and to float32 at last."""
    scaling = structure.scaling
    reference, binary = Fraction(scaling.reference), Fraction(2) ** scaling.binary
    decimal = Fraction(10) ** -scaling.decimal
    for value, number in zip(found.tolist(), scaled(structure), strict=True):
        if number is None:
            assert np.isnan(value)
        else:
            exact = (reference + number * binary) * decimal
            inside = (abs(reference) + abs(number) * binary) * decimal
            assert abs(Fraction(value) - exact) <= abs(exact) / 2**24 + inside / 2**48


structures = st.randoms(use_true_random=False).map(invent)


@settings(deadline=None, max_examples=300)
@given(structures, st.sampled_from([1, 2, 3, 7, 31, 64, 1000]))
def test_any_packing_is_decoded_bit_for_bit_at_once_and_in_chunks(structure: Structure, at_once: int) -> None:
    data = message(structure)
    expected = by_eccodes(data)
    assert len(expected) == structure.points
    assert_same_bits(unpack(data), expected)
    assert_same_bits(unpack(data, at_once), expected)
    assert_same_bits(unpack(data, -(-structure.points // 2)), expected)


@settings(deadline=None, max_examples=150)
@given(structures)
def test_any_packing_is_what_the_manual_says(structure: Structure) -> None:
    found = unpack(message(structure))
    assert found is not None
    if (isinstance(structure, Complex) and not structure.groups) or (
        isinstance(structure, Simple) and not structure.bits
    ):
        # ecCodes and NCEP leave the decimal scale factor out of a constant field; the manual does not say so.
        assert set(found.tolist()) == {structure.scaling.reference}
        assert len(found) == structure.points
    else:
        assert_is_the_manuals(found, structure)


def test_invented_packings_hold_every_width_and_all_that_the_templates_have() -> None:
    seen: Counter[object] = Counter()
    for seed in range(2000):
        structure = invent(Random(seed))
        seen["decimal", np.sign(structure.scaling.decimal)] += 1
        seen["binary", np.sign(structure.scaling.binary)] += 1
        seen["reference", np.sign(structure.scaling.reference)] += 1
        if isinstance(structure, Simple):
            seen["simple", structure.bits] += 1
            continue
        differences = structure.differences
        order = len(differences.first) if differences else 0
        seen["missing", structure.missing, "order", order, "any", None in scaled(structure)] += 1
        seen["groups", min(len(structure.groups), 2)] += 1
        seen["empty group", any(not group.values for group in structure.groups)] += 1
        seen["increment", structure.length_increment] += 1
        seen.update(("width", group.width) for group in structure.groups)
        if differences:
            seen["octets", differences.octets] += 1
            seen["least", np.sign(differences.least)] += 1
    signs = [(name, sign) for name in ("decimal", "binary", "reference", "least") for sign in (-1, 0, 1)]
    wanted: list[object] = [("simple", bits) for bits in range(33)]
    wanted += [("width", width) for width in range(32)]
    wanted += [("octets", octets) for octets in range(1, 5)] + signs
    wanted += [("missing", missing, "order", order, "any", missing > 0) for missing in range(3) for order in range(3)]
    wanted += [("groups", 0), ("groups", 1), ("groups", 2), ("empty group", True), ("increment", 0), ("increment", 5)]
    assert not [one for one in wanted if not seen[one]]


# By hand

# (R + X 2^E) / 10^D with R = -10, E = 1, D = 1: X = 0, 1, 2, ... are -1, -0.8, -0.6, ...
HAND = Scaling(-10.0, 1, 1)
BY_HAND: dict[str, tuple[Structure, list[float]]] = {
    "5.0, 3 bits": (Simple(3, (0, 1, 5, 7), scaling=HAND), [-1.0, -0.8, 0.0, 0.4]),
    "5.0, no bits: the reference itself": (Simple(0, count=3, scaling=HAND), [-10.0] * 3),
    "5.2: reference 4 and width 2; reference 7 and no width": (
        Complex((Group(4, 2, (0, 1, 3)), Group(7, 0, (0, 0))), 3, HAND),
        [-0.2, 0.0, 0.4, 0.4, 0.4],
    ),
    "5.2, no groups: the reference itself": (Complex((), 0, HAND, count=3), [-10.0] * 3),
    "5.2, management 1: 3 of 2 bits, 7 of 3 bits where there is no width": (
        Complex((Group(4, 2, (0, 2, 3)), Group(7, 0, (0, 0)), Group(6, 0, (0,))), 3, HAND, missing=1),
        [-0.2, 0.2, NAN, NAN, NAN, 0.2],
    ),
    "5.2, management 2: also 2 of 2 bits and 6 of 3 bits": (
        Complex((Group(4, 2, (0, 1, 2, 3)), Group(7, 0, (0,)), Group(6, 0, (0,)), Group(5, 0, (0,))), 3, missing=2),
        [4, 5, NAN, NAN, NAN, NAN, 5],
    ),
    # First value 20, least difference -3: differences less -3 are 0, 4, 1, 6, so -3, 1, -2, 3.
    "5.3, order 1": (
        Complex((Group(0, 3, (0, 0, 4)), Group(1, 3, (0, 5))), 3, differences=Differences((20,), -3)),
        [20, 17, 18, 16, 19],
    ),
    # First values 20 and 24, least second difference -5: second differences are 0 - 5, 3 - 5, 6 - 5, 5 - 5.
    "5.3, order 2": (
        Complex((Group(0, 2, (0, 0, 0, 3)), Group(5, 1, (1, 0))), 3, differences=Differences((20, 24), -5)),
        [20, 24, 24 - 1, 23 - 3, 20 - 2, 18 - 2],
    ),
    "5.3, order 1, management 1: the missing have no part in the differences": (
        Complex(
            (Group(0, 3, (7, 0, 0, 7, 4)), Group(7, 0, (0, 0)), Group(1, 3, (0, 5, 7))),
            3,
            missing=1,
            differences=Differences((20,), -3),
        ),
        [NAN, 20, 17, NAN, 18, NAN, NAN, 16, 19, NAN],
    ),
    "5.3, order 2, management 2": (
        Complex(
            (Group(0, 3, (6, 0, 7)), Group(6, 0, (0,)), Group(0, 3, (0, 0)), Group(3, 3, (0, 6, 7, 3))),
            3,
            missing=2,
            differences=Differences((20, 24), -5),
        ),
        [NAN, 20, NAN, NAN, 24, 23, 20, NAN, NAN, 18],
    ),
    "5.3, order 2, all missing": (
        Complex((Group(7, 0, (0, 0)),), 3, missing=1, differences=Differences((20, 24), -5)),
        [NAN, NAN],
    ),
    "5.3, order 2, one value": (Complex((Group(0, 1, (1,)),), 3, differences=Differences((20, 24), -5)), [20]),
    "5.3, no groups and nothing in section 7": (
        Complex((), 0, HAND, differences=Differences((0, 0), 0), count=2),
        [-10.0, -10.0],
    ),
    "5.3, length of groups by reference 2 and increment 3": (
        Complex(
            (Group(1, 0, (0,) * 5), Group(2, 0, (0,) * 2), Group(3, 0, (0,))),
            3,
            differences=Differences((20,), 0),
            length_reference=2,
            length_increment=3,
            length_bits=1,
        ),
        [20, 21, 22, 23, 24, 26, 28, 31],
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("at_once", [None, 1, 2])
def test_values_reckoned_by_hand(name: str, at_once: int | None) -> None:
    structure, expected = BY_HAND[name]
    found = unpack(message(structure), at_once)
    assert found is not None
    np.testing.assert_array_equal(found, np.array(expected, np.float32))
    assert_same_bits(by_eccodes(message(structure)), found)
