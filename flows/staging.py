"""Groups of leads, fetched or found again: what a killed or failed ingest has staged is not fetched twice.

<staged>/f012.grib2        the messages of a lead
<staged>/f012.json         what they are; without it they are nothing
<staged>/f012.avoid.json   mirrors that delivered the lead with a message that does not decode, or that the gate refused
<staged>/f012.again1.grib2 messages of another mirror, taken in the place of some; or those of a late file
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import TypeAdapter

from flows.leads import leads_in_words
from flows.report import GroupReport
from flows.traffic import keep_traffic
from storage.disk import room_on_disk
from tasks.ask import LeadOrder
from tasks.fetch import LeadResult, fetch_leads
from tasks.meter import Meter
from tasks.wanted import Mirror, Product, StagedMessage

_RESULT = TypeAdapter(LeadResult)

GROUP = 8
"""Leads per Prefect task: a task costs about 10 ms and 20 kB of database, a group some seconds of network."""


@dataclass(frozen=True)
class StagedGroup:
    """What one group of leads brought. `absent`: what mirrors said of leads that are not there yet."""

    results: tuple[LeadResult, ...]
    seconds: float
    absent: tuple[str, ...] = ()

    def report(self) -> GroupReport:
        return GroupReport(
            leads=leads_in_words(result.lead for result in self.results),
            messages=sum(len(result.messages) for result in self.results),
            bytes=sum(result.bytes for result in self.results),
            mirrors=sorted({mirror for result in self.results for mirror in result.mirrors}),
            seconds=round(self.seconds, 2),
            missing=[f"{name}: {result.lead}" for result in self.results for name in result.missing],
        )


def groups_of(orders: Sequence[LeadOrder]) -> list[tuple[LeadOrder, ...]]:
    """The orders in groups of neighbouring leads."""
    return [tuple(orders[start : start + GROUP]) for start in range(0, len(orders), GROUP)]


def stage_group(
    orders: Sequence[LeadOrder], advance: Callable[[int, int], None], arriving: bool = False
) -> StagedGroup:
    """Fetch the leads that are not staged yet. Raises MirrorError when the mirrors cannot deliver one, DiskFull.

    While a run is `arriving`, leads that a mirror says it does not have are left out. May run twice: a lead that was
    staged from the same mirrors for the same variables, and whose messages are all there, is taken as it is.
    """
    begun, absent = monotonic(), []
    found = {order.lead: result for order in orders if (result := _recall(order)) is not None}
    rest = [order for order in orders if order.lead not in found]
    advance(len(found), len(orders))
    meter = Meter()
    coming = fetch_leads(rest, alive=lambda: advance(len(found), len(orders)), arriving=arriving, meter=meter)
    try:
        for result in coming:
            if result.absent:
                absent.append(result.absent)
                continue
            order = next(order for order in rest if order.lead == result.lead)
            _record(order, result)
            found[result.lead] = result
            advance(len(found), len(orders))
    finally:
        keep_traffic(orders[0].folder, meter)
    results = tuple(found[order.lead] for order in orders if order.lead in found)
    return StagedGroup(results, monotonic() - begun, tuple(absent))


def complete_group(orders: Sequence[LeadOrder], product: Product, advance: Callable[[int, int], None]) -> StagedGroup:
    """Bring a late file of staged leads, as far as it has come by now. Raises DiskFull. May run twice."""
    begun = monotonic()
    rest = {
        order.lead: replace(
            order,
            products=(product,),
            wanted=tuple(row for row in order.wanted if row.product == product.name),
            folder=order.folder / "late",
        )
        for order in orders
        if (result := _recall(order)) is not None and product.name in result.late
    }
    meter = Meter()
    try:
        for done, result in enumerate(fetch_leads(list(rest.values()), alive=lambda: advance(0, 1), meter=meter), 1):
            if result.messages:
                _join(
                    _path(next(order for order in orders if order.lead == result.lead)), result.messages, product.name
                )
            advance(done, len(rest))
    finally:
        keep_traffic(orders[0].folder, meter)
    results = [result for order in orders if (result := _recall(order)) is not None]
    return StagedGroup(tuple(results), monotonic() - begun)


def throw_away(message: StagedMessage, mirrors: Sequence[Mirror]) -> bool:
    """Forget the lead of a staged message that does not decode: it is fetched again, from its mirror last.

    Returns whether another of the mirrors is left to try. Once all have delivered it broken they are all asked again:
    one of them may have mended it.
    """
    record = _record_of(message)
    avoided = {*_avoided(record.parent, record.stem), message.mirror}
    place = _avoid(record.parent, record.stem)
    left = bool({mirror.name for mirror in mirrors} - avoided)
    if left:
        _put(place, sorted(avoided))
    else:
        place.unlink(missing_ok=True)
    record.unlink(missing_ok=True)
    Path(message.blob).unlink(missing_ok=True)
    return left


def distrust(folder: Path, leads: Iterable[int], mirrors: Sequence[str]) -> None:
    """Forget leads (hours) staged in `folder`: they are fetched again, from these mirrors last. Raises DiskFull."""
    for lead in leads:
        stem = f"f{lead:03d}"
        for path in folder.rglob(f"{stem}.*"):
            path.unlink()
        _put(_avoid(folder, stem), sorted(mirrors))


def exchange(pairs: Iterable[tuple[StagedMessage, StagedMessage]]) -> None:
    """Take new messages in the place of staged ones, for good; their blobs move beside what they replace.

    The messages of one new blob replace such of one lead. Raises DiskFull.
    """
    by_blob: dict[str, list[tuple[StagedMessage, StagedMessage]]] = {}
    for old, new in pairs:
        by_blob.setdefault(new.blob, []).append((old, new))
    for some in by_blob.values():
        _join(_record_of(some[0][0]), [new for _, new in some])


def _join(record: Path, fresh: Sequence[StagedMessage], late: str = "") -> None:
    """Add messages of one blob to a lead's record, in the place of those of the same slots; `late` has come."""
    names = (record.with_name(f"{record.stem}.again{number}.grib2") for number in count(1))
    place = next(name for name in names if not name.exists())
    Path(fresh[0].blob).rename(place)
    content = json.loads(record.read_bytes())
    result = _RESULT.validate_python(content["result"])
    messages = {message.slot: message for message in result.messages}
    messages |= {message.slot: replace(message, blob=str(place)) for message in fresh}
    there = {slot.variable for slot in messages}
    result = replace(
        result,
        messages=tuple(messages.values()),
        bytes=result.bytes + sum(message.length for message in fresh),
        mirrors=tuple(dict.fromkeys(message.mirror for message in messages.values())),
        missing=tuple(name for name in result.missing if name not in there),
        late=tuple(name for name in result.late if name != late),
    )
    _put(record, content | {"result": asdict(result)})


def _record_of(message: StagedMessage) -> Path:
    blob = Path(message.blob)
    return blob.with_name(blob.name.partition(".")[0] + ".json")


def in_order(folder: Path, lead: int, mirrors: Sequence[Mirror]) -> tuple[Mirror, ...]:
    """The mirrors in the order to ask for a lead staged in `folder`: those last that delivered it broken."""
    avoided = _avoided(folder, f"f{lead:03d}")
    return tuple(sorted(mirrors, key=lambda mirror: mirror.name in avoided))


def _avoid(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.avoid.json"


def _avoided(folder: Path, stem: str) -> list[str]:
    try:
        names = json.loads(_avoid(folder, stem).read_bytes())
    except (FileNotFoundError, ValueError):
        return []
    return names if isinstance(names, list) else []


def _path(order: LeadOrder) -> Path:
    return order.folder / f"f{order.lead:03d}.json"


def _mark(order: LeadOrder) -> str:
    """What must be equal for staged messages to serve this order too: the mirrors, but not which comes first."""
    mirrors = sorted(map(repr, order.mirrors))
    said = repr((order.model, order.init_time, order.lead, order.wanted, mirrors, order.box, order.whole))
    return sha256(said.encode()).hexdigest()


def _record(order: LeadOrder, result: LeadResult) -> None:
    _put(_path(order), {"mark": _mark(order), "result": asdict(result)})


def _put(place: Path, content: Any) -> None:
    part = place.with_suffix(".part")
    with room_on_disk(part):
        part.write_text(json.dumps(content))
        part.rename(place)


def _recall(order: LeadOrder) -> LeadResult | None:
    path = _path(order)
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_bytes())
        if record["mark"] != _mark(order):
            return None
        result = _RESULT.validate_python(record["result"])
    except (ValueError, KeyError, TypeError):
        # A power cut leaves empty files behind, another version other records: fetched again.
        return None
    # What a run requires and a mirror's file lacked may have come since.
    lacks = {row.name for row in order.wanted if row.required} & set(result.missing)
    return None if lacks or not all(_is_there(message) for message in result.messages) else result


def _is_there(message: StagedMessage) -> bool:
    """Both ends of a GRIB message lie where the record says."""
    blob = Path(message.blob)
    if not blob.exists():
        return False
    with blob.open("rb") as file:
        file.seek(message.offset)
        head = file.read(4)
        file.seek(message.offset + message.length - 4)
        return head == b"GRIB" and file.read(4) == b"7777"
