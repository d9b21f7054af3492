"""Groups of leads, fetched or found again: what a killed or failed ingest has staged is not fetched twice.

<staged>/f012.grib2        the messages of a lead
<staged>/f012.json         what they are; without it they are nothing
<staged>/f012.avoid.json   mirrors that delivered the lead with a message that does not decode
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import TypeAdapter

from flows.leads import leads_in_words
from flows.report import GroupReport
from storage.disk import room_on_disk
from tasks.fetch import LeadOrder, LeadResult, fetch_leads
from tasks.wanted import Mirror, StagedMessage

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
    for result in fetch_leads(rest, alive=lambda: advance(len(found), len(orders)), arriving=arriving):
        if result.absent:
            absent.append(result.absent)
            continue
        order = next(order for order in rest if order.lead == result.lead)
        _record(order, result)
        found[result.lead] = result
        advance(len(found), len(orders))
    results = tuple(found[order.lead] for order in orders if order.lead in found)
    return StagedGroup(results, monotonic() - begun, tuple(absent))


def throw_away(message: StagedMessage, mirrors: Sequence[Mirror]) -> bool:
    """Forget the lead of a staged message that does not decode: it is fetched again, from its mirror last.

    Returns whether another of the mirrors is left to try. Once all have delivered it broken they are all asked again:
    one of them may have mended it.
    """
    blob = Path(message.blob)
    avoided = {*_avoided(blob.parent, blob.stem), message.mirror}
    place = _avoid(blob.parent, blob.stem)
    left = bool({mirror.name for mirror in mirrors} - avoided)
    if left:
        _put(place, sorted(avoided))
    else:
        place.unlink(missing_ok=True)
    blob.with_suffix(".json").unlink(missing_ok=True)
    blob.unlink(missing_ok=True)
    return left


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
    return sha256(repr((order.model, order.init_time, order.lead, order.wanted, mirrors)).encode()).hexdigest()


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
    return result if all(_is_there(message) for message in result.messages) else None


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
