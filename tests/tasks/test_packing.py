"""The band decoder against ecCodes bit for bit, against the manual in exact numbers, and against damage."""

from __future__ import annotations

import struct
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
from deployments.fuzz.mutate import join, split
from deployments.fuzz.structure import Complex, Differences, Group, Scaling, Simple, Structure, message, word
from deployments.fuzz.truth import by_eccodes
from tasks.cut import single_field
from tasks.errors import MessageError
from tasks.grib import END, HEAD, MAGIC, fields
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


# Damage

WELL = Complex(
    (Group(3, 4, (1, 2, 3)), Group(5, 0, (0,) * 6), Group(0, 7, (100, 0, 9)), Group(1, 1, (1,))),
    bits=6,
    scaling=Scaling(12.5, -2, 1),
    differences=Differences((500, 510), -7),
    width_reference=0,
    width_bits=3,
    length_reference=3,
    length_increment=3,
    length_bits=1,
)
PLAIN = Simple(12, tuple(range(0, 4000, 100)), scaling=Scaling(12.5, -2, 1))


def saying(structure: Structure, section: int, first: int, last: int, value: int) -> bytes:
    """The structure's message in which octets `first` to `last` of a section say `value`."""
    sections = split(message(structure))
    at = next(at for at, one in enumerate(sections) if at and one[4] == section)
    sections[at] = sections[at][: first - 1] + word(value, last - first + 1) + sections[at][last:]
    return join(sections)


def float_octets(value: float) -> int:
    return int.from_bytes(struct.pack(">f", value), "big")


CORRUPT: dict[str, tuple[Structure, tuple[int, int, int, int]]] = {
    "four billion groups": (WELL, (5, 32, 35, 2**32 - 1)),
    "a group too many": (WELL, (5, 32, 35, 5)),
    "a group too few": (WELL, (5, 32, 35, 3)),
    "widths of 40 bits and more": (WELL, (5, 36, 36, 40)),
    "widths of 255 bits": (WELL, (5, 36, 36, 255)),
    "a length reference too long": (WELL, (5, 38, 41, 4)),
    "a length reference too short": (WELL, (5, 38, 41, 2)),
    "the longest length reference": (WELL, (5, 38, 41, 2**32 - 1)),
    "a length increment too long": (WELL, (5, 42, 42, 4)),
    "no length increment": (WELL, (5, 42, 42, 0)),
    "the longest last group": (WELL, (5, 43, 46, 2**32 - 1)),
    "a last group too long": (WELL, (5, 43, 46, 2)),
    "no last group": (WELL, (5, 43, 46, 0)),
    "a point too many": (WELL, (5, 6, 9, 14)),
    "a point too few": (WELL, (5, 6, 9, 12)),
    "four billion points": (WELL, (5, 6, 9, 2**32 - 1)),
    "no points": (WELL, (5, 6, 9, 0)),
    "a grid of more points": (WELL, (3, 7, 10, 14)),
    "simple: a point too many": (PLAIN, (5, 6, 9, 41)),
    "simple: a grid of more points": (PLAIN, (3, 7, 10, 41)),
    "simple: a bit too many": (PLAIN, (5, 20, 20, 13)),
    "simple: 32 bits instead of 12": (PLAIN, (5, 20, 20, 32)),
    "reference value infinite": (WELL, (5, 12, 15, float_octets(float("inf")))),
    "reference value no number": (PLAIN, (5, 12, 15, float_octets(NAN))),
    "binary scale factor 32767": (WELL, (5, 16, 17, 0x7FFF)),
    "binary scale factor -32767": (PLAIN, (5, 16, 17, 0xFFFF)),
    "decimal scale factor 32767": (PLAIN, (5, 18, 19, 0x7FFF)),
    "decimal scale factor -32767": (WELL, (5, 18, 19, 0xFFFF)),
}


@pytest.mark.parametrize("name", CORRUPT)
@pytest.mark.parametrize("at_once", [None, 1, 4])
def test_corrupt_header_is_an_error(name: str, at_once: int | None) -> None:
    structure, said = CORRUPT[name]
    with pytest.raises(MessageError):
        unpack(saying(structure, *said), at_once)


LEFT: dict[str, tuple[Structure, tuple[int, int, int, int]]] = {
    "JPEG 2000": (WELL, (5, 10, 11, 40)),
    "PNG": (WELL, (5, 10, 11, 41)),
    "CCSDS": (WELL, (5, 10, 11, 42)),
    "IEEE floating point": (WELL, (5, 10, 11, 4)),
    "an unknown template": (WELL, (5, 10, 11, 65535)),
    "a bitmap": (PLAIN, (6, 6, 6, 0)),
    "a bitmap from elsewhere": (PLAIN, (6, 6, 6, 254)),
    "row by row splitting": (WELL, (5, 22, 22, 0)),
    "an unknown management of missing values": (WELL, (5, 23, 23, 3)),
    "no management of missing values given": (WELL, (5, 23, 23, 255)),
    "group references of more than 32 bits": (WELL, (5, 20, 20, 33)),
    "group widths of more than 32 bits": (WELL, (5, 37, 37, 33)),
    "group lengths of more than 32 bits": (WELL, (5, 47, 47, 33)),
    "values of more than 32 bits": (Simple(40, (1, 2**40 - 1)), (5, 20, 20, 40)),
    "order 0 of spatial differencing": (WELL, (5, 48, 48, 0)),
    "order 3 of spatial differencing": (WELL, (5, 48, 48, 3)),
    "no octets of extra descriptors": (WELL, (5, 49, 49, 0)),
    "five octets of extra descriptors": (WELL, (5, 49, 49, 5)),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_the_decoder_does_not_do_is_left_to_eccodes(name: str) -> None:
    structure, said = LEFT[name]
    data = saying(structure, *said)
    assert packing_of(data) is None
    assert unpack(data) is None


@pytest.mark.parametrize("structure", [WELL, PLAIN], ids=["complex", "simple"])
def test_sections_absent_or_repeated_are_left_to_eccodes(structure: Structure) -> None:
    whole = split(message(structure))
    for at in range(1, len(whole)):
        number = whole[at][4]
        if number > 2:
            assert unpack(join(whole[:at] + whole[at + 1 :])) is None, f"without section {number}"
            assert unpack(join(whole[: at + 1] + whole[at:])) is None, f"with section {number} twice"


@pytest.mark.parametrize("structure", [WELL, PLAIN], ids=["complex", "simple"])
@pytest.mark.parametrize("off", [-1, 1, -6, 6, 256, 2**31])
def test_section_lengths_that_lie_are_an_error(structure: Structure, off: int) -> None:
    whole = split(message(structure))
    for at in range(1, len(whole)):
        size = (len(whole[at]) + off) % 2**32
        lying = [*whole[:at], word(size, 4) + whole[at][4:], *whole[at + 1 :]]
        try:
            values = unpack(join(lying))
        except MessageError:
            continue
        # The sections fell apart into others, by chance.
        assert values is None


@pytest.mark.parametrize("structure", [WELL, PLAIN], ids=["complex", "simple"])
def test_section_7_that_is_too_short_is_an_error(structure: Structure) -> None:
    whole = split(message(structure))
    body = whole[-1][5:]
    for length in range(len(body)):
        short = [*whole[:-1], word(5 + length, 4) + b"\7" + body[:length]]
        for at_once in (None, 1, 5):
            with pytest.raises(MessageError):
                unpack(join(short), at_once)


@pytest.mark.parametrize("number", [3, 5, 6])
def test_a_section_that_is_too_short_is_an_error(number: int) -> None:
    whole = split(message(WELL))
    at = next(at for at, section in enumerate(whole) if at and section[4] == number)
    needed = {3: 10, 5: 49, 6: 6}[number]
    for length in range(5, needed):
        short = [*whole[:at], word(length, 4) + whole[at][4:length], *whole[at + 1 :]]
        with pytest.raises(MessageError):
            unpack(join(short))


@pytest.mark.parametrize("structure", [WELL, PLAIN], ids=["complex", "simple"])
def test_a_message_cut_anywhere_is_an_error(structure: Structure) -> None:
    data = message(structure)
    sections = split(data)
    boundaries = {sum(map(len, sections[:count])) for count in range(2, len(sections))}
    for length in range(len(data)):
        with pytest.raises(MessageError):
            unpack(data[:length])
    for length in range(HEAD + 1, len(data) - len(END)):
        framed = data[:8] + word(length + len(END), 8) + data[16:length] + END
        if length in boundaries:
            # Nothing tells that another section should follow.
            assert unpack(framed) is None
        else:
            with pytest.raises(MessageError):
                unpack(framed)


def test_groups_of_no_octets_at_all_end_at_once() -> None:
    """Four billion groups of no points, whose references, widths and lengths take no bits."""
    nothing = Complex((Group(0, 0, (0,) * 9),), bits=0, width_bits=0, length_bits=0)
    with pytest.raises(MessageError):
        unpack(saying(nothing, 5, 32, 35, 2**32 - 1))


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, None])
def test_groups_of_no_values_are_passed_over_wherever_they_stand(at_once: int | None) -> None:
    nothing = Group(3, 4, ())
    structure = Complex((nothing, Group(2, 3, (0, 7)), nothing, Group(1, 2, (3, 0, 1)), nothing), bits=4)
    found = unpack(message(structure), at_once)
    assert found is not None
    assert found.tolist() == [2, 9, 4, 1, 2]
