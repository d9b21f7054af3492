"""Index files as NOAA and ECMWF write them beside their GRIB files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.variables import Statistic
from tasks.wanted import IndexKind

_NOAA_WORDS = {
    Statistic.ACCUMULATION: "acc",
    Statistic.MEAN: "ave",
    Statistic.MAXIMUM: "max",
    Statistic.MINIMUM: "min",
}


DAY = 24 * 60


@dataclass(frozen=True)
class Entry:
    """One message as its index names it.

    `name`: NOAA's short name or ECMWF's param. `level`: NOAA's words for the level. `level_type`, `level_list`:
    ECMWF's. `interval`: (start, end) minutes after init_time. `tail`: what follows the time in NOAA's lines.
    `member`: of an ensemble, 0 the control.
    """

    name: str
    level: str
    level_type: str
    level_list: str | None
    statistic: Statistic
    interval: tuple[int, int]
    offset: int
    length: int
    tail: str = ""
    member: int | None = None


def index_text(kind: IndexKind, init_time: datetime, entries: Sequence[Entry], in_minutes: bool = False) -> str:
    """The whole index file. in_minutes: whether NOAA's lines count minutes, as the messages do."""
    if kind is IndexKind.IDX:
        lines = [_noaa_line(number, init_time, entry, in_minutes) for number, entry in enumerate(entries, 1)]
    else:
        lines = [_ecmwf_line(init_time, entry) for entry in entries]
    return "".join(line + "\n" for line in lines)


def _noaa_line(number: int, init_time: datetime, entry: Entry, in_minutes: bool) -> str:
    when = window(entry.statistic, entry.interval, in_minutes)
    member = {None: "", 0: "ENS=low-res ctl"}.get(entry.member, f"ENS=+{entry.member}")
    return f"{number}:{entry.offset}:d={init_time:%Y%m%d%H}:{entry.name}:{entry.level}:{when}:{entry.tail or member}"


def window(statistic: Statistic, interval: tuple[int, int], in_minutes: bool = False) -> str:
    """NOAA's words for the time: `anl`, `7 hour fcst`, `6-7 hour acc fcst`, `0-1 day acc fcst`, `15 min fcst`."""
    start, end = interval
    unit, word = (1, "min") if in_minutes else (60, "hour")
    if statistic is Statistic.INSTANT:
        return f"{end // unit} {word} fcst" if end else "anl"
    # wgrib2 counts an interval in days where its length is a whole number of them.
    if (end - start) % DAY == 0 and start % DAY == 0:
        unit, word = DAY, "day"
    return f"{start // unit}-{end // unit} {word} {_NOAA_WORDS[statistic]} fcst"


def _ecmwf_line(init_time: datetime, entry: Entry) -> str:
    row: dict[str, str | int] = {
        "domain": "g",
        "date": f"{init_time:%Y%m%d}",
        "time": f"{init_time:%H%M}",
        "expver": "0001",
        "class": "od",
        "type": "fc",
        "stream": "oper",
        "step": str(entry.interval[1] // 60),
        "levtype": entry.level_type,
        "param": entry.name,
    }
    if entry.level_list is not None:
        row["levelist"] = entry.level_list
    if entry.member is not None:
        row |= {"type": "pf", "stream": "enfo", "number": str(entry.member)}
    return json.dumps(row | {"_offset": entry.offset, "_length": entry.length})
