"""What fetching some files of a run would bring, told by their indexes alone."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.entry import Target
from tasks.errors import InventoryError, MirrorError, NoMirrorLeft
from tasks.haul import GAP
from tasks.index import read_index
from tasks.mirrors import Patience, Place, Places, now, open_places
from tasks.ranges import Span, merge, spans_of
from tasks.wanted import Mirror, Product, Slot

REQUESTS_AT_ONCE = 8
SECONDS = 60.0
"""Until when one index is asked for."""


@dataclass(frozen=True)
class Listed:
    """One file. `lengths`: bytes of each wanted message that it lists; of one that holds several, its share.
    `received`: bytes that come over the wire for them, those of small gaps included.
    """

    target: Target
    lengths: dict[Slot, float]
    received: int


def list_files(
    mirrors: Sequence[Mirror], files: Sequence[tuple[Product, Target]], patience: Patience | None = None
) -> list[Listed]:
    """What each file lists on the first mirror that has its index, in order; those that none has are left out.

    `files`: a product of one file a lead, and what is wanted of it. Raises NoMirrorLeft where not one can be read.
    """
    return asyncio.run(_all(mirrors, files, patience or Patience()))


async def _all(mirrors: Sequence[Mirror], files: Sequence[tuple[Product, Target]], patience: Patience) -> list[Listed]:
    problems: list[str] = []
    async with open_places(mirrors, patience, REQUESTS_AT_ONCE) as places:
        tasks = [_one(places, mirrors, product, target, problems) for product, target in files]
        found = [one for one in await asyncio.gather(*tasks) if one is not None]
    if not found:
        raise NoMirrorLeft(
            f"no mirror can say what the run holds. {'; '.join(dict.fromkeys(problems))}. Try again later, or name "
            "another --mirror"
        )
    return found


async def _one(
    places: Places, mirrors: Sequence[Mirror], product: Product, target: Target, problems: list[str]
) -> Listed | None:
    for place in places.in_order(mirrors):
        try:
            return await _read(places, place, product, target)
        except (MirrorError, InventoryError) as error:
            problems.append(f"{place.mirror.name}: {error}")
    return None


async def _read(places: Places, place: Place, product: Product, target: Target) -> Listed:
    deadline = now() + SECONDS
    path = product.index_path(target.init_time, target.lead)
    content = await places.persist(place, deadline, 0, lambda: place.transport.read(path))
    spans = spans_of(read_index(product.kind, content, target, place.transport.url(path)))
    if spans and spans[-1].length is None:
        data = product.data_path(target.init_time, target.lead)
        size = await places.persist(place, deadline, 0, lambda: place.transport.size(data))
        spans[-1] = Span(spans[-1].offset, size - spans[-1].offset, spans[-1].entries)
    lengths = {entry.slot: (span.length or 0) / len(span.entries) for span in spans for entry in span.entries}
    ranges = merge(spans, GAP if place.transport.ranges else math.inf)
    return Listed(target, lengths, sum((one.end or 0) - one.start for one in ranges))
