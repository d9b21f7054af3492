"""Messages that claim a packing that cannot be, or that is not ours to decode."""

from __future__ import annotations

import math
import struct

import pytest

from deployments.fuzz.mutate import join, split
from deployments.fuzz.structure import Complex, Differences, Group, Scaling, Simple, Structure, message, word
from tasks.errors import MessageError
from tasks.grib import END, HEAD
from tasks.packing import packing_of
from tasks.unpack import unpack

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
    "reference value no number": (PLAIN, (5, 12, 15, float_octets(math.nan))),
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
