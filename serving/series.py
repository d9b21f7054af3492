"""One variable of one store, asked about slots of time. Native steps in, one number per slot out.

A slot is [start, end) in Unix seconds: an hour of the answer, or the minute that is now. What is true at an instant
(LINEAR, NEAREST) is told for the slot's start or middle; what belongs to an interval (SHARE, HOLD, SOLAR) is told for
the slot itself, so rain of 3 h spread over three slots adds up to the 3 h. Nothing is told before the first or after
the last valid time. Where leads are missing nothing is interpolated across more than MAX_GAP.

Shapes: row [time] float32, NaN = missing; valid [time] and intervals [time] int64 seconds, increasing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.sun import STEP
from storage.kernels import kernel

MAX_GAP = 6 * 3600
MEAN, MINIMUM, MAXIMUM = 0, 1, 2
_NEVER = -(2**62)


@kernel
def place_in(valid: NDArray[np.int64], instant: int) -> int:
    """The last index whose valid time is not after `instant`; -1 before the first."""
    low, high = 0, len(valid)
    while low < high:
        middle = (low + high) // 2
        if valid[middle] <= instant:
            low = middle + 1
        else:
            high = middle
    return low - 1


@kernel
def bracket(row: NDArray[np.float32], valid: NDArray[np.int64], left: int, instant: int) -> tuple[int, int]:
    """The nearest leads with a value at or before and at or after `instant`; (-1, -1) where the gap is too wide.

    left: place_in(valid, instant).
    """
    i = left
    if i < 0:
        return -1, -1
    if valid[i] == instant and not math.isnan(row[i]):
        return i, i
    j = left + 1
    while i >= 0 and math.isnan(row[i]):
        i -= 1
    while j < len(row) and math.isnan(row[j]):
        j += 1
    if i < 0 or j >= len(row) or (j > i + 1 and valid[j] - valid[i] > MAX_GAP):
        return -1, -1
    return i, j


@kernel
def linear(row: NDArray[np.float32], valid: NDArray[np.int64], left: int, instant: int, part: float) -> float:
    """The value at an instant on the straight line between its neighbours.

    part: how far it lies between lead `left` and the next, 0..1.
    """
    if 0 <= left < len(row) - 1:
        value = float(row[left]) * (1.0 - part) + float(row[left + 1]) * part
        if not math.isnan(value):
            return value
    i, j = bracket(row, valid, left, instant)
    if i < 0:
        return math.nan
    if i == j:
        return float(row[i])
    share = (instant - valid[i]) / (valid[j] - valid[i])
    return float(row[i]) * (1.0 - share) + float(row[j]) * share


@kernel
def nearest(row: NDArray[np.float32], valid: NDArray[np.int64], left: int, instant: int) -> float:
    """The value of the closer neighbour, of the later one where both are as close."""
    i, j = bracket(row, valid, left, instant)
    if i < 0:
        return math.nan
    return float(row[i]) if instant - valid[i] < valid[j] - instant else float(row[j])


@kernel
def share(
    row: NDArray[np.float32],
    valid: NDArray[np.int64],
    intervals: NDArray[np.int64],
    left: int,
    start: int,
    end: int,
) -> float:
    """The part of the intervals' amounts that falls into [start, end); NaN unless they cover all of it.

    left: place_in(valid, start).
    """
    total = 0.0
    covered = 0
    for i in range(left + 1, len(row)):
        length = intervals[i]
        begin = valid[i] - length
        if length > 0 and not math.isnan(row[i]):
            overlap = min(end, valid[i]) - max(start, begin)
            if overlap > 0:
                total += float(row[i]) * overlap / length
                covered += overlap
        if covered >= end - start or valid[i] - MAX_GAP * 4 > end:
            break
    return total if covered == end - start else math.nan


@kernel
def hold(
    row: NDArray[np.float32],
    valid: NDArray[np.int64],
    intervals: NDArray[np.int64],
    left: int,
    start: int,
    end: int,
    statistic: int,
) -> float:
    """The interval's value repeated; a slot over several intervals takes their maximum, minimum or mean."""
    result = 0.0
    covered = 0
    for i in range(left + 1, len(row)):
        length = intervals[i]
        if length > 0 and not math.isnan(row[i]):
            overlap = min(end, valid[i]) - max(start, valid[i] - length)
            if overlap > 0:
                value = float(row[i])
                if statistic == MEAN:
                    result += value * overlap
                elif covered == 0 or (value > result) == (statistic == MAXIMUM):
                    result = value
                covered += overlap
        if covered >= end - start or valid[i] - MAX_GAP * 4 > end:
            break
    if covered != end - start:
        return math.nan
    return result / covered if statistic == MEAN else result


@kernel
def light_between(sums: NDArray[np.float64], first: int, start: int, end: int) -> float:
    """The integral of the daylight weight over [start, end); sums: serving.sun.daylight from `first` on."""
    return _light_until(sums, first, end) - _light_until(sums, first, start)


@kernel
def _light_until(sums: NDArray[np.float64], first: int, instant: int) -> float:
    """The integral up to an instant, on a cubic between its neighbours that rises wherever they do (Fritsch and
    Carlson, 1980, slopes by harmonic means): a minute has the light of its own, and not that of its quarter hour."""
    position = (instant - first) / STEP
    i = min(max(int(position), 0), len(sums) - 2)
    u = position - i
    rise = sums[i + 1] - sums[i]
    if u <= 0.0 or u >= 1.0:
        return sums[i] + rise * u
    before = sums[i] - sums[i - 1] if i > 0 else rise
    after = sums[i + 2] - sums[i + 1] if i + 2 < len(sums) else rise
    low = 2.0 * before * rise / (before + rise)
    high = 2.0 * after * rise / (after + rise)
    return sums[i] + u * (low + u * (3.0 * rise - 2.0 * low - high + u * (low + high - 2.0 * rise)))


@kernel
def solar(
    row: NDArray[np.float32],
    valid: NDArray[np.int64],
    intervals: NDArray[np.int64],
    left: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    wanted: NDArray[np.int64],
    sums: NDArray[np.float64],
    first: int,
    told: NDArray[np.float64],
) -> None:
    """The mean flux over each slot of `wanted`, in that order: an interval's energy is spread over it as daylight is.

    Over a minute this is the flux at that moment; over all slots of an interval the mean is the interval's own. left,
    starts, ends: [slot]; told: [wanted], NaN unless the intervals cover all of a slot.
    """
    inner = -1
    dawn = dusk = light_until = 0.0
    until = _NEVER
    for k in range(len(wanted)):
        n = wanted[k]
        start, end = starts[n], ends[n]
        # Most slots begin where the one before them ends, within the same interval.
        light_from = light_until if start == until else _light_until(sums, first, start)
        until, light_until = end, _light_until(sums, first, end)
        energy = 0.0
        covered = 0
        for i in range(left[n] + 1, len(row)):
            length = intervals[i]
            begin = valid[i] - length
            if length > 0 and not math.isnan(row[i]):
                low, high = max(start, begin), min(end, valid[i])
                if high > low:
                    if i != inner:
                        inner = i
                        dawn, dusk = _light_until(sums, first, begin), _light_until(sums, first, valid[i])
                    light = (light_until if high == end else dusk) - (light_from if low == start else dawn)
                    energy += float(row[i]) * length * light / (dusk - dawn)
                    covered += high - low
            if covered >= end - start or valid[i] - MAX_GAP * 4 > end:
                break
        told[k] = energy / covered if covered == end - start else math.nan
