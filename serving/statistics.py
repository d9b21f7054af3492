"""What many hours say together: sums, means, extremes and when, the mean wind, what fell.

Hours that have no value are passed over. A sum tells only where every hour of the window is known, any other statistic
where three of four are: half a day's rain is not the day's, and its warmest known hour may be the night's.

Shapes: columns [column, slot], rows of serving.fields.COLUMNS; low, high: slots low..high.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from serving.day_fields import DayField, Statistic
from serving.derived import ICE, MIXED, RAIN, SLEET, SNOW, bearing
from serving.fields import COLUMN
from storage.kernels import kernel

KNOWN = 0.75
"""The share of a window's hours that has to be known."""
# So much ice (mm of water) names the day, whatever else fell.
ICY_DAY = 10.0

_EASTWARD, _NORTHWARD = COLUMN["eastward_wind"], COLUMN["northward_wind"]
_LIQUID, _SNOW, _ICE, _KIND = (COLUMN[name] for name in ("liquid_amount", "snow_amount", "ice_amount", "kind"))
_MEAN, _SUM, _MAXIMUM_TIME = int(Statistic.MEAN), int(Statistic.SUM), int(Statistic.MAXIMUM_TIME)
_MINIMUM, _MINIMUM_TIME = int(Statistic.MINIMUM), int(Statistic.MINIMUM_TIME)
_BEARING, _KIND_OF_DAY, _GIVEN = int(Statistic.BEARING), int(Statistic.KIND), int(Statistic.GIVEN)
_HIGH_OR_LOW = int(Statistic.HIGH_OR_LOW)


@dataclass(frozen=True)
class Table:
    """Fields as the kernel wants them: per field the row of its column, its statistic, its window."""

    sources: NDArray[np.int64]
    statistics: NDArray[np.int64]
    windows: NDArray[np.int64]


def make_table(fields: Sequence[DayField]) -> Table:
    """The table of some fields; raises ValueError where a time does not stand behind the extreme that it is of."""
    for before, field in pairwise((None, *fields)):
        if field is not None and field.statistic in (Statistic.MINIMUM_TIME, Statistic.MAXIMUM_TIME):
            of = (field.column, field.statistic - 1, field.window)
            if before is None or of != (before.column, before.statistic, before.window):
                raise ValueError(f"{field.name} does not stand behind what it is the time of")
    return Table(
        np.array([COLUMN[field.column] for field in fields], dtype=np.int64),
        np.array([field.statistic for field in fields], dtype=np.int64),
        np.array([field.window for field in fields], dtype=np.int64),
    )


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
def fill_fallen(
    columns: NDArray[np.float64],
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    low: int,
    high: int,
    now: int,
    point: NDArray[np.float64],
) -> None:
    """Put the sums of some rows over slots low..high into point [column, 1]; NaN unless all are there.

    The last slot counts as far as it is over when slot `now` starts.
    """
    last = high - 1
    part = (starts[now] - starts[last]) / (ends[last] - starts[last])
    for row in rows:
        result = 0.0
        for n in range(low, last):
            result += columns[row, n]
        point[row, 0] = result + columns[row, last] * part


@kernel
def extreme(row: NDArray[np.float64], low: int, high: int, sign: float) -> tuple[int, int]:
    """(index, count): where the first largest (sign 1) or smallest (sign -1) value in row[low:high] is, -1 where none
    is there; how many are."""
    best = -1
    count = 0
    for n in range(low, high):
        if not math.isnan(row[n]):
            count += 1
            if best < 0 or sign * row[n] > sign * row[best]:
                best = n
    return best, count


@kernel
def is_known(count: int, low: int, high: int) -> bool:
    """Whether so many of the slots low..high are enough to tell."""
    return count > 0 and count >= KNOWN * (high - low)


@kernel
def kind_of_span(columns: NDArray[np.float64], low: int, high: int) -> float:
    """What fell: all three mixed; else ice if there is much; else the largest of rain, snow depth and ice; NaN dry."""
    rain, count = total(columns[_LIQUID], low, high)
    snow, _ = total(columns[_SNOW], low, high)
    ice, _ = total(columns[_ICE], low, high)
    if not is_known(count, low, high) or not (rain > 0.0 or snow > 0.0 or ice > 0.0):
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
def mean(
    row: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64], low: int, high: int
) -> tuple[float, int]:
    """(mean, count) of the values in row[low:high] that are there, each as long as it holds; NaN of none."""
    result = 0.0
    seconds = 0
    count = 0
    for n in range(low, high):
        if not math.isnan(row[n]):
            length = ends[n] - starts[n]
            result += row[n] * length
            seconds += length
            count += 1
    return result / seconds, count


@kernel
def _mean_bearing(
    columns: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64], low: int, high: int
) -> float:
    """Where the mean wind comes from."""
    east, count = mean(columns[_EASTWARD], starts, ends, low, high)
    north, _ = mean(columns[_NORTHWARD], starts, ends, low, high)
    return bearing(east, north) if is_known(count, low, high) else math.nan


@kernel
def _fill(
    columns: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    windows: NDArray[np.int64],
    sources: NDArray[np.int64],
    statistics: NDArray[np.int64],
    window_of: NDArray[np.int64],
    fields: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    extremes = np.full(windows.shape[2], -1)
    for f in fields:
        source, statistic, window = sources[f], statistics[f], window_of[f]
        if statistic in (_MINIMUM_TIME, _MAXIMUM_TIME):
            # It stands behind the extreme whose time it is.
            for span in range(windows.shape[2]):
                out[f, span] = float(starts[extremes[span]]) if extremes[span] >= 0 else math.nan
            continue
        for span in range(windows.shape[2]):
            low, high = windows[window, 0, span], windows[window, 1, span]
            told = math.nan
            if statistic == _SUM:
                result, count = total(columns[source], low, high)
                told = result if count == high - low and count > 0 else math.nan
            elif statistic == _MEAN:
                result, count = mean(columns[source], starts, ends, low, high)
                told = result if is_known(count, low, high) else math.nan
            elif statistic == _BEARING:
                told = _mean_bearing(columns, starts, ends, low, high)
            elif statistic == _KIND_OF_DAY:
                told = kind_of_span(columns, low, high)
            elif statistic != _GIVEN:
                night = statistic == _HIGH_OR_LOW and span % 2 == 1
                smallest = night or statistic == _MINIMUM
                best, count = extreme(columns[source], low, high, -1.0 if smallest else 1.0)
                extremes[span] = best if is_known(count, low, high) else -1
                if extremes[span] >= 0:
                    told = columns[source, best]
            out[f, span] = told


def fill_statistics(
    columns: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    windows: NDArray[np.int64],
    table: Table,
    fields: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Fill out[field, span] of some fields in SI; NaN where too little is known and of what is GIVEN.

    starts, ends: [slot] Unix seconds; windows: [window, 2, span] index ranges; fields: rows of the table, rising, an
    extreme with its time. Of HIGH_OR_LOW every other span is a night.
    """
    _fill(columns, starts, ends, windows, table.sources, table.statistics, table.windows, fields, out)
