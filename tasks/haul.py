"""From one mirror's file to verified messages in a blob.

An index line is a claim: what arrives is framed and identified before it is staged. Where a message is not what the
index says, the file itself is scanned and indexed anew, once; what then still fails is the mirror's failure.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing

from tasks.blob import Blob
from tasks.entry import Entry, Target
from tasks.errors import DiskFull, InventoryError, MessageError, MirrorError, RangeIgnored, Unfit
from tasks.index import entries_of, identify, read_index
from tasks.mirrors import Place, Places
from tasks.ranges import ByteRange, Cutter, Span, merge, spans_of
from tasks.scan import Located, walk
from tasks.wanted import Product, Slot, StagedMessage

log = logging.getLogger(__name__)

GAP = 256 << 10
"""Unwanted bytes worth fetching to save a request: 360 kB come in the 30 ms to the first byte at 12 MB/s. The wanted
messages of GFS f007 take 14 requests with any gap up to 512 KiB, which wastes nothing; 1 MiB saves one for 8 % more
bytes and 1.2 times the time, 2 MiB six for 64 % and 1.7 times (inventories of 2022-10 and 2025-08)."""
HEADS = 8 << 10
"""Bytes read at once while scanning: a message's end and all section heads of the next lie in them."""
LENGTH_GUESS = 2 << 20
"""Bytes to allow time for where an index does not say how long its last message is."""


class LeadHaul:
    """What one lead has so far: `staged` by what it is, `bytes` received, `problems` in words."""

    def __init__(self, blob: Blob, places: Places, deadline: float) -> None:
        self.places = places
        self.deadline = deadline
        self.staged: dict[Slot, StagedMessage] = {}
        self.bytes = 0
        self.problems: list[str] = []
        self._blob = blob

    async def load(self, place: Place, product: Product, target: Target) -> set[Slot]:
        """Stage what is not staged yet, from one mirror; what is required and its file lacks.

        Raises MirrorError, InventoryError, MessageError; DiskFull.
        """
        path = product.data_path(target.init_time, target.lead)
        try:
            entries = await self._index(place, product, target)
            absent = self._lacking(target) - {entry.slot for entry in entries}
            omitted = {slot.variable for slot in absent} - place.lacks
            if omitted:
                url = place.transport.url(product.index_path(target.init_time, target.lead))
                raise InventoryError(f"{url} does not list {', '.join(sorted(omitted))}")
            await self._bring(place, path, entries, target)
        except (InventoryError, MessageError, Unfit) as lie:
            entries = entries_of(await self._scan(place, path), target)
            await self._bring(place, path, entries, target)
            self.note(place, f"{lie}; the file was scanned instead")
            place.lacks |= {slot.variable for slot in self._lacking(target)}
        return self._lacking(target)

    def note(self, place: Place, what: str) -> None:
        """Remember a mirror's problem, in words once, by number each time."""
        self.places.meter.problems[place.mirror.name] += 1
        log.info("%s: %s", place.mirror.name, what, extra={"mirror": place.mirror.name})
        problem = f"{place.mirror.name}: {what}"
        if problem not in self.problems:
            self.problems.append(problem)

    def _lacking(self, target: Target) -> set[Slot]:
        return {slot for row, slot in target.slots() if row.required} - self.staged.keys()

    async def _index(self, place: Place, product: Product, target: Target) -> list[Entry]:
        path = product.index_path(target.init_time, target.lead)
        content = await self.places.persist(place, self.deadline, 0, lambda: place.transport.read(path))
        return read_index(product.kind, content, target, place.transport.url(path))

    async def _bring(self, place: Place, path: str, entries: Iterable[Entry], target: Target) -> None:
        """Stage the entries' messages."""
        spans = spans_of(entry for entry in entries if entry.slot not in self.staged)
        offsets = await self._reserve(place, path, spans)
        gap = GAP if place.transport.ranges else math.inf
        try:
            await _all([self._range(place, path, part, offsets, target) for part in merge(spans, gap)])
        except RangeIgnored:
            place.transport.ranges = False
            await self._bring(place, path, entries, target)

    async def _reserve(self, place: Place, path: str, spans: Sequence[Span]) -> dict[int, int]:
        """Where in the blob each message will lie, by its offset in the file."""
        try:
            places = self._blob.reserve([span.length for span in spans])
            return dict(zip((span.offset for span in spans), places, strict=True))
        except DiskFull as full:
            # No disk has room for what a lying index makes up.
            try:
                size = await self.places.persist(place, self.deadline, 0, lambda: place.transport.size(path))
            except MirrorError:
                raise full from None
            if all(span.offset + (span.length or 0) <= size for span in spans):
                raise
            raise Unfit(f"{place.transport.url(path)} has {size} bytes, too few for its index") from full

    async def _range(
        self, place: Place, path: str, wanted: ByteRange, offsets: Mapping[int, int], target: Target
    ) -> None:
        brought: set[int] = set()

        async def request() -> None:
            rest = wanted.without(brought)
            if rest is None:
                return
            cutter = Cutter(rest)
            async with aclosing(place.transport.stream(path, rest.start, rest.end)) as blocks:
                async for block in blocks:
                    self.bytes += len(block)
                    self.places.meter.bytes += len(block)
                    for piece in cutter.feed(block):
                        start = offsets[piece.span.offset]
                        self._blob.write(start + piece.at, piece.block)
                        if piece.whole:
                            length = piece.at + len(piece.block)
                            self._stage(place, path, piece.span, start, length, target)
                            brought.add(piece.span.offset)
                    if cutter.done:
                        return
            raise Unfit(f"{place.transport.url(path)} ends inside a message")

        end = wanted.spans[-1].offset + (wanted.spans[-1].length or LENGTH_GUESS)
        size = end - wanted.start if place.transport.ranges else end
        try:
            await self.places.persist(place, self.deadline, size, request)
        except MessageError as error:
            raise MessageError(f"{place.transport.url(path)} from byte {wanted.start}: {error}") from error

    def _stage(self, place: Place, path: str, span: Span, offset: int, length: int, target: Target) -> None:
        message = self._blob.view(offset, length)
        found = [(entry, identify(message, entry, target)) for entry in span.entries]
        self._blob.keep(offset, length)
        self.places.meter.messages += len(found)
        for entry, field in found:
            assert field.interval is not None
            self.staged[entry.slot] = StagedMessage(
                variable=entry.wanted.name,
                lead=entry.lead,
                interval=field.interval,
                blob=str(self._blob.path),
                offset=offset,
                length=length,
                field=field.number,
                url=place.transport.url(path),
                mirror=place.mirror.name,
                member=entry.member,
            )

    async def _scan(self, place: Place, path: str) -> list[Located]:
        """Every field of the file, by reading the heads of its sections."""
        size = await self.places.persist(place, self.deadline, 0, lambda: place.transport.size(path))
        start, held = 0, b""
        reading = walk(size)
        try:
            offset, count = next(reading)
            while True:
                if not start <= offset <= offset + count <= start + len(held):
                    start, end = offset, min(offset + max(count, HEADS), size)
                    held = await self._heads(place, path, start, end)
                offset, count = reading.send(held[offset - start : offset - start + count])
        except StopIteration as stop:
            located: list[Located] = stop.value
            return located
        except MessageError as error:
            raise MessageError(f"{place.transport.url(path)} {error}") from error

    async def _heads(self, place: Place, path: str, start: int, end: int) -> bytes:
        return await self.places.persist(
            place, self.deadline, end - start, lambda: place.transport.read(path, start, end)
        )


async def _all(parts: Iterable[Coroutine[None, None, None]]) -> None:
    """Run them together; the first failure ends the others."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
