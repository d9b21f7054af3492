"""What an index says: NOAA `.idx` and ECMWF `.index`, or our own scan -> where the wanted messages of one lead lie.

An index is a claim. Whoever uses an entry checks the message itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from tasks.ecmwf_index import read_ecmwf
from tasks.entry import Entry, Malformed, Target
from tasks.errors import InventoryError, MessageError
from tasks.field import FieldId, match
from tasks.grib import fields
from tasks.idx import read_idx
from tasks.packing import packing_of
from tasks.pick import best
from tasks.scan import Located
from tasks.wanted import IndexKind, Slot


def read_index(kind: IndexKind, content: bytes, target: Target, url: str) -> list[Entry]:
    """The best entry of everything wanted that the index has of the target.

    Raises InventoryError, naming the URL and the line, where the index is empty, malformed or of another run.
    """
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InventoryError(f"{url} is not a text: {error}") from error
    if not any(line.strip() for line in lines):
        raise InventoryError(f"{url} is empty")
    read = read_idx if kind is IndexKind.IDX else read_ecmwf
    try:
        return choose(read(lines, target), target.init_time)
    except Malformed as error:
        raise InventoryError(f"{url} line {error.number}: {error.reason}: {error.line[:120]!r}") from error


def entries_of(located: Iterable[Located], target: Target) -> list[Entry]:
    """The best entry of everything wanted among the fields that a scan has found."""
    entries = (
        Entry(
            wanted,
            found.field.interval[1],
            found.offset,
            found.field.length,
            found.field.interval,
            found.field.member if target.members else None,
        )
        for found in located
        for wanted in target.wanted
        if target.holds(found.field) and match(found.field, wanted) and found.field.interval is not None
    )
    return choose(entries, target.init_time)


def choose(entries: Iterable[Entry], init_time: datetime) -> list[Entry]:
    """One entry a slot of what the run should have, in the file's order."""
    groups: dict[Slot, list[Entry]] = defaultdict(list)
    for entry in entries:
        # HRRR's first files hold amounts over no time.
        if entry.wanted.due(init_time, entry.lead):
            groups[entry.slot].append(entry)
    chosen = (best(group[0].wanted, group, lambda entry: entry.interval or (0, 0)) for group in groups.values())
    return sorted(chosen, key=lambda entry: entry.offset)


def identify(message: bytes | memoryview, entry: Entry, target: Target) -> FieldId:
    """The field of a message that the entry promised; raises MessageError where the message is another, or none.

    What a message says of its packing is read too: a mirror that serves it broken can be left for the next.
    """
    found = fields(message)
    packing_of(message)
    for field in found:
        if (
            match(field, entry.wanted)
            and target.holds(field)
            and field.interval is not None
            and field.interval[1] == entry.lead
            and entry.interval in (None, field.interval)
            and entry.member in (None, field.member)
        ):
            return field
    held = " and ".join(map(str, found[:3]))
    start, end = entry.interval or ("?", entry.lead)
    asked = f"{entry.wanted.name} {start}-{end} min after {target.init_time:%Y-%m-%dT%H:%MZ}"
    asked += "" if entry.member is None else f" of member {entry.member}"
    raise MessageError(f"holds {held} instead of {asked}")
