"""What an index says: NOAA `.idx` and ECMWF `.index`, or our own scan -> where the wanted messages of one lead lie.

An index is a claim. Whoever uses an entry checks the message itself.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from storage.variables import Statistic
from tasks.errors import InventoryError, MessageError
from tasks.grib import FieldId, fields, match
from tasks.packing import packing_of
from tasks.pick import best
from tasks.scan import Located
from tasks.wanted import Bucket, IndexKind, Wanted

Interval = tuple[int, int]


@dataclass(frozen=True)
class Entry:
    """Where a wanted message lies.

    `length`: bytes up to the next message, None behind the last line of an `.idx`.
    `interval`: (start, end) minutes after init_time, equal for an instant; None where the index does not say.
    """

    wanted: Wanted
    offset: int
    length: int | None
    interval: Interval | None


@dataclass(frozen=True)
class Target:
    """The run and lead (hours) that an index should be about, and the variables looked for."""

    init_time: datetime
    lead: int
    wanted: tuple[Wanted, ...]


def read_index(kind: IndexKind, content: bytes, target: Target, url: str) -> list[Entry]:
    """The best entry of every wanted variable that the index has at the target's lead.

    Raises InventoryError, naming the URL and the line, where the index is empty, malformed or of another run.
    """
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InventoryError(f"{url} is not a text: {error}") from error
    if not any(line.strip() for line in lines):
        raise InventoryError(f"{url} is empty")
    read = _read_idx if kind is IndexKind.IDX else _read_ecmwf
    try:
        return choose(read(lines, target))
    except _Malformed as error:
        raise InventoryError(f"{url} line {error.number}: {error.reason}: {error.line[:120]!r}") from error


def entries_of(located: Iterable[Located], target: Target) -> list[Entry]:
    """The best entry of every wanted variable among the fields that a scan has found."""
    return choose(
        Entry(wanted, found.offset, found.field.length, found.field.interval)
        for found in located
        for wanted in target.wanted
        if found.field.init_time == target.init_time
        and match(found.field, wanted)
        and found.field.interval is not None
        and found.field.interval[1] == target.lead * 60
    )


def choose(entries: Iterable[Entry]) -> list[Entry]:
    """One entry a variable, in the file's order."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.wanted.name].append(entry)
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
            and field.init_time == target.init_time
            and field.interval is not None
            and field.interval[1] == target.lead * 60
            and entry.interval in (None, field.interval)
        ):
            return field
    held = " and ".join(map(str, found[:3]))
    start, end = entry.interval or ("?", target.lead * 60)
    asked = f"{entry.wanted.name} {start}-{end} min after {target.init_time:%Y-%m-%dT%H:%MZ}"
    raise MessageError(f"holds {held} instead of {asked}")


class _Malformed(Exception):
    def __init__(self, number: int, line: str, reason: str) -> None:
        super().__init__(number, line, reason)
        self.number, self.line, self.reason = number, line, reason


class _Window(NamedTuple):
    """When and how: interval in minutes, statistic; None for what we have no word for."""

    interval: Interval | None
    statistic: Statistic | None


_NUMBER = re.compile(r"\d+(\.\d+)?")
_WINDOW = re.compile(r"(?:(\d+)-)?(\d+) (min|hour|day) (?:(acc|ave|max|min) )?fcst")
_STEP = re.compile(r"(?:(\d+)-)?(\d+)")
_MINUTES = {"min": 1, "hour": 60, "day": 1440}
_STATISTICS = {
    None: Statistic.INSTANT,
    "acc": Statistic.ACCUMULATION,
    "ave": Statistic.MEAN,
    "max": Statistic.MAXIMUM,
    "min": Statistic.MINIMUM,
}


def _read_idx(lines: Sequence[str], target: Target) -> list[Entry]:
    """Lines `n:offset:d=YYYYMMDDHH:VAR:level:window:member`; fields of one message, n.1 and n.2, share an offset."""
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        parts = line.split(":")
        if len(parts) < 6 or not _NUMBER.fullmatch(parts[0]) or not parts[1].isdecimal():
            raise _Malformed(number, line, "not a line of an .idx")
        if parts[2] != f"d={target.init_time:%Y%m%d%H}":
            raise _Malformed(number, line, f"not of the run {target.init_time:%Y-%m-%dT%HZ}")
        rows.append((int(parts[1]), parts))
    ends = dict(pairwise(sorted({offset for offset, _ in rows})))
    named: dict[tuple[str, str] | None, list[Wanted]] = defaultdict(list)
    for wanted in target.wanted:
        named[wanted.idx].append(wanted)
    found = []
    for offset, parts in rows:
        # `wgrib2 -v` writes the name in words behind the abbreviation.
        for wanted in named.get((parts[3].split(" ")[0], parts[4]), ()):
            window = idx_window(parts[5])
            # What follows the window makes it a member, a mean or a probability.
            if any(parts[6:]) or window.statistic != wanted.statistic or window.interval is None:
                continue
            if window.interval[1] == target.lead * 60:
                length = ends[offset] - offset if offset in ends else None
                found.append(Entry(wanted, offset, length, window.interval))
    return found


def idx_window(text: str) -> _Window:
    """`anl`, `3 hour fcst`, `6-7 hour ave fcst`, `0-1 day acc fcst`, `480-495 min acc fcst` in minutes."""
    if text == "anl":
        return _Window((0, 0), Statistic.INSTANT)
    matched = _WINDOW.fullmatch(text)
    if not matched:
        return _Window(None, None)
    start, end, unit, statistic = matched.groups()
    minutes = _MINUTES[unit]
    return _Window((int(start or end) * minutes, int(end) * minutes), _STATISTICS[statistic])


def _read_ecmwf(lines: Sequence[str], target: Target) -> list[Entry]:
    """JSON objects, one a line: `param`, `levtype`, `step`, `date`, `time`, `_offset`, `_length`."""
    named: dict[str, list[Wanted]] = defaultdict(list)
    for wanted in target.wanted:
        for param in (wanted.param, *wanted.param_aliases):
            if param is not None:
                named[param].append(wanted)
    run = f"{target.init_time:%Y%m%d %H%M}"
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            offset, length = int(row["_offset"]), int(row["_length"])
            param, step = str(row["param"]), str(row["step"])
            said = f"{row['date']} {int(row['time']):04d}"
        except (ValueError, KeyError, TypeError) as error:
            raise _Malformed(number, line, f"not a line of an ECMWF .index ({error})") from error
        if said != run:
            raise _Malformed(number, line, f"not of the run {target.init_time:%Y-%m-%dT%HZ}")
        if offset < 0 or length <= 0:
            raise _Malformed(number, line, "no place in a file")
        # `number` makes it a member; em, es and ep are means, spreads and probabilities.
        if row.get("levtype") != "sfc" or row.get("type", "fc") != "fc" or row.get("number") is not None:
            continue
        steps = _STEP.fullmatch(step)
        if steps and int(steps[2]) == target.lead:
            found += [Entry(wanted, offset, length, _interval(wanted, steps)) for wanted in named.get(param, ())]
    return found


def _interval(wanted: Wanted, steps: re.Match[str]) -> Interval | None:
    """Mostly the index names the end only; where an extreme begins is for the message to say."""
    start, end = steps.groups()
    minutes = int(end) * 60
    if start is not None:
        return int(start) * 60, minutes
    if wanted.statistic is Statistic.INSTANT:
        return minutes, minutes
    return (0, minutes) if wanted.bucket is Bucket.SINCE_START else None
