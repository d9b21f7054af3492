"""The icon of a day, of half a day, of the hours and minutes to come: of many slots one word.

As of a moment (serving.icons), but what falls has to add up, and wind or a poor view has to last.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.derived import MIXED, NONE
from serving.fields import COLUMN
from serving.icons import (
    BREEZY,
    LEVELS,
    LIKELY,
    SHOWS,
    THUNDER,
    THUNDERSTORM,
    cloud_level,
    fall_icon,
    maybe_icon,
    sky_icon,
    view_icon,
    wind_icon,
)
from serving.statistics import extreme, is_known, kind_of_span, total
from storage.kernels import kernel

# So much in a day shows: mm of water, mm of snow as it lies.
SHOWS_BY_DAY, SHOWS_AS_SNOW = 1.0, 5.0
# So many hours of wind or of a poor view tell of a part of the day.
TELLING_HOURS = 3

_INTENSITY, _SNOW_INTENSITY, _KIND = COLUMN["intensity"], COLUMN["snow_intensity"], COLUMN["kind"]
_LIQUID, _SNOW, _ICE = COLUMN["liquid_amount"], COLUMN["snow_amount"], COLUMN["ice_amount"]
_SPEED, _CLOUD, _CAPE = COLUMN["wind_speed"], COLUMN["cloud_cover"], COLUMN["cape"]
_PROBABILITY = COLUMN["probability"]


@kernel
def _largest(columns: NDArray[np.float64], row: int, low: int, high: int) -> float:
    """The largest value that is there, NaN where none is."""
    best = math.nan
    for n in range(low, high):
        told = columns[row, n]
        if not best >= told:
            best = told if not math.isnan(told) else best
    return best


@kernel
def _thunders(columns: NDArray[np.float64], low: int, high: int) -> bool:
    hours = 0
    for n in range(low, high):
        hours += columns[_CAPE, n] >= THUNDER and columns[_INTENSITY, n] >= SHOWS
    return hours > 0


@kernel
def _falling_icon(columns: NDArray[np.float64], low: int, high: int, night: bool, pirate: bool) -> float:
    """What shows of the precipitation, or what may fall where that is told; NaN where nothing is to be told."""
    rain, _ = total(columns[_LIQUID], low, high)
    snow, _ = total(columns[_SNOW], low, high)
    ice, _ = total(columns[_ICE], low, high)
    kind = kind_of_span(columns, low, high)
    if math.isnan(kind):
        return math.nan
    shows = rain >= SHOWS_BY_DAY or snow >= SHOWS_AS_SNOW or ice >= SHOWS_BY_DAY
    if shows and not _largest(columns, _PROBABILITY, low, high) < LIKELY:
        if _thunders(columns, low, high):
            return THUNDERSTORM
        most = _largest(columns, _INTENSITY, low, high)
        return fall_icon(kind, most, _largest(columns, _SNOW_INTENSITY, low, high), pirate)
    return maybe_icon(kind, night) if pirate else math.nan


@kernel
def _lasting_icon(columns: NDArray[np.float64], parts: NDArray[np.int64], pirate: bool) -> float:
    """A poor view, else wind, that lasts for TELLING_HOURS of a part of the day; NaN where neither does."""
    view = math.nan
    speed = math.nan
    for part in range(len(parts) - 1):
        dim = 0
        windy = 0
        poorest = math.nan
        for n in range(parts[part], parts[part + 1]):
            told = view_icon(columns, n, pirate)
            if not math.isnan(told) and columns[_INTENSITY, n] < SHOWS:
                dim += 1
                if not poorest <= told:
                    poorest = told
            if columns[_SPEED, n] >= BREEZY:
                windy += 1
        if dim >= TELLING_HOURS and not view <= poorest:
            view = poorest
        if windy >= TELLING_HOURS:
            fastest = _largest(columns, _SPEED, parts[part], parts[part + 1])
            if not speed >= fastest:
                speed = fastest
    return view if not math.isnan(view) else wind_icon(speed, pirate)


@kernel
def _level_of_parts(columns: NDArray[np.float64], parts: NDArray[np.int64]) -> int:
    """The level of cloud that most parts of a span have, the cloudiest of those; -1 where too little is known."""
    counts = np.zeros(len(LEVELS) + 1, dtype=np.int64)
    hours = 0
    for part in range(len(parts) - 1):
        cover, count = total(columns[_CLOUD], parts[part], parts[part + 1])
        if count:
            hours += count
            counts[cloud_level(cover / count)] += 1
    if not is_known(hours, parts[0], parts[len(parts) - 1]):
        return -1
    best = 0
    for level in range(len(counts)):
        if counts[level] >= counts[best]:
            best = level
    return best


@kernel
def span_icon(
    columns: NDArray[np.float64], low: int, high: int, parts: NDArray[np.int64], night: bool, pirate: bool
) -> float:
    """The icon of slots low..high, NaN where too little is known. parts: where parts of the day begin, and the last
    one's end: what is told of wind, view and sky is told of these."""
    told = _falling_icon(columns, low, high, night, pirate)
    if not math.isnan(told):
        return told
    _, count = extreme(columns[_INTENSITY], low, high, 1.0)
    if not is_known(count, low, high):
        return math.nan
    told = _lasting_icon(columns, parts, pirate)
    if math.isnan(told):
        level = _level_of_parts(columns, parts)
        told = sky_icon(level, night, pirate) if level >= 0 else math.nan
    return told


@kernel
def fill_span_icons(
    columns: NDArray[np.float64],
    windows: NDArray[np.int64],
    parts: NDArray[np.int64],
    each: int,
    halves: bool,
    pirate: bool,
    out: NDArray[np.float64],
) -> None:
    """The icons of spans into out[span]. windows: [window, 2, span] index ranges, of which the first counts; parts:
    where the parts of all spans begin, `each` of every one, and the last one's end; halves: every other is a night."""
    for span in range(len(out)):
        low, high = windows[0, 0, span], windows[0, 1, span]
        within = parts[each * span : each * (span + 1) + 1]
        out[span] = span_icon(columns, low, high, within, halves and span % 2 == 1, pirate)


@kernel
def minutes_icon(columns: NDArray[np.float64], first: int, count: int, now: float, pirate: bool) -> float:
    """The icon of the minutes first..first + count: of what falls in most of them, mixed where that is more than two
    kinds of it, a thunderstorm where one is about; else that of now."""
    minutes = np.zeros(MIXED + 1, dtype=np.int64)
    most = 0.0
    snow = 0.0
    for n in range(first, first + count):
        if columns[_INTENSITY, n] >= SHOWS and not columns[_PROBABILITY, n] < LIKELY:
            minutes[NONE if math.isnan(columns[_KIND, n]) else int(columns[_KIND, n])] += 1
            most = max(most, columns[_INTENSITY, n])
            snow = max(snow, columns[_SNOW_INTENSITY, n])
    if not minutes.any():
        return now
    if columns[_CAPE, first] >= THUNDER:
        return THUNDERSTORM
    kinds = 0
    best = NONE
    for kind in range(len(minutes)):
        kinds += minutes[kind] > 0
        if minutes[kind] > minutes[best]:
            best = kind
    return fall_icon(float(MIXED if kinds > 2 else best), most, snow, pirate)


@kernel
def days_icon(icons: NDArray[np.float64], kinds: NDArray[np.float64], pirate: bool) -> float:
    """The icon of days that have these: of what falls on any of them, else the most frequent, the first of equals."""
    most = first = math.nan
    mixed = False
    for day in range(len(icons)):
        if icons[day] == THUNDERSTORM:
            return THUNDERSTORM
        if icons[day] < THUNDERSTORM:
            if math.isnan(most):
                most, first = icons[day], kinds[day]
            most = max(most, icons[day])
            mixed |= kinds[day] != first and not (math.isnan(kinds[day]) and math.isnan(first))
    if not math.isnan(most):
        return fall_icon(float(MIXED), 0.0, 0.0, pirate) if mixed else most
    often = 0
    for day in range(len(icons)):
        count = 0
        for other in range(len(icons)):
            count += icons[other] == icons[day]
        if count > often:
            most, often = icons[day], count
    return most
