"""Local days and hours as instants: every day starts when its date begins on the wall, and ends where the next does.

All instants are Unix seconds, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice

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
    wall = datetime(day.year, day.month, day.day, hour, tzinfo=zone(name))
    first, second = int(wall.timestamp()), int(wall.replace(fold=1).timestamp())
    if first <= second:
        return first
    # In a gap fold 0 counts in the offset before the jump, fold 1 in the one after it, and the jump lies between.
    early, late = second, first
    before = offset_at(name, early)
    while late - early > 1:
        middle = (early + late) // 2
        if offset_at(name, middle) == before:
            early = middle
        else:
            late = middle
    return late


def _dates(name: str, first: date) -> Iterator[tuple[date, int]]:
    """(date, when it begins) of every day from `first` on. A date that a zone skipped (Apia, 2011-12-30) is no day."""
    day, start = first, _instant(name, first, 0)
    while True:
        after = day + timedelta(days=1)
        next_start = _instant(name, after, 0)
        if next_start > start:
            yield day, start
        day, start = after, next_start


@lru_cache(maxsize=4096)
def local_days(name: str, first: date, count: int = DAYS) -> LocalDays:
    """`count` local days from `first` on."""
    days = list(islice(_dates(name, first), count + 1))
    return LocalDays(
        tuple(start for _, start in days),
        tuple(_instant(name, day, 6) for day, _ in days),
        tuple(_instant(name, day, 18) for day, _ in days[:-1]),
    )


@lru_cache(maxsize=4096)
def half_days(name: str, first: date, count: int = DAYS) -> tuple[int, ...]:
    """[2 * count + 1] when the halves of `count` local days begin: 04:00 and 17:00 on the wall of each day, and the
    04:00 that ends the last night.

    Entries 2 d and 2 d + 1 bound the light half of day d, 2 d + 1 and 2 d + 2 its night.
    """
    return _shown(name, first, count, (4, 17))


# Morning, afternoon, evening, night.
PARTS = (4, 12, 17, 22)


@lru_cache(maxsize=4096)
def parts_of_days(name: str, first: date, count: int = DAYS) -> tuple[int, ...]:
    """[4 * count + 1] when the PARTS of `count` local days begin on the wall, and when the last night ends."""
    return _shown(name, first, count, PARTS)


def _shown(name: str, first: date, count: int, hours: tuple[int, ...]) -> tuple[int, ...]:
    """When the clocks of `count` days show these hours, and when they show the first of them on the day after."""
    days = islice(_dates(name, first), count + 1)
    return tuple(_instant(name, day, hour) for day, _ in days for hour in hours)[: len(hours) * count + 1]


def local_hour(name: str, now: datetime) -> int:
    """The instant at which the wall clock last showed a whole hour, counted in the offset that holds now."""
    seconds = int(now.timestamp() // 1)
    return seconds - (seconds + offset_at(name, seconds)) % HOUR


@lru_cache(maxsize=4096)
def offset_at(name: str, instant: int) -> int:
    """The zone's offset from UTC at an instant, seconds, east positive."""
    delta = datetime.fromtimestamp(instant, tz=UTC).astimezone(zone(name)).utcoffset()
    assert delta is not None
    return round(delta.total_seconds())


def local_date(name: str, now: datetime) -> date:
    """The date of the local day that holds now: the one on the wall, or the next where a clock was set back across a
    midnight that had passed (St John's, until 2011)."""
    shown = now.astimezone(zone(name)).date()
    following = shown + timedelta(days=1)
    return following if _instant(name, following, 0) <= now.timestamp() else shown


@lru_cache(maxsize=4096)
def hours_between(start: int, end: int) -> NDArray[np.int64]:
    """[start, start + 1 h, ...] below `end`: the hours of a day, the last one cut short where the day is."""
    hours = np.arange(start, end, HOUR, dtype=np.int64)
    hours.setflags(write=False)
    return hours
