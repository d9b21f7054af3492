"""Damage to messages: what disks, mirrors and cut downloads do, and what nobody but a fuzzer would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from deployments.fuzz.structure import word
from tasks.grib import END, HEAD

Sections = list[bytes]

NUMBERS = (0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 254, 255)
# Octets of sections 3 and 5 that say how section 7 is read: (section, first octet, last octet).
FIELDS = (
    (3, 7, 10), (3, 31, 34), (3, 35, 38), (5, 6, 9), (5, 10, 11), (5, 12, 15), (5, 16, 17), (5, 18, 19), (5, 20, 20),
    (5, 22, 22), (5, 23, 23), (5, 32, 35), (5, 36, 36), (5, 37, 37), (5, 38, 41), (5, 42, 42), (5, 43, 46), (5, 47, 47),
    (5, 48, 48), (5, 49, 49), (6, 6, 6), (7, 6, 9), (7, 10, 13),
)  # fmt: skip


def mutant(chance: Random, corpus: Sequence[bytes]) -> bytes:
    """One of the messages with one to four kinds of damage; three in four are framed as a whole message again."""
    sections = split(chance.choice(corpus))
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        chance.choice(DAMAGES)(chance, sections, corpus)
    damaged = join(sections)
    if chance.randrange(4):
        return damaged
    return chance.choice(BREAKS)(chance, damaged)


def split(message: bytes) -> Sections:
    """Sections 1 to 7 of a good GRIB2 message, section 0 before them."""
    parts = [message[:HEAD]]
    position = HEAD
    while position < len(message) - len(END):
        size = int.from_bytes(message[position : position + 4], "big")
        parts.append(message[position : position + size])
        position += size
    return parts


def join(sections: Sections) -> bytes:
    """A message of these sections whose section 0 gives its length."""
    body = b"".join(sections[1:])
    return sections[0][:8] + word(HEAD + len(body) + len(END), 8) + body + END


def _where(chance: Random, sections: Sections) -> int:
    """A section, mostly one of those that the decoder reads."""
    read = [at for at, section in enumerate(sections) if at and section[4:5] in (b"\3", b"\5", b"\7")]
    return chance.choice(read) if read and chance.randrange(8) else chance.randrange(1, len(sections))


def _place(chance: Random, section: bytes | bytearray) -> int:
    """An octet behind a section's head, mostly an early one."""
    return chance.randrange(5, min(len(section), chance.choice([50, 50, len(section)])))


def _flip(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    at = _where(chance, sections)
    section = bytearray(sections[at])
    for _ in range(chance.choice([1, 1, 2, 8]) if len(section) > 5 else 0):
        section[_place(chance, section)] ^= 1 << chance.randrange(8)
    sections[at] = bytes(section)


def _set(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    at = _where(chance, sections)
    section = bytearray(sections[at])
    if len(section) > 5:
        section[_place(chance, section)] = chance.choice([*NUMBERS, chance.randrange(256)])
    sections[at] = bytes(section)


def _say(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    """A number in its right place says something else."""
    number, first, last = chance.choice(FIELDS)
    octets = last - first + 1
    most = (1 << 8 * octets) - 1
    for at, section in enumerate(sections):
        if at and section[4] == number and len(section) >= last:
            was = int.from_bytes(section[first - 1 : last], "big")
            said = chance.choice([0, 1, most, most >> 1, was + 1, was - 1, 2 * was, chance.choice(NUMBERS)])
            said = chance.choice([said, chance.randint(0, most)])
            sections[at] = section[: first - 1] + word(said & most, octets) + section[last:]


def _resize(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    """A section ends early or goes on, and says so."""
    at = _where(chance, sections)
    section = sections[at]
    if chance.randrange(2):
        body = section[5 : max(5, len(section) - chance.choice([1, 2, 8, chance.randint(1, len(section))]))]
    else:
        body = section[5:] + chance.randbytes(chance.choice([1, 2, 8]))
    sections[at] = word(5 + len(body), 4) + section[4:5] + body


def _lie(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    """A section's length is wrong."""
    at = _where(chance, sections)
    size = len(sections[at]) + chance.choice([-1, 1, -5, 5, chance.randint(-300, 300), 2**31, -len(sections[at])])
    sections[at] = word(size % 2**32, 4) + sections[at][4:]


def _splice(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    """A section comes from another message."""
    at = _where(chance, sections)
    others = [other for other in split(chance.choice(corpus))[1:] if other[4:5] == sections[at][4:5]]
    if others:
        sections[at] = chance.choice(others)


def _repeat(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    sections.insert(chance.randrange(1, len(sections) + 1), sections[_where(chance, sections)])


def _drop(chance: Random, sections: Sections, corpus: Sequence[bytes]) -> None:
    if len(sections) > 2:
        del sections[_where(chance, sections)]


def _cut(chance: Random, message: bytes) -> bytes:
    return message[: chance.randrange(len(message))]


def _head(chance: Random, message: bytes) -> bytes:
    damaged = bytearray(message)
    damaged[chance.randrange(HEAD)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _anywhere(chance: Random, message: bytes) -> bytes:
    damaged = bytearray(message)
    for _ in range(chance.randint(1, 8)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


Damage = Callable[[Random, Sections, Sequence[bytes]], None]
DAMAGES: tuple[Damage, ...] = (_flip, _flip, _set, _say, _say, _say, _resize, _lie, _splice, _repeat, _drop)
BREAKS: tuple[Callable[[Random, bytes], bytes], ...] = (_cut, _head, _anywhere, _anywhere)
