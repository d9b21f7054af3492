"""Messages cut down to a box: of their maps the values inside it are kept, all others are missing.

What comes out is a GRIB2 message of the same map, packed by template 5.2 with missing value management (WMO Manual on
Codes I.2, data templates 5.2 and 7.2), in which a row of missing values takes a few octets. So whoever reads messages
needs to know of no box, and what was one of 10 x 10 degrees is a tenth of HRRR and a hundredth of GFS.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from storage.grids import Box, OutsideGrid
from tasks.bands import in_threads
from tasks.blob import Blob
from tasks.decode import decode, orientations, read_message, safely
from tasks.errors import DecodeError, MessageError
from tasks.groups import pack_groups
from tasks.mixed import window_of
from tasks.orient import Orientation
from tasks.pack import MISSING
from tasks.packing import COMPLEX, SIMPLE, Packing, octets, packing_of, scale_of, sections_of
from tasks.unpack import ABSENT, numbers_of
from tasks.wanted import StagedMessage

SCALED = (0, 2, 3, 40, 41, 42)
"""Data representations whose values are whole numbers, scaled by R, E and D: simple, complex, JPEG 2000, PNG, CCSDS."""
LARGEST = 1 << 30
"""Numbers of a message; larger ones are no packing of weather."""
_ONE_LEAD = Lock()


@lru_cache(maxsize=4)
def clipper(box: Box, but: tuple[str, ...]) -> Clipper:
    """The one that all leads of a run share."""
    return Clipper(box, but)


@dataclass(frozen=True)
class Map:
    """How a grid lies, and which of its values, in the messages' order, are in the box."""

    oriented: Orientation
    inside: NDArray[np.bool_]


class Clipper:
    """Cuts messages down to a box, but for those of the variables `but`. What it learns of a grid serves all leads."""

    def __init__(self, box: Box, but: Iterable[str] = ()) -> None:
        self._box, self._but = box, frozenset(but)
        self._maps: dict[bytes, Map | None] = {}

    def clip(self, messages: Sequence[StagedMessage]) -> tuple[StagedMessage, ...]:
        """The messages, as they lie in their blobs now, which are written anew. From any thread. Raises DiskFull.

        What cannot be cut stays whole: where it is broken, whoever decodes it says so.
        """
        # One lead at a time bounds what memory holds, whatever number of them arrives at once.
        with _ONE_LEAD:
            cut = self._cut(messages)
            blobs: dict[str, list[int]] = {}
            for number, message in enumerate(messages):
                blobs.setdefault(message.blob, []).append(number)
            done = list(messages)
            for path, numbers in blobs.items():
                with Blob(Path(path)) as blob:
                    for number in numbers:
                        data = cut.get(number) or read_message(messages[number])
                        (offset,) = blob.reserve([len(data)])
                        blob.write(offset, data)
                        blob.keep(offset, len(data))
                        done[number] = replace(messages[number], offset=offset, length=len(data), field=0)
            return tuple(done)

    def _cut(self, messages: Sequence[StagedMessage]) -> dict[int, bytes | None]:
        """What is left of those that can be cut, by their numbers."""
        ours: list[tuple[int, Map]] = []
        rest: list[tuple[int, Map]] = []
        for number, message in enumerate(messages):
            if message.variable not in self._but:
                data = read_message(message)
                if known := self._map(message, data):
                    (rest if _packing(data) is None else ours).append((number, known))
        cut = in_threads(lambda one: _ours(read_message(messages[one[0]]), one[1]), ours)
        return {
            **{number: one for (number, _), one in zip(ours, cut, strict=True)},
            **self._by_eccodes(messages, rest),
        }

    def _by_eccodes(
        self, messages: Sequence[StagedMessage], rest: Sequence[tuple[int, Map]]
    ) -> dict[int, bytes | None]:
        """Those that only ecCodes decodes, up to the first that it does not."""
        if not rest:
            return {}
        _load_kernels()
        own = [messages[number] for number, _ in rest]

        def cut(place: int) -> bytes | None:
            number, known = rest[place]
            values = decode(messages[number], known.oriented.grid).values
            return _from_values(read_message(messages[number]), values, known)

        found: dict[int, bytes | None] = {}
        try:
            for (number, _), clipped in zip(rest, safely(own, cut), strict=False):
                found[number] = clipped
        except DecodeError:
            return found
        return found

    def _map(self, message: StagedMessage, data: bytes) -> Map | None:
        try:
            sections = {number: bytes(section) for number, _, section in sections_of(memoryview(data))}
        except MessageError:
            return None
        key = sections.get(3)
        # GRIB1 has no such sections, and no template that holds what is cut.
        if data[7:8] != b"\x02" or key is None or octets(memoryview(sections[5]), 10, 11) not in SCALED:
            return None
        if key not in self._maps:
            self._maps[key] = self._look(message)
        return self._maps[key]

    def _look(self, message: StagedMessage) -> Map | None:
        try:
            (oriented,) = orientations([message])
            window = window_of(oriented.grid, self._box)
        except (DecodeError, OutsideGrid):
            return None
        scan = oriented.scan
        if scan.columns_first:
            return None
        inside = np.zeros((scan.ny, scan.nx), np.bool_)
        columns = np.arange(window.column, window.column + window.columns) % scan.nx
        inside[window.row : window.row + window.rows, columns] = True
        if scan.westward:
            inside = inside[:, ::-1]
        if scan.alternating:
            inside[1::2] = inside[1::2, ::-1].copy()
        return Map(oriented, np.ascontiguousarray(inside).reshape(-1))


def _packing(data: bytes) -> Packing | None:
    try:
        return packing_of(data)
    except MessageError:
        return None


def _ours(data: bytes, known: Map) -> bytes | None:
    packing = packing_of(data)
    if packing is None or packing.points != len(known.inside):
        return None
    try:
        numbers = numbers_of(data, packing, int(np.flatnonzero(known.inside)[-1]) + 1)
    except MessageError:
        return None
    # A constant field is R itself, whatever D says.
    constant = packing.bits == 0 and packing.template == SIMPLE
    return _packed(data, numbers, known.inside, constant)


def _from_values(data: bytes, values: NDArray[np.float64], known: Map) -> bytes | None:
    """values: float64 [point] as ecCodes gives them, MISSING where there is none."""
    sections = {number: section for number, _, section in sections_of(memoryview(data))}
    constant = octets(sections[5], 20, 20) == 0
    reference, binary, decimal = scale_of(sections[5])
    last = int(np.flatnonzero(known.inside)[-1]) + 1
    scaled = values[:last] - reference if constant else (values[:last] / decimal - reference) / binary
    scaled[values[:last] == MISSING] = np.nan
    numbers = np.where(np.isnan(scaled), ABSENT, np.rint(scaled)).astype(np.int64)
    return _packed(data, numbers, known.inside, constant)


def _packed(data: bytes, numbers: NDArray[np.int64], inside: NDArray[np.bool_], constant: bool) -> bytes | None:
    """The message with other sections 5 to 7. `numbers`: its first ones, as far as any is inside."""
    kept = numbers[inside[: len(numbers)]]
    there = kept[kept != ABSENT]
    if len(there) and (there.min() < 0 or there.max() >= LARGEST):
        return None
    sections = {number: bytes(section) for number, _, section in sections_of(memoryview(data))}
    groups, body = pack_groups(numbers, inside)
    scale = sections[5][11:15] + b"\0\0\0\0" if constant else sections[5][11:19]
    described = struct.pack(
        ">BIH8sBBBBIIIBBIBIB",
        5,
        len(inside),
        COMPLEX,
        scale,
        groups.reference_bits,
        0,
        1,
        1,
        0xFFFFFFFF,
        0xFFFFFFFF,
        groups.groups,
        0,
        groups.width_bits,
        0,
        1,
        groups.last_length,
        groups.length_bits,
    )
    parts = [section for number, section in sorted(sections.items()) if number < 5]
    parts += [_section(described), _section(b"\x06\xff"), _section(b"\x07" + body)]
    length = 16 + sum(map(len, parts)) + 4
    return b"".join([data[:8], length.to_bytes(8, "big"), *parts, b"7777"])


def _section(content: bytes) -> bytes:
    return (len(content) + 4).to_bytes(4, "big") + content


def _load_kernels() -> None:
    pack_groups(np.zeros(1, np.int64), np.ones(1, np.bool_))
