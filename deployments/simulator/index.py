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


@dataclass(frozen=True)
class Entry:
    """One message as its index names it.

    `name`: NOAA's short name or ECMWF's param. `level`: NOAA's words for the level. `level_type`, `level_list`:
    ECMWF's. `interval`: (start, end) hours after init_time.
    """

    name: str
    level: str
    level_type: str
    level_list: str | None
    statistic: Statistic
    interval: tuple[int, int]
    offset: int
    length: int


def index_text(kind: IndexKind, init_time: datetime, entries: Sequence[Entry]) -> str:
    """The whole index file."""
    if kind is IndexKind.IDX:
        lines = [_noaa_line(number, init_time, entry) for number, entry in enumerate(entries, 1)]
    else:
        lines = [_ecmwf_line(init_time, entry) for entry in entries]
    return "".join(line + "\n" for line in lines)


def _noaa_line(number: int, init_time: datetime, entry: Entry) -> str:
    when = window(entry.statistic, entry.interval)
    return f"{number}:{entry.offset}:d={init_time:%Y%m%d%H}:{entry.name}:{entry.level}:{when}:"


def window(statistic: Statistic, interval: tuple[int, int]) -> str:
    """NOAA's words for the time: `anl`, `7 hour fcst`, `6-7 hour acc fcst`, `0-1 day acc fcst`."""
    start, end = interval
    if statistic is Statistic.INSTANT:
        return f"{end} hour fcst" if end else "anl"
    # wgrib2 counts an interval in days where its length is a whole number of them.
    if (end - start) % 24 == 0 and start % 24 == 0:
        return f"{start // 24}-{end // 24} day {_NOAA_WORDS[statistic]} fcst"
    return f"{start}-{end} hour {_NOAA_WORDS[statistic]} fcst"


def _ecmwf_line(init_time: datetime, entry: Entry) -> str:
    row: dict[str, str | int] = {
        "domain": "g",
        "date": f"{init_time:%Y%m%d}",
        "time": f"{init_time:%H%M}",
        "expver": "0001",
        "class": "od",
        "type": "fc",
        "stream": "oper",
        "step": str(entry.interval[1]),
        "levtype": entry.level_type,
        "param": entry.name,
    }
    if entry.level_list is not None:
        row["levelist"] = entry.level_list
    return json.dumps(row | {"_offset": entry.offset, "_length": entry.length})
