"""Stores become columns: per quantity and slot the first store, in order of preference, that has a value.

Wind is filled as a vector from one store, a kind of precipitation only by the store that gave the amount.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving import series
from serving.derived import dew_point, kind_of_flags, relative_humidity
from serving.kernels import kernel
from serving.plan import Plan
from serving.quantities import INDEX, NAMES, Method
from serving.sun import STEP, daylight

_DAY = 86_400
_LIGHT_MARGIN = 2 * _DAY
NOBODY = -1


@dataclass(frozen=True)
class Slots:
    """Spans of time to be told, Unix seconds: starts, ends: [slot] int64, each starts[i] < ends[i]."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


@dataclass(frozen=True)
class Reading:
    """One store's series at the place. values: [variable, time] float32, NaN = missing."""

    plan: Plan
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Merged:
    """columns: [quantity, slot] float64, NaN = missing; who: [quantity, slot] index of the reading, -1 nobody."""

    columns: NDArray[np.float64]
    who: NDArray[np.int8]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self.columns[INDEX[name]]
        return column


_LINEAR, _NEAREST, _SHARE = int(Method.LINEAR), int(Method.NEAREST), int(Method.SHARE)
_HOLD_MEAN, _HOLD_MINIMUM, _HOLD_MAXIMUM = int(Method.HOLD_MEAN), int(Method.HOLD_MINIMUM), int(Method.HOLD_MAXIMUM)
_SOLAR, _VECTOR, _KIND = int(Method.SOLAR), int(Method.VECTOR), int(Method.PRECIPITATION_KIND)
_HUMIDITY, _DEW_POINT = int(Method.HUMIDITY_FROM_DEW_POINT), int(Method.DEW_POINT_FROM_HUMIDITY)
_AMOUNT, _RATE, _KIND_COLUMN = INDEX["amount"], INDEX["rate"], INDEX["kind"]


@kernel
def _fill(
    reading: int,
    values: NDArray[np.float32],
    valid: NDArray[np.int64],
    intervals: NDArray[np.int64],
    rows: NDArray[np.int64],
    methods: NDArray[np.int64],
    factors: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    sums: NDArray[np.float64],
    first: int,
    columns: NDArray[np.float64],
    who: NDArray[np.int8],
) -> int:
    """Fill what is still missing from one reading; how many numbers it gave."""
    slots = len(starts)
    left = np.empty(slots, dtype=np.int64)
    parts = np.empty(slots)
    for n in range(slots):
        left[n] = series.place_in(valid, starts[n])
        parts[n] = series.part_of_step(valid, left[n], starts[n])
    given = 0
    for q in range(len(methods)):
        method = methods[q]
        if method == 0 or method == _KIND:
            continue
        a = rows[q, 0]
        b = rows[q, 1]
        row = values[a]
        span = intervals[a]
        factor = factors[q]
        for n in range(slots):
            if not math.isnan(columns[q, n]):
                continue
            start, end, i, part = starts[n], ends[n], left[n], parts[n]
            if method == _LINEAR:
                value = series.linear(row, valid, i, start, part)
            elif method == _SHARE:
                value = series.share(row, valid, span, i, start, end)
            elif method == _SOLAR:
                value = series.solar(row, valid, span, i, start, end, sums, first)
            elif method == _VECTOR:
                value = series.linear(row, valid, i, start, part)
                other = series.linear(values[b], valid, i, start, part)
                if math.isnan(other):
                    value = math.nan
                elif not math.isnan(value):
                    columns[q + 1, n] = other
                    who[q + 1, n] = reading
            elif method == _HUMIDITY:
                value = relative_humidity(
                    series.linear(row, valid, i, start, part), series.linear(values[b], valid, i, start, part)
                )
            elif method == _DEW_POINT:
                value = dew_point(
                    series.linear(row, valid, i, start, part), 0.01 * series.linear(values[b], valid, i, start, part)
                )
            elif method == _HOLD_MAXIMUM:
                value = series.hold(row, valid, span, i, start, end, series.MAXIMUM)
            elif method == _HOLD_MINIMUM:
                value = series.hold(row, valid, span, i, start, end, series.MINIMUM)
            elif method == _HOLD_MEAN:
                value = series.hold(row, valid, span, i, start, end, series.MEAN)
            else:
                value = series.nearest(row, valid, i, start)
            if not math.isnan(value):
                columns[q, n] = value * factor
                who[q, n] = reading
                given += 1
    return given


@kernel
def _fill_kind(
    reading: int,
    values: NDArray[np.float32],
    valid: NDArray[np.int64],
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    columns: NDArray[np.float64],
    who: NDArray[np.int8],
) -> None:
    """The kind of precipitation where this reading gave the amount (or, without any amount, the rate).

    The lead closest to the slot's middle speaks, the later one where both are as close, because amounts belong to
    the lead that ends their interval; where it says "none" the other one is heard.
    """
    for n in range(len(starts)):
        told = who[_AMOUNT, n] if who[_AMOUNT, n] >= 0 else who[_RATE, n]
        if told != reading:
            continue
        middle = (starts[n] + ends[n]) // 2
        i = series.place_in(valid, middle)
        if i < 0 or (i == len(valid) - 1 and valid[i] != middle):
            continue
        j = i if valid[i] == middle else i + 1
        if j > i and valid[j] - valid[i] > series.MAX_GAP:
            continue
        if middle - valid[i] < valid[j] - middle:
            i, j = j, i
        kind = kind_of_flags(values, rows, j)
        if not kind > 0.0:
            other = kind_of_flags(values, rows, i)
            if other > 0.0 or math.isnan(kind):
                kind = other
        if not math.isnan(kind):
            columns[_KIND_COLUMN, n] = kind
            who[_KIND_COLUMN, n] = reading


def merge(readings: Sequence[Reading], slots: Slots, lat: float, lon: float) -> Merged:
    """Columns of every quantity over the slots; `readings` best first."""
    count = len(slots.starts)
    columns = np.full((len(NAMES), count), np.nan)
    who = np.full((len(NAMES), count), NOBODY, dtype=np.int8)
    first = int(slots.starts.min()) - _LIGHT_MARGIN
    steps = (int(slots.ends.max()) + _LIGHT_MARGIN - first) // STEP + 2
    sums = daylight(first, steps, lat, lon)
    for number, reading in enumerate(readings):
        plan = reading.plan
        _fill(
            number,
            reading.values,
            plan.valid,
            plan.intervals,
            plan.rows,
            plan.methods,
            plan.factors,
            slots.starts,
            slots.ends,
            sums,
            first,
            columns,
            who,
        )
    for number, reading in enumerate(readings):
        plan = reading.plan
        if plan.methods[_KIND_COLUMN]:
            rows = plan.rows[_KIND_COLUMN]
            _fill_kind(number, reading.values, plan.valid, rows, slots.starts, slots.ends, columns, who)
    return Merged(columns, who)
