"""The local days of an answer, from their hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from serving.day_fields import DAILY, Window
from serving.days import DAYS, PARTS, hours_between, local_days, parts_of_days
from serving.moon import fill_phases, moon_events, moon_track
from serving.sky import Track
from serving.span_icons import fill_span_icons
from serving.statistics import fill_statistics, make_table
from serving.sun import sun_events, sun_track


@dataclass(frozen=True)
class DayHours:
    """The hours of consecutive local days, and of the night after the last.

    starts, ends: [hour] Unix seconds, the last hour of a day cut short where the day is. windows: [window, 2, day]
    index ranges into them. midnights: [day + 1]. parts: [4 * day + 1] index of the first hour of each part of each day:
    morning, afternoon, evening, night, and of the morning after the last. halves: [2 * day] when its first and third
    part begin, Unix seconds.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    windows: NDArray[np.int64]
    midnights: NDArray[np.int64]
    parts: NDArray[np.int64]
    halves: NDArray[np.int64]

    @cached_property
    def phases(self) -> NDArray[np.float64]:
        """[day] phase of the moon in the middle of each, 0..1: it is the same all over the Earth."""
        phases = np.empty(len(self.midnights) - 1)
        fill_phases(self.midnights, phases)
        return phases

    @cached_property
    def sun(self) -> Track:
        """The sun's track over all of them."""
        return sun_track(int(self.midnights[0]), int(self.midnights[-1]))

    @cached_property
    def moon(self) -> Track:
        """The moon's track over all of them."""
        return moon_track(int(self.midnights[0]), int(self.midnights[-1]))

    @cached_property
    def windows_of_halves(self) -> NDArray[np.int64]:
        """[1, 2, half] index ranges of the halves, each of which is two parts of a day."""
        bounds = self.parts[::2]
        windows = np.stack((bounds[:-1], bounds[1:]))[np.newaxis]
        windows.setflags(write=False)
        return windows


@lru_cache(maxsize=1024)
def day_hours(name: str, first: date, count: int = DAYS) -> DayHours:
    """The hours of `count` local days of a zone from a date on."""
    days = local_days(name, first, count)
    hours = [hours_between(*span) for span in zip(days.starts[:-1], days.starts[1:], strict=True)]
    hours.append(hours_between(days.starts[-1], days.mornings[-1] + 1))
    starts = np.concatenate(hours)
    ends = np.append(starts[1:], starts[-1] + 3600)
    windows = np.empty((len(Window), 2, count), dtype=np.int64)
    for window, begin, end, side in (
        (Window.DAY, days.starts[:-1], days.starts[1:], "left"),
        (Window.DAYTIME, days.mornings[:-1], days.evenings, "right"),
        (Window.OVERNIGHT, days.evenings, days.mornings[1:], "right"),
    ):
        windows[window, 0] = np.searchsorted(starts, begin, side)  # type: ignore[call-overload]
        windows[window, 1] = np.searchsorted(starts, end, side)  # type: ignore[call-overload]
    instants = np.array(parts_of_days(name, first, count), dtype=np.int64)
    parts = np.searchsorted(starts, instants)
    for array in (starts, ends, windows, parts):
        array.setflags(write=False)
    return DayHours(starts, ends, windows, np.array(days.starts, dtype=np.int64), parts, instants[:-1:2])


_TABLE = make_table(DAILY)
_ROW = {field.name: row for row, field in enumerate(DAILY)}
# The rows of dawn, sunrise, sunset and dusk, and those of moonrise and moonset, follow each other.
_SUN = slice(_ROW["dawnTime"], _ROW["duskTime"] + 1)
_MOON = slice(_ROW["moonriseTime"], _ROW["moonsetTime"] + 1)
EVERY = np.arange(len(DAILY))
ICON, KIND = _ROW["icon"], _ROW["precipType"]


def summarise(
    columns: NDArray[np.float64],
    hours: DayHours,
    lat: float,
    lon: float,
    pirate: bool = False,
    fields: NDArray[np.int64] = EVERY,
) -> NDArray[np.float64]:
    """[daily field, day] in SI, rows as DAILY. columns: [column, hour] beginning with `hours`; pirate: which icons;
    fields: the rows that are made, the others are missing."""
    days = hours.windows.shape[2]
    out = np.full((len(DAILY), days), np.nan)
    fill_statistics(columns, hours.starts, hours.ends, hours.windows, _TABLE, fields, out)
    fill_span_icons(columns, hours.windows, hours.parts, len(PARTS), False, pirate, out[ICON])
    out[_ROW["time"]] = hours.midnights[:-1]
    sun_events(hours.sun, hours.midnights, lat, lon, out[_SUN])
    moon_events(hours.moon, hours.midnights, lat, lon, out[_MOON])
    out[_ROW["moonPhase"]] = hours.phases
    return out
