"""A local day from its hours: means, sums, extremes and when, the wind as a vector, what fell.

A statistic uses the hours that have a value; a day without any has none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from serving.days import DAYS, hours_between, local_days
from serving.derived import ICE, MIXED, RAIN, SLEET, SNOW, bearing
from serving.fields import COLUMN, DAILY, Statistic, Window
from serving.kernels import kernel
from serving.sun import moon_phase, sun_events

# So much ice (mm of water) names the day, whatever else fell.
ICY_DAY = 10.0


@dataclass(frozen=True)
class DayHours:
    """The hours of consecutive local days, and of the night after the last.

    starts, ends: [hour] Unix seconds, the last hour of a day cut short where the day is. windows: [window, 2, day]
    index ranges into them. midnights: [day + 1].
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    windows: NDArray[np.int64]
    midnights: NDArray[np.int64]


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
    for array in (starts, ends, windows):
        array.setflags(write=False)
    return DayHours(starts, ends, windows, np.array(days.starts, dtype=np.int64))


_SOURCES = np.array([COLUMN[field.column] for field in DAILY], dtype=np.int64)
_STATISTICS = np.array([field.statistic for field in DAILY], dtype=np.int64)
_WINDOWS = np.array([field.window for field in DAILY], dtype=np.int64)
_ROW = {field.name: row for row, field in enumerate(DAILY)}
_NORTHWARD = COLUMN["northward_wind"]
_LIQUID, _SNOW, _ICE, _KIND = (COLUMN[name] for name in ("liquid_amount", "snow_amount", "ice_amount", "kind"))
_MEAN, _SUM, _MAXIMUM_TIME = int(Statistic.MEAN), int(Statistic.SUM), int(Statistic.MAXIMUM_TIME)
_MINIMUM, _MINIMUM_TIME = int(Statistic.MINIMUM), int(Statistic.MINIMUM_TIME)
_BEARING, _KIND_OF_DAY, _GIVEN = int(Statistic.BEARING), int(Statistic.KIND), int(Statistic.GIVEN)


@kernel
def total(row: NDArray[np.float64], low: int, high: int) -> tuple[float, int]:
    """(sum, count) of the values in row[low:high] that are there."""
    result = 0.0
    count = 0
    for n in range(low, high):
        if not math.isnan(row[n]):
            result += row[n]
            count += 1
    return result, count


@kernel
def extreme(row: NDArray[np.float64], low: int, high: int, sign: float) -> int:
    """Index of the first largest (sign 1) or smallest (sign -1) value in row[low:high]; -1 where none is there."""
    best = -1
    for n in range(low, high):
        if not math.isnan(row[n]) and (best < 0 or sign * row[n] > sign * row[best]):
            best = n
    return best


@kernel
def kind_of_day(columns: NDArray[np.float64], low: int, high: int) -> float:
    """What fell: all three mixed; else ice if there is much; else the largest of rain, snow depth and ice; NaN dry."""
    rain, _ = total(columns[_LIQUID], low, high)
    snow, _ = total(columns[_SNOW], low, high)
    ice, _ = total(columns[_ICE], low, high)
    if not (rain > 0.0 or snow > 0.0 or ice > 0.0):
        return math.nan
    if rain > 0.0 and snow > 0.0 and ice > 0.0:
        return MIXED
    if ice > ICY_DAY or (ice > rain and ice > snow):
        pellets = 0.0
        for n in range(low, high):
            if columns[_KIND, n] == SLEET and columns[_ICE, n] > 0.0:
                pellets += columns[_ICE, n]
        return SLEET if 2.0 * pellets > ice else ICE
    return SNOW if snow > rain else RAIN


@kernel
def _statistics(
    columns: NDArray[np.float64],
    starts: NDArray[np.int64],
    windows: NDArray[np.int64],
    sources: NDArray[np.int64],
    statistics: NDArray[np.int64],
    window_of: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    for day in range(windows.shape[2]):
        for f in range(len(sources)):
            statistic = statistics[f]
            low, high = windows[window_of[f], 0, day], windows[window_of[f], 1, day]
            row = columns[sources[f]]
            out[f, day] = math.nan
            if statistic == _GIVEN:
                continue
            if statistic == _KIND_OF_DAY:
                out[f, day] = kind_of_day(columns, low, high)
            elif statistic == _BEARING:
                east, count = total(row, low, high)
                north, _ = total(columns[_NORTHWARD], low, high)
                if count:
                    out[f, day] = bearing(east / count, north / count)
            elif statistic in (_MEAN, _SUM):
                result, count = total(row, low, high)
                if count:
                    out[f, day] = result / count if statistic == _MEAN else result
            else:
                smallest = statistic in (_MINIMUM, _MINIMUM_TIME)
                best = extreme(row, low, high, -1.0 if smallest else 1.0)
                if best >= 0:
                    when = statistic in (_MINIMUM_TIME, _MAXIMUM_TIME)
                    out[f, day] = float(starts[best]) if when else row[best]


def summarise(columns: NDArray[np.float64], hours: DayHours, lat: float, lon: float) -> NDArray[np.float64]:
    """[daily field, day] in SI, rows as serving.fields.DAILY. columns: [column, hour] beginning with `hours`."""
    days = hours.windows.shape[2]
    out = np.empty((len(DAILY), days))
    _statistics(columns, hours.starts, hours.windows, _SOURCES, _STATISTICS, _WINDOWS, out)
    out[_ROW["time"]] = hours.midnights[:-1]
    events = sun_events(hours.midnights, lat, lon)
    for row, name in enumerate(("dawnTime", "sunriseTime", "sunsetTime", "duskTime")):
        out[_ROW[name]] = events[row]
    for day in range(days):
        out[_ROW["moonPhase"], day] = moon_phase(0.5 * (hours.midnights[day] + hours.midnights[day + 1]))
    return out
