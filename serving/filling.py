"""The merge's loops: one reading fills the slots that are still missing; what is missing is counted.

Shapes: values [variable, time] float32; valid [time], intervals [variable, time] s; of a plan's steps quantities,
methods, factors, after [step], rows [step, 5]; within [step, 2] s, from when to when a step has values; starts, ends
[slot] s; when [slot] row of serving.preference.When; upto [quantity], how many slots, the first ones, want it; part
[when, quantity], what may be filled; columns [quantity, slot] float64, NaN = missing; left [quantity, when], how many
are; who [quantity, slot]; reach [quantity, 2] s, from when to when a reading has values.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving import series
from serving.quantities import INDEX, QUANTITIES, Method
from serving.tell import FOREVER, Light, Rows, is_of_instant, place_slots, tell
from storage.kernels import kernel

_LINEAR, _VECTOR = int(Method.LINEAR), int(Method.VECTOR)
_AMOUNT, _RATE = INDEX["amount"], INDEX["rate"]
# [quantity] the one in whose place it is used, itself where there is none.
_INSTEAD = np.array([INDEX[quantity.instead or quantity.name] for quantity in QUANTITIES])


@kernel
def measure_reach(
    values: NDArray[np.float32],
    valid: NDArray[np.int64],
    intervals: NDArray[np.int64],
    begins: NDArray[np.int64],
    quantities: NDArray[np.int64],
    methods: NDArray[np.int64],
    rows: NDArray[np.int64],
    within: NDArray[np.int64],
    reach: NDArray[np.int64],
) -> None:
    """Fill within, reach: from when to when the rows have values, an amount since its interval begins.

    begins: [variable] when the first interval of each begins, s. A step without any value lies within nothing; a
    quantity that has none at all, or was withheld, should reach as far as the leads.
    """
    reach[:, 0] = FOREVER
    reach[:, 1] = -FOREVER
    for s in range(len(quantities)):
        q, a = quantities[s], rows[s, 0]
        row = values[a]
        low, high = 0, len(row) - 1
        while low <= high and math.isnan(row[low]):
            low += 1
        while high > low and math.isnan(row[high]):
            high -= 1
        if low > high:
            within[s, 0] = FOREVER
            within[s, 1] = -FOREVER
            continue
        within[s, 0] = valid[low] if is_of_instant(methods[s]) else begins[a]
        within[s, 1] = valid[high]
        reach[q, 0] = min(reach[q, 0], valid[low] - intervals[a, low])
        reach[q, 1] = max(reach[q, 1], valid[high])
    for q in range(len(reach)):
        if reach[q, 0] > reach[q, 1]:
            reach[q, 0] = valid[0]
            reach[q, 1] = valid[-1]


@kernel
def fill(
    number: int,
    values: NDArray[np.float32],
    valid: NDArray[np.int64],
    intervals: NDArray[np.int64],
    begins: NDArray[np.int64],
    held: int,
    quantities: NDArray[np.int64],
    methods: NDArray[np.int64],
    rows: NDArray[np.int64],
    factors: NDArray[np.float64],
    after: NDArray[np.int64],
    should: NDArray[np.bool_],
    is_new: bool,
    counts: bool,
    bounds: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    when: NDArray[np.int8],
    upto: NDArray[np.int64],
    part: NDArray[np.bool_],
    sums: NDArray[np.float64],
    first: int,
    across: bool,
    since: int,
    columns: NDArray[np.float64],
    left: NDArray[np.int64],
    who: NDArray[np.int16],
) -> tuple[int, int, int, bool]:
    """Fill what is still missing, and may be filled, from one reading.

    is_new: its `bounds`, which are reach and within, are not measured yet. across: tell instants between leads more
    than MAX_GAP apart, too. Returns how many numbers it gave, how many of them to slots from `since` on, how many are
    missing still that it `should` have told, 0 unless it `counts` them, and whether any amount or rate of precipitation
    is its own.
    """
    reach, within = bounds[: len(should)], bounds[len(should) :]
    if is_new:
        measure_reach(values, valid, intervals, begins, quantities, methods, rows, within, reach)
    slots = len(starts)
    spans = place_slots(valid, starts, ends, held, across)
    instants = spans.instants
    reading, light = Rows(values, valid, intervals), Light(sums, first)
    wanted = np.empty(slots, dtype=np.int64)
    told = np.empty(slots)
    other = np.empty(slots)
    given = lately = 0
    for s in range(len(quantities)):
        q, method = quantities[s], methods[s]
        hours, minutes = part[0, q] and left[q, 0] > 0, part[1, q] and left[q, 1] > 0
        if not (hours or minutes):
            continue
        before, of_minutes, instead = given, 0, _INSTEAD[q]
        low, high = within[s, 0], within[s, 1]
        if method == _LINEAR:
            # As `tell` does, most of all that is told: without a list of what is wanted between two loops.
            row, factor, over = values[rows[s, 0]], factors[s], after[s]
            last = len(row) - 1
            for n in range(upto[q]):
                if not (math.isnan(columns[q, n]) and math.isnan(columns[instead, n])):
                    continue
                moment, i, share = instants[n], spans.left[n], spans.parts[n]
                if not (low <= moment and moment <= high and ends[n] > over):
                    continue
                if math.isnan(share) or not (minutes if when[n] else hours):
                    continue
                value = math.nan
                if 0 <= i < last:
                    value = float(row[i]) * (1.0 - share) + float(row[i + 1]) * share
                if math.isnan(value):
                    value = series.linear(row, valid, i, moment, share)
                if not math.isnan(value):
                    columns[q, n] = value * factor
                    who[q, n] = number
                    given += 1
                    of_minutes += when[n]
                    lately += starts[n] >= since
            left[q, 0] -= given - before - of_minutes
            left[q, 1] -= of_minutes
            continue
        instant = is_of_instant(method)
        count = 0
        for n in range(upto[q]):
            begin = instants[n] if instant else starts[n]
            end = begin if instant else ends[n]
            if (
                math.isnan(columns[q, n])
                and math.isnan(columns[instead, n])
                and low <= begin
                and end <= high
                and ends[n] > after[s]
            ):
                wanted[count] = n
                count += minutes if when[n] else hours
        if count == 0:
            continue
        tell(method, reading, rows[s, 0], rows[s, 1], spans, light, wanted[:count], told, other)
        for k in range(count):
            if math.isnan(told[k]):
                continue
            n = wanted[k]
            columns[q, n] = told[k] * factors[s]
            who[q, n] = number
            if method == _VECTOR:
                columns[q + 1, n] = other[k]
                who[q + 1, n] = number
            given += 1
            of_minutes += when[n]
            lately += starts[n] >= since
        for row in range(q, q + 2 if method == _VECTOR else q + 1):
            left[row, 0] -= given - before - of_minutes
            left[row, 1] -= of_minutes
    wet = False
    for n in range(slots):
        wet |= (who[_AMOUNT, n] == number) | (who[_RATE, n] == number)
    missing = 0
    if counts and not held:
        missing = count_missing(should, part, starts, ends, when, upto, columns, left, reach)
    return given, lately, missing, wet


@kernel
def is_missing(
    has: NDArray[np.bool_],
    part: NDArray[np.bool_],
    starts: NDArray[np.int64],
    when: NDArray[np.int8],
    upto: NDArray[np.int64],
    columns: NDArray[np.float64],
    left: NDArray[np.int64],
    first: int,
    last: int,
) -> bool:
    """Whether any of these quantities is missing, and may be filled, in a slot that starts from `first` to `last`."""
    for q in range(len(has)):
        if has[q] and ((part[0, q] and left[q, 0] > 0) or (part[1, q] and left[q, 1] > 0)):
            for n in range(upto[q]):
                if (
                    math.isnan(columns[q, n])
                    and math.isnan(columns[_INSTEAD[q], n])
                    and part[when[n], q]
                    and first <= starts[n] <= last
                ):
                    return True
    return False


@kernel
def count_missing(
    has: NDArray[np.bool_],
    part: NDArray[np.bool_],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    when: NDArray[np.int8],
    upto: NDArray[np.int64],
    columns: NDArray[np.float64],
    left: NDArray[np.int64],
    reach: NDArray[np.int64],
) -> int:
    """How many numbers of these quantities are missing, and may be filled, in slots within `reach`."""
    count = 0
    for q in range(len(has)):
        if has[q] and ((part[0, q] and left[q, 0] > 0) or (part[1, q] and left[q, 1] > 0)):
            hours, minutes, low, high = part[0, q], part[1, q], reach[q, 0], reach[q, 1]
            row, instead = columns[q], columns[_INSTEAD[q]]
            # Without a branch, so that several slots are looked at at once.
            for n in range(upto[q]):
                may = minutes if when[n] else hours
                count += math.isnan(row[n]) & math.isnan(instead[n]) & may & (low <= starts[n]) & (ends[n] <= high)
    return count
