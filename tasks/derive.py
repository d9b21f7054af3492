"""Array physics that needs neighbours in time: amounts and means of their own intervals, and what nature allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from tasks.course import Course

COLUMNS = 128
"""Cells whose amounts are worked out together: 209 of each fit a core's cache."""


@dataclass(frozen=True)
class Anomalies:
    """Cells per message whose value was set missing: int64 [message] each.

    `outside`: beyond the catalogue's valid range. `negative`: less than an earlier amount, by more than packing.
    """

    outside: NDArray[np.int64]
    negative: NDArray[np.int64]


def derive(course: Course, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], Anomalies]:
    """What the store keeps: [lead, rows, x] in the catalogue's units, NaN = missing.

    values: [message, rows, x] as the messages give them, in their order; overwritten where that saves room.
    A total below an earlier one by no more than their packing means no amount; what it lacks is made up for later, so
    that amounts add up to the highest total. Below that by more, the amount is missing. So is what lies outside the
    catalogue's valid range by more than packing.
    """
    count, rows, columns = values.shape
    plan = course.plan
    derived = values
    if not plan.complete:
        derived = np.empty((len(course.leads), rows, columns), np.float32)
        derived[plan.empty] = np.nan
    anomalies = Anomalies(np.zeros(count, np.int64), np.zeros(count, np.int64))
    valid = course.variable.valid_min, course.variable.valid_max
    if course.summed:
        _amounts(plan.lines, plan.chain, values, *valid, course.rising, derived, anomalies.outside, anomalies.negative)
    else:
        _values(plan.lines, values, *valid, derived, anomalies.outside)
    return derived, anomalies


@numba.njit(nogil=True, cache=True)
def _values(
    lines: Any, values: NDArray[np.float32], low: float, high: float, derived: NDArray[np.float32], outside: Any
) -> None:
    """Values in the catalogue's units, at their rows of the time axis."""
    in_place = derived.ctypes.data == values.ctypes.data
    for number in range(values.shape[0]):
        line = lines[number]
        for y in range(values.shape[1]):
            if in_place and line.scale == 1.0 and not _beyond(values[number, y], 1.0, low, high):
                continue
            outside[number] += _within(values[number, y], line.scale, low, high, line.slack, derived[line.row, y])


@numba.njit(nogil=True, cache=True)
def _beyond(values: NDArray[np.floating], scale: float, low: float, high: float) -> int:
    """How many of values x scale lie outside low..high."""
    beyond = 0
    for x in range(len(values)):
        value = float(values[x]) * scale
        beyond += int((value < low) | (value > high))
    return beyond


@numba.njit(nogil=True, cache=True)
def _within(
    values: NDArray[np.floating], scale: float, low: float, high: float, slack: float, target: NDArray[np.float32]
) -> int:
    """target = values x scale, held to low..high where it is beyond by at most `slack`, else NaN; returns how many."""
    # Few rows hold any such value, and a loop that only counts is ten times as fast.
    beyond = _beyond(values, scale, low, high)
    outside = 0
    for x in range(len(values)):
        value = float(values[x]) * scale
        if beyond and (value < low or value > high):
            if value < low - slack or value > high + slack:
                outside += 1
                value = np.nan
            else:
                value = low if value < low else high
        target[x] = value
    return outside


@numba.njit(nogil=True, cache=True)
def _amounts(
    lines: Any,
    chain: NDArray[np.int64],
    values: NDArray[np.float32],
    low: float,
    high: float,
    rising: bool,
    derived: NDArray[np.float32],
    outside: Any,
    negative: Any,
) -> None:
    """Amounts of the intervals that remain, at their rows of the time axis."""
    count, rows, columns = values.shape
    remaining, totals = np.empty((count, COLUMNS)), np.empty((count, COLUMNS))
    nothing = np.zeros(COLUMNS)
    for y in range(rows):
        for first in range(0, columns, COLUMNS):
            width = min(COLUMNS, columns - first)
            for number in range(count):
                line = lines[number]
                if not line.there:
                    continue
                known = totals[line.after] if line.after >= 0 else nothing
                if line.links:
                    known = np.zeros(COLUMNS)
                    for link in range(line.chain, line.chain + line.links):
                        known += remaining[chain[link]]
                some = values[number, y, first : first + width]
                amount, total = remaining[number, :width], totals[number, :width]
                negative[number] += _take_off(some, line.length, known, line.error, rising, amount, total)
                target = derived[line.row, y, first : first + width]
                outside[number] += _within(amount, line.scale, low, high, line.slack, target)


@numba.njit(nogil=True, cache=True)
def _take_off(
    values: NDArray[np.float32],
    length: float,
    known: NDArray[np.float64],
    error: float,
    rising: bool,
    amount: NDArray[np.float64],
    total: NDArray[np.float64],
) -> int:
    """amount = values x length - known, and the total that later messages follow; returns what is too negative."""
    below = 0
    for x in range(len(values)):
        whole = float(values[x]) * length
        rest = whole - known[x]
        amount[x], total[x] = rest, whole
        below += int(rest < 0.0)
    negative = 0
    for x in range(len(values) if rising and below else 0):
        if amount[x] < -error:
            negative += 1
            amount[x] = np.nan
        elif amount[x] < 0.0:
            amount[x] = 0.0
            total[x] = known[x]
    return negative
