"""What the rows of a reading tell of slots: a method is chosen once for all of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving import series
from serving.derived import dew_point, relative_humidity
from serving.quantities import Method
from serving.radiation import solar_of_moments
from storage.kernels import kernel

FOREVER = 2**62
_LINEAR, _NEAREST, _SHARE = int(Method.LINEAR), int(Method.NEAREST), int(Method.SHARE)
_HOLD_MEAN, _HOLD_MINIMUM, _HOLD_MAXIMUM = int(Method.HOLD_MEAN), int(Method.HOLD_MINIMUM), int(Method.HOLD_MAXIMUM)
_SOLAR, _SOLAR_INSTANT = int(Method.SOLAR), int(Method.SOLAR_INSTANT)
_HUMIDITY, _DEW_POINT = int(Method.HUMIDITY_FROM_DEW_POINT), int(Method.DEW_POINT_FROM_HUMIDITY)


class Rows(NamedTuple):
    """A reading: values [variable, time] float32, NaN = missing; valid [time], intervals [variable, time] s."""

    values: NDArray[np.float32]
    valid: NDArray[np.int64]
    intervals: NDArray[np.int64]


class Spans(NamedTuple):
    """Slots and where they lie among the leads of a reading: starts, ends [slot] s.

    instants: [slot] the moment that is told of each, s; left: [slot] `series.place_in` of it; parts: [slot] how far it
    lies between that lead and the next, 0..1, 0 outside of all leads, NaN where nothing is told of an instant.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    instants: NDArray[np.int64]
    left: NDArray[np.int64]
    parts: NDArray[np.float64]


class Light(NamedTuple):
    """serving.sun.daylight from `first` on."""

    sums: NDArray[np.float64]
    first: int


@kernel
def place_slots(
    valid: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64], held: int, across: bool
) -> Spans:
    """The slots among the leads.

    Between leads more than MAX_GAP apart nothing is told but `across`. held: the nearest lead speaks for the slot, if
    it is not further away.
    """
    slots = len(starts)
    instants = starts.copy()
    left = np.empty(slots, dtype=np.int64)
    parts = np.empty(slots)
    last = len(valid) - 1
    i, low, high = -1, 0, 0
    for n in range(slots):
        start = starts[n]
        if not (low <= start and start < high):
            # Most slots begin a little later than the one before them.
            next_one = 0 <= i < last - 1 and high <= start and start < valid[i + 2]
            i = i + 1 if next_one else series.place_in(valid, start)
            low = valid[i] if i >= 0 else -FOREVER
            high = valid[i + 1] if i < last else FOREVER
        left[n] = i
        parts[n] = (start - low) / (high - low) if 0 <= i < last else 0.0
        if held > 0:
            j = i
            if i < 0 or (i + 1 < len(valid) and valid[i + 1] - start < start - valid[i]):
                j += 1
            left[n] = j
            instants[n] = valid[j]
            parts[n] = 0.0 if abs(valid[j] - start) <= held else math.nan
        elif not across and parts[n] > 0.0 and valid[i + 1] - valid[i] > series.MAX_GAP:
            parts[n] = math.nan
    return Spans(starts, ends, instants, left, parts)


@kernel
def is_of_instant(method: int) -> bool:
    """Whether a method tells of a slot's instant, and not of all of the slot."""
    return method not in (_SHARE, _SOLAR, _HOLD_MEAN, _HOLD_MINIMUM, _HOLD_MAXIMUM)


@kernel
def tell(
    method: int,
    rows: Rows,
    a: int,
    b: int,
    spans: Spans,
    light: Light,
    wanted: NDArray[np.int64],
    told: NDArray[np.float64],
    other: NDArray[np.float64],
) -> None:
    """Put what rows a and b tell of the slots `wanted` into `told`, of a vector its second component into `other`, both
    in the order of `wanted`; NaN where they tell nothing."""
    row, span, valid = rows.values[a], rows.intervals[a], rows.valid
    starts, ends, instants, left, parts = spans
    if method == _LINEAR:
        _tell_on_line(row, valid, spans, wanted, told)
    elif method == _SHARE:
        for k in range(len(wanted)):
            n = wanted[k]
            told[k] = series.share(row, valid, span, left[n], starts[n], ends[n])
    elif method == _SOLAR:
        series.solar(row, valid, span, left, starts, ends, wanted, light.sums, light.first, told)
    elif not is_of_instant(method):
        statistic = series.MEAN
        if method != _HOLD_MEAN:
            statistic = series.MAXIMUM if method == _HOLD_MAXIMUM else series.MINIMUM
        for k in range(len(wanted)):
            n = wanted[k]
            told[k] = series.hold(row, valid, span, left[n], starts[n], ends[n], statistic)
    elif method == _SOLAR_INSTANT:
        for k in range(len(wanted)):
            n = wanted[k]
            told[k] = math.nan
            if not math.isnan(parts[n]):
                told[k] = solar_of_moments(row, valid, left[n], starts[n], ends[n], light.sums, light.first)
    elif method == _NEAREST:
        for k in range(len(wanted)):
            n = wanted[k]
            told[k] = math.nan if math.isnan(parts[n]) else series.nearest(row, valid, left[n], instants[n])
    else:
        _tell_on_line(row, valid, spans, wanted, told)
        _tell_on_line(rows.values[b], valid, spans, wanted, other)
        for k in range(len(wanted)):
            if method == _HUMIDITY:
                told[k] = relative_humidity(told[k], other[k])
            elif method == _DEW_POINT:
                told[k] = dew_point(told[k], 0.01 * other[k])
            elif math.isnan(other[k]):
                told[k] = math.nan


@kernel
def _tell_on_line(
    row: NDArray[np.float32],
    valid: NDArray[np.int64],
    spans: Spans,
    wanted: NDArray[np.int64],
    told: NDArray[np.float64],
) -> None:
    instants, left, parts = spans.instants, spans.left, spans.parts
    last = len(row) - 1
    for k in range(len(wanted)):
        n = wanted[k]
        i, part = left[n], parts[n]
        value = math.nan
        if 0 <= i < last:
            value = float(row[i]) * (1.0 - part) + float(row[i + 1]) * part
        if math.isnan(value) and not math.isnan(part):
            value = series.linear(row, valid, i, instants[n], part)
        told[k] = value
