"""The slots of an answer: no block's hours are told twice, no excluded block's hours at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from serving import days
from serving.blocks import untold_of
from serving.daily import DayHours, day_hours
from serving.options import MINUTES, ForecastOptions
from serving.places import Place
from serving.sky import Track
from serving.slots import MINUTE, Slots
from serving.sun import sun_track

REMEMBERED = 128
"""So many timelines are remembered, of about 10 kB: all that is asked in a minute and a zone has the same."""


@dataclass(frozen=True)
class Timeline:
    """The slots of an answer and where its blocks lie in them.

    days: the hours of the local days, which are the first slots where any block needs them; None where none does.
    today: index range of the hours since local midnight, the last one holding the moment of the answer, where the
    amounts since midnight are told. hourly: the first hour's index; now: that of the moment; minutes: how many slots
    of a minute begin there.
    """

    slots: Slots
    days: DayHours | None
    today: tuple[int, int] | None
    hourly: int
    hours: int
    now: int
    minutes: int

    @cached_property
    def told(self) -> NDArray[np.bool_]:
        """[slot] whether it is told: the hours of the night after the last day are only part of that night's low."""
        told = np.ones(len(self.slots.starts), dtype=np.bool_)
        if self.days is not None:
            told[: self.now] = self.slots.starts[: self.now] < self.days.midnights[-1]
            told[self.hourly : self.hourly + self.hours] = True
        return told

    @cached_property
    def sun(self) -> Track:
        """The sun's track over all slots."""
        begin, last, _ = self.slots.reach
        return sun_track(begin, last)


def make_timeline(place: Place, options: ForecastOptions, now: datetime) -> Timeline:
    """The slots that the wanted blocks need and no others: days, hours, minutes.

    A forecast begins with the minute that is now, its hours with the hour on the wall; an answer of the Time Machine
    with the moment that it is about, its hours at that day's midnight. Where the hours lie among those of the days they
    are told once. They don't where a clock changes by half an hour (Lord Howe): then they get slots of their own.
    """
    moment = options.at or now
    instant = int(moment.timestamp() // 1)
    wants = options.wants
    return _timeline(
        place.timezone,
        instant if options.at else instant - instant % MINUTE,
        options.at is not None,
        wants("currently") and options.version >= 2,
        options.entries("daily"),
        wants("daily") or wants("day_night"),
        options.entries("hourly") if wants("hourly") else 0,
        MINUTES if wants("minutely") else int(wants("currently")),
        untold_of(options),
    )


@lru_cache(maxsize=REMEMBERED)
def _timeline(
    zone: str,
    instant: int,
    past: bool,
    sums: bool,
    count_of_days: int,
    of_days: bool,
    hours: int,
    minutes: int,
    untold: frozenset[str],
) -> Timeline:
    """sums: whether the amounts since midnight are told; of_days: whether days or their halves are."""
    moment = datetime.fromtimestamp(instant, UTC)
    spans: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    count = 0
    whole = None
    today = None
    first = days.local_date(zone, moment)
    if sums or of_days:
        whole = day_hours(zone, first, count_of_days)
        count = int(whole.starts.searchsorted(instant, "right"))
        today = (0, count) if sums else None
        if of_days:
            count = len(whole.starts)
        spans.append((whole.starts[:count], whole.ends[:count]))
    hourly = 0
    if hours:
        begin = days.local_days(zone, first, 1).starts[0] if past else days.local_hour(zone, moment)
        starts = days.HOUR * np.arange(hours, dtype=np.int64) + begin
        hourly = int(spans[0][0].searchsorted(begin)) if spans else 0
        if not spans or not np.array_equal(spans[0][0][hourly : hourly + hours], starts):
            hourly = count
            spans.append((starts, starts + days.HOUR))
            count += hours
    if minutes:
        starts = MINUTE * np.arange(minutes, dtype=np.int64) + instant
        spans.append((starts, starts + MINUTE))
    # Of the minutes after the one that is now only what falls is told.
    full = count + 1 if minutes else count
    slots = Slots(np.concatenate([s for s, _ in spans]), np.concatenate([e for _, e in spans]), full, untold)
    return Timeline(slots, whole, today, hourly, hours, count, minutes)
