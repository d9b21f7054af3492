"""A store's rows in slabs, each encoded by another machine that sees the same folders: messages in, shards out.

Whoever encodes a slab decodes its messages from their first value, as packings have it, and keeps only its own rows.
What comes is to the bit what one machine would have written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Protocol

from storage.disk import room_on_disk
from storage.grids import Box
from storage.layout import BLOCKS
from storage.schema import StoreSchema
from storage.writer import EncodedBand
from tasks.encode import encoded
from tasks.mixed import open_fields
from tasks.parts import parts_of, sort_out
from tasks.statistics import Sums, Tally
from tasks.wanted import StagedMessage, Wanted
from tasks.works import Joint, works_of

Pair = tuple[EncodedBand, EncodedBand | None]


@dataclass(frozen=True)
class Slab:
    """Rows of shards of a store and its short one, and all that it takes to encode them into the file `path`."""

    wanted: tuple[Wanted, ...]
    messages: tuple[StagedMessage, ...]
    joints: tuple[Joint, ...]
    box: Box | None
    leads: tuple[int, ...]
    schema: StoreSchema
    short: StoreSchema | None
    rows: range
    path: Path


Told = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Of a band: its row, the lengths of its shards, their crc32."""


@dataclass(frozen=True)
class Encoded:
    """What came of a slab: of both stores' bands, in the order of the file, row, lengths and crc32 of the shards."""

    slab: Slab
    bands: tuple[tuple[Told, Told | None], ...]
    sums: Sums


class Helpers(Protocol):
    """Others that encode slabs: `count` can at once; `encode` gives what came of slabs in their order."""

    @property
    def count(self) -> int: ...

    def encode(self, slabs: Sequence[Slab]) -> Iterator[Encoded]: ...


def encode_slab(slab: Slab) -> Encoded:
    """Write a slab's file. May be done twice. Raises DecodeError, QuantisationOverflow, DiskFull."""
    scratch = slab.path.with_name(f"{slab.path.name}.scratch")
    scratch.mkdir(parents=True, exist_ok=True)
    fields = open_fields(slab.messages, scratch, slab.box, lambda done, of: None)
    try:
        parts = parts_of(sort_out(slab.wanted, slab.messages), fields.steps, slab.leads)
        works = works_of(parts, slab.joints)
        grid = slab.schema.grid
        tally = Tally((output for work in works for output in work.outputs), grid.ny * grid.nx)
        bands: list[tuple[Told, Told | None]] = []
        with room_on_disk(slab.path), slab.path.open("wb") as file:
            for band, short in encoded(slab.schema, works, fields, tally, slab.short, slab.rows):
                file.writelines([*band.shards, *(short.shards if short else ())])
                bands.append((_told(band), _told(short) if short else None))
        return Encoded(slab, tuple(bands), tally.sums())
    finally:
        fields.close()
        shutil.rmtree(scratch, ignore_errors=True)


def encoded_by(helpers: Helpers, whole: Slab, tally: Tally) -> Iterator[Pair]:
    """The bands of all rows in order, of which one is in memory at a time. Raises what `encode_slab` raises."""
    slabs = slabs_of(whole, helpers.count)
    try:
        for done in helpers.encode(slabs):
            tally.take(done.sums)
            yield from _pairs(done)
    finally:
        for slab in slabs:
            slab.path.unlink(missing_ok=True)


def slabs_of(whole: Slab, count: int) -> list[Slab]:
    """All rows in up to `count` parts of about the same size, each with a file of its own beside that of the whole.

    No row of the short store is parted.
    """
    together = BLOCKS if whole.short else 1
    parts = -(-len(whole.rows) // together)
    bounds = [min(parts * number // count * together, len(whole.rows)) for number in range(count + 1)]
    return [
        replace(whole, rows=whole.rows[start:stop], path=whole.path.with_name(f"{whole.path.name}.{start}"))
        for start, stop in pairwise(bounds)
        if start < stop
    ]


def _told(band: EncodedBand) -> Told:
    return band.row, tuple(map(len, band.shards)), band.crcs


def _pairs(done: Encoded) -> Iterator[Pair]:
    with done.slab.path.open("rb") as file:
        for band, short in done.bands:
            yield _band(file, *band), _band(file, *short) if short else None


def _band(file: BinaryIO, row: int, lengths: Sequence[int], crcs: tuple[int, ...]) -> EncodedBand:
    return EncodedBand(row, tuple(memoryview(file.read(length)) for length in lengths), crcs)
