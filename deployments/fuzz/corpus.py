"""Messages to damage: invented ones, and one of each kind from a folder of real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from deployments.fuzz.invent import invent
from deployments.fuzz.mutate import split
from deployments.fuzz.structure import message
from tasks.grib import END, HEAD, MAGIC

INVENTED = 60


def invented(chance: Random) -> list[bytes]:
    """Small messages of every template."""
    return [message(invent(chance)) for _ in range(INVENTED)]


def real(folder: Path) -> list[bytes]:
    """The first GRIB2 message of each kind: template, bitmap, missing values, order, fields, decimal digits of size."""
    found: dict[tuple[object, ...], bytes] = {}
    for path in sorted(folder.rglob("*.gr*b*")):
        for one in grib2_messages(path.read_bytes()):
            found.setdefault(_kind(one), one)
    return list(found.values())


def grib2_messages(data: bytes) -> Iterator[bytes]:
    """Every whole GRIB2 message of a file."""
    position = data.find(MAGIC)
    while position >= 0:
        length = int.from_bytes(data[position + 8 : position + HEAD], "big")
        end = position + length
        if data[position + 7 : position + 8] == b"\2" and data[end - len(END) : end] == END:
            yield data[position:end]
            position = data.find(MAGIC, end)
        else:
            position = data.find(MAGIC, position + 1)


def _kind(one: bytes) -> tuple[object, ...]:
    sections = split(one)
    fifth = next(section for section in sections if section[4] == 5)
    bitmap = {section[5] for section in sections[1:] if section[4] == 6}
    template = int.from_bytes(fifth[9:11], "big")
    complex_packing = (fifth[22], fifth[47:48]) if template in (2, 3) else ()
    fields = sum(section[4] == 7 for section in sections[1:])
    return template, frozenset(bitmap), complex_packing, fifth[19] == 0, fields, len(str(len(one)))
