"""The merge's loops: one reading fills the slots that are still missing; what is missing is counted.

Shapes: values [variable, time] float32; valid [time], intervals [variable, time] s; rows [quantity, 5]; methods,
factors [quantity]; starts, ends [slot] s; columns [quantity, slot] float64, NaN = missing; who [quantity, slot].
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving import series
from serving.derived import dew_point, kind_of_flags, relative_humidity
from serving.kernels import kernel
from serving.quantities import INDEX, Method

_LINEAR, _NEAREST, _SHARE = int(Method.LINEAR), int(Method.NEAREST), int(Method.SHARE)
_HOLD_MEAN, _HOLD_MINIMUM, _HOLD_MAXIMUM = int(Method.HOLD_MEAN), int(Method.HOLD_MINIMUM), int(Method.HOLD_MAXIMUM)
_SOLAR, _VECTOR, _KIND = int(Method.SOLAR), int(Method.VECTOR), int(Method.PRECIPITATION_KIND)
_HUMIDITY, _DEW_POINT = int(Method.HUMIDITY_FROM_DEW_POINT), int(Method.DEW_POINT_FROM_HUMIDITY)
_AMOUNT, _RATE, KIND_COLUMN = INDEX["amount"], INDEX["rate"], INDEX["kind"]


@kernel
def fill(
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
    across: bool,
    since: int,
    columns: NDArray[np.float64],
    who: NDArray[np.int8],
) -> tuple[int, int, int]:
    """Fill what is still missing from one reading.

    across: tell instants between leads more than MAX_GAP apart, too. Returns how many numbers it gave, how many of
    them to slots from `since` on, and how many it did not give though it has the variable and the slot lies within
    its leads.
    """
    slots = len(starts)
    left = np.empty(slots, dtype=np.int64)
    parts = np.empty(slots)
    for n in range(slots):
        i = series.place_in(valid, starts[n])
        left[n] = i
        parts[n] = series.part_of_step(valid, i, starts[n])
        if not across and parts[n] > 0.0 and valid[i + 1] - valid[i] > series.MAX_GAP:
            parts[n] = math.nan
    given = 0
    lately = 0
    missing = 0
    begin = valid[0]
    until = valid[len(valid) - 1]
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
            if math.isnan(part) and not _SHARE <= method <= _SOLAR:
                missing += 1
                continue
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
                if start >= since:
                    lately += 1
            elif start >= begin and end <= until:
                missing += 1
    return given, lately, missing


@kernel
def fill_kind(
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
            columns[KIND_COLUMN, n] = kind
            who[KIND_COLUMN, n] = reading


@kernel
def count_missing(
    methods: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    columns: NDArray[np.float64],
    first: int,
    last: int,
    until: int,
    most: int,
) -> int:
    """How many numbers of these quantities are missing in slots that start from `first` to `last` and end by `until`.

    Counted up to `most`.
    """
    count = 0
    for q in range(len(methods)):
        if methods[q] == 0 or methods[q] == _KIND:
            continue
        for n in range(len(starts)):
            if math.isnan(columns[q, n]) and first <= starts[n] <= last and ends[n] <= until:
                count += 1
                if count == most:
                    return count
    return count
