"""Array physics that needs neighbours in time: amounts and means of their own intervals, and what nature allows."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from tasks.course import Course


@dataclass(frozen=True)
class Anomalies:
    """Cells per message whose value was set missing: int64 [message] each.

    `outside`: beyond the catalogue's valid range. `negative`: less than an earlier amount, by more than packing.
    """

    outside: NDArray[np.int64]
    negative: NDArray[np.int64]


def derive(course: Course, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], Anomalies]:
    """What the store keeps: [lead, rows, x] in the catalogue's units, NaN = missing.

    values: [message, rows, x] as the messages give them, in their order.
    A total below an earlier one by no more than their packing means no amount; what it lacks is made up for later, so
    that amounts add up to the highest total. Below that by more, the amount is missing. So is what lies outside the
    catalogue's valid range by more than packing.
    """
    count, rows, columns = values.shape
    derived = np.empty((len(course.leads), rows, columns), np.float32)
    anomalies = Anomalies(np.zeros(count, np.int64), np.zeros(count, np.int64))
    valid = course.variable.valid_min, course.variable.valid_max
    remaining: dict[int, NDArray[np.float64]] = {}
    totals: dict[int, NDArray[np.float64]] = {}
    chained = {number for share in course.shares for number in share.chain}
    followed = {share.after for share in course.shares}
    nothing = np.zeros((rows, columns))
    there = {end for start, end in course.messages if start < end or not course.summed}
    for lead, row in course.rows.items():
        if lead not in there:
            derived[row] = np.nan
    for number, (start, end) in enumerate(course.messages):
        target = derived[course.rows[end]]
        scale = course.scale(number)
        if not course.summed:
            slack = course.packing(number) * abs(scale)
            anomalies.outside[number] = _within(values[number], scale, *valid, slack, target)
            continue
        if start == end:
            continue
        share = course.shares[number]
        if share.after is not None:
            # No other message follows the same one.
            known = totals.pop(share.after)
        else:
            known = sum((remaining[other] for other in share.chain), nothing)
        amount, total = np.empty((rows, columns)), np.empty((rows, columns))
        anomalies.negative[number] = _take_off(
            values[number], course.length(number), known, course.errors[number], course.rising, amount, total
        )
        slack = course.errors[number] * abs(scale)
        anomalies.outside[number] = _within(amount, scale, *valid, slack, target)
        if number in chained:
            remaining[number] = amount
        if number in followed:
            totals[number] = total
    return derived, anomalies


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
    negative = 0
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            whole = np.float64(values[row, column]) * length
            rest = whole - known[row, column]
            if rising and rest < 0.0:
                if rest < -error:
                    negative += 1
                    rest = np.nan
                else:
                    rest = 0.0
                    whole = known[row, column]
            amount[row, column] = rest
            total[row, column] = whole
    return negative


@numba.njit(nogil=True, cache=True)
def _within(
    values: NDArray[np.floating],
    scale: float,
    low: float,
    high: float,
    slack: float,
    target: NDArray[np.float32],
) -> int:
    """target = values x scale, held to low..high where it is beyond by at most `slack`, else NaN; returns how many."""
    outside = 0
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = float(values[row, column]) * scale
            if value > high or value < low:
                if value > high + slack or value < low - slack:
                    outside += 1
                    value = np.nan
                else:
                    value = min(max(value, low), high)
            target[row, column] = value
    return outside
