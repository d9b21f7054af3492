"""NOAA's `.idx`, as wgrib2 writes it: a line a field, with its window in words and what it tells of an ensemble."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from storage.run_time import run_time
from storage.variables import Statistic
from tasks.entry import Entry, Interval, Malformed, Target
from tasks.wanted import Derived, Meaning, Percentile, Probability, Wanted


class _Window(NamedTuple):
    """When and how: interval in minutes, statistic; None for what we have no word for."""

    interval: Interval | None
    statistic: Statistic | None


_NUMBER = re.compile(r"\d+(\.\d+)?")
_WINDOW = re.compile(r"(?:(\d+)-)?(\d+) (min|hour|day) (?:(acc|ave|max|min) )?fcst")
_MINUTES = {"min": 1, "hour": 60, "day": 1440}
_STATISTICS = {
    None: Statistic.INSTANT,
    "acc": Statistic.ACCUMULATION,
    "ave": Statistic.MEAN,
    "max": Statistic.MAXIMUM,
    "min": Statistic.MINIMUM,
}


def read_idx(lines: Sequence[str], target: Target) -> list[Entry]:
    """Lines `n:offset:d=YYYYMMDDHH:VAR:level:window:member`; fields of one message, n.1 and n.2, share an offset."""
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        parts = line.split(":")
        if len(parts) < 6 or not _NUMBER.fullmatch(parts[0]) or not parts[1].isdecimal():
            raise Malformed(number, line, "not a line of an .idx")
        if parts[2] != f"d={target.init_time:%Y%m%d%H}":
            raise Malformed(number, line, f"not of the run {run_time(target.init_time)}")
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
            told = _told(parts[6:])
            if told is None or told.meaning != wanted.meaning or window.statistic != wanted.statistic:
                continue
            if target.members and wanted.meaning is None and told.member not in target.members:
                continue
            if not target.members and told.member is not None:
                continue
            if window.interval is None or not wanted.spans(window.interval):
                continue
            if window.interval[1] in target.times:
                length = ends[offset] - offset if offset in ends else None
                found.append(Entry(wanted, window.interval[1], offset, length, window.interval, told.member))
    return found


class _Told(NamedTuple):
    """What follows the window of a line."""

    meaning: Meaning | None = None
    member: int | None = None


_DERIVED = {"ens mean": Derived.MEAN, "ens std dev": Derived.SPREAD, "ens spread": Derived.SPREAD}
_ITSELF_A_PROBABILITY = "probability forecast"
"""Of parameters such as that of thunderstorms (0.19.2); only code table 4.3 says it once more."""
_CONTROLS = ("ENS=low-res ctl", "ENS=hi-res ctl", "low-res ctl", "hi-res ctl")
_MEMBER = re.compile(r"ENS=([+-]\d+)")
_PERCENTILE = re.compile(r"(\d+)% level")
_PROBABILITY = re.compile(r"prob (?:(?:>=|>)(?P<above>[\d.e+-]+) ?)?(?:<(?P<below>[\d.e+-]+))?")


def _told(parts: Sequence[str]) -> _Told | None:
    """`ENS=+1`, `ens mean`, `10% level`, `prob >0.254:prob fcst 255/255`; None for what no row can ask for."""
    text = parts[0].strip() if parts else ""
    if text == _ITSELF_A_PROBABILITY:
        return _Told()
    if not text:
        return None if any(parts) else _Told()
    if text in _DERIVED:
        return _Told(_DERIVED[text])
    if text in _CONTROLS:
        return _Told(member=0)
    if found := _MEMBER.fullmatch(text):
        return _Told(member=int(found[1]))
    if found := _PERCENTILE.fullmatch(text):
        return _Told(Percentile(int(found[1])))
    found = _PROBABILITY.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    above, below = (None if limit is None else float(limit) for limit in found.groups())
    return _Told(Probability(above, below))


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
