"""Local days and hours as instants: every day starts when its date begins on the wall, and ends where the next does.

All instants are Unix seconds, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from serving.places import zone

HOUR = 3600
DAYS = 8


@dataclass(frozen=True)
class LocalDays:
    """Consecutive local days: `starts[d]..starts[d + 1]` is day d; `mornings` 06:00, `evenings` 18:00 on the wall.

    `starts` has one more entry than there are days, `mornings` too: the night of the last day ends in the next morning.
    """

    starts: tuple[int, ...]
    mornings: tuple[int, ...]
    evenings: tuple[int, ...]


def _instant(name: str, day: date, hour: int) -> int:
    """When a clock of the zone shows this hour: the first time in a fold, the moment of the jump in a gap."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=zone(name)).timestamp())


@lru_cache(maxsize=4096)
def local_days(name: str, first: date, count: int = DAYS) -> LocalDays:
    """`count` local days from `first` on. A date that a zone skipped (Apia, 2011-12-30) is no day."""
    starts: list[int] = []
    mornings: list[int] = []
    evenings: list[int] = []
    day = first
    while len(starts) <= count:
        start = _instant(name, day, 0)
        day_after = day + timedelta(days=1)
        if _instant(name, day_after, 0) > start:
            starts.append(start)
            mornings.append(_instant(name, day, 6))
            evenings.append(_instant(name, day, 18))
        day = day_after
    return LocalDays(tuple(starts), tuple(mornings), tuple(evenings[:-1]))


def local_hour(name: str, now: datetime) -> int:
    """The instant at which the wall clock last showed a whole hour, counted in the offset that holds now."""
    seconds = int(now.timestamp() // 1)
    return seconds - (seconds + offset_at(name, seconds)) % HOUR


def offset_at(name: str, instant: int) -> int:
    """The zone's offset from UTC at an instant, seconds, east positive."""
    delta = datetime.fromtimestamp(instant, tz=UTC).astimezone(zone(name)).utcoffset()
    assert delta is not None
    return round(delta.total_seconds())


def local_date(name: str, now: datetime) -> date:
    """Today's date on the wall."""
    return now.astimezone(zone(name)).date()


@lru_cache(maxsize=4096)
def hours_between(start: int, end: int) -> NDArray[np.int64]:
    """[start, start + 1 h, ...] below `end`: the hours of a day, the last one cut short where the day is."""
    hours = np.arange(start, end, HOUR, dtype=np.int64)
    hours.setflags(write=False)
    return hours
