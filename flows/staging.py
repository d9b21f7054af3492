"""Groups of leads, fetched or found again: what a killed or failed ingest has staged is not fetched twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic

from pydantic import TypeAdapter

from flows.leads import leads_in_words
from flows.report import GroupReport
from storage.disk import room_on_disk
from tasks.fetch import LeadOrder, LeadResult, fetch_leads
from tasks.wanted import StagedMessage

_RESULT = TypeAdapter(LeadResult)

GROUP = 8
"""Leads per Prefect task: a task costs about 10 ms and 20 kB of database, a group some seconds of network."""


@dataclass(frozen=True)
class StagedGroup:
    """What one group of leads brought."""

    results: tuple[LeadResult, ...]
    seconds: float

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


def stage_group(orders: Sequence[LeadOrder], advance: Callable[[int, int], None]) -> StagedGroup:
    """Fetch the leads that are not staged yet. Raises MirrorError when the mirrors cannot deliver one, DiskFull.

    May run twice: a lead that was staged from the same mirrors for the same variables, and whose messages are all
    there, is taken as it is.
    """
    begun = monotonic()
    found = {order.lead: result for order in orders if (result := _recall(order)) is not None}
    rest = [order for order in orders if order.lead not in found]
    advance(len(found), len(orders))
    for result in fetch_leads(rest, alive=lambda: advance(len(found), len(orders))):
        order = next(order for order in rest if order.lead == result.lead)
        _record(order, result)
        found[result.lead] = result
        advance(len(found), len(orders))
    return StagedGroup(tuple(found[order.lead] for order in orders), monotonic() - begun)


def _path(order: LeadOrder) -> Path:
    return order.folder / f"f{order.lead:03d}.json"


def _mark(order: LeadOrder) -> str:
    """What must be equal for staged messages to serve this order too."""
    return sha256(repr((order.model, order.init_time, order.lead, order.wanted, order.mirrors)).encode()).hexdigest()


def _record(order: LeadOrder, result: LeadResult) -> None:
    part = _path(order).with_suffix(".part")
    with room_on_disk(part):
        part.write_text(json.dumps({"mark": _mark(order), "result": asdict(result)}))
        part.rename(_path(order))


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
