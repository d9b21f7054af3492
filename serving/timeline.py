"""The slots of an answer: no block's hours are told twice, no excluded block's hours at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from serving import days
from serving.daily import day_hours
from serving.merge import Slots
from serving.options import ForecastOptions
from serving.places import Place

NOW_SECONDS = 60


@dataclass(frozen=True)
class Timeline:
    """The slots of an answer and where its blocks lie in them.

    today: index range of the hours since local midnight, the last one holding `now`; hourly: the first slot's index.
    """

    slots: Slots
    today: tuple[int, int]
    hourly: int
    hours: int
    now: int


def make_timeline(place: Place, options: ForecastOptions, now: datetime) -> Timeline:
    """The slots that the wanted blocks need and no others: days, hours, the minute that is now.

    Where the next hours lie among the hours of the days they are told once. They don't where a clock changes by half
    an hour (Lord Howe): then they get slots of their own.
    """
    instant = int(now.timestamp() // 1)
    today = days.local_date(place.timezone, now)
    hour = days.local_hour(place.timezone, now)
    spans: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    count = 0
    today_range = (0, 0)
    if options.wants("daily") or options.wants("currently"):
        all_days = day_hours(place.timezone, today)
        end = (
            len(all_days.starts) if options.wants("daily") else int(np.searchsorted(all_days.starts, instant, "right"))
        )
        spans.append((all_days.starts[:end], all_days.ends[:end]))
        count = end
        today_range = (0, int(np.searchsorted(all_days.starts, instant, "right")))
    hourly, hours = 0, (168 if options.extend_hourly else 48) if options.wants("hourly") else 0
    if hours:
        starts = days.HOUR * np.arange(hours, dtype=np.int64) + hour
        hourly = int(np.searchsorted(spans[0][0], hour)) if spans else 0
        if not spans or not np.array_equal(spans[0][0][hourly : hourly + hours], starts):
            hourly = count
            spans.append((starts, starts + days.HOUR))
            count += hours
    if options.wants("currently"):
        spans.append((np.array([instant]), np.array([instant + NOW_SECONDS])))
    slots = Slots(np.concatenate([s for s, _ in spans]), np.concatenate([e for _, e in spans]))
    return Timeline(slots, today_range, hourly, hours, len(slots.starts) - 1)
