"""Array physics that needs neighbours in time: amounts and means of their own intervals, and what nature allows.

The law of de-accumulation knows no producer: an amount over (a, c) minus the known amount over (a, b) is the amount
over (b, c). A mean times its length is an amount. So NCEP's buckets that reset, totals of the run and ECMWF's totals
from the start are one case, and a missing lead makes a longer interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from storage.variables import Statistic, Variable
from tasks.fields import FieldFacts
from tasks.wanted import Wanted

SUMMED = (Statistic.ACCUMULATION, Statistic.MEAN)
FLOAT32 = float(np.finfo(np.float32).eps)


class Interval(NamedTuple):
    """Minutes after init_time; equal for an instant."""

    start: int
    end: int

    @property
    def minutes(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Share:
    """What remains of one message's amount once known amounts are taken off.

    `interval`: of what remains. `after`: the message with the same start whose amount is taken off, else `chain`: the
    messages whose remaining amounts fill the time from this message's start on. Neither: nothing is known.
    """

    interval: Interval
    after: int | None = None
    chain: tuple[int, ...] = ()


def shares(messages: Sequence[Interval]) -> tuple[Share, ...]:
    """One share a message; `messages` in the order of their ends. The shortest interval that follows is taken."""
    found: list[Share] = []
    ending: dict[int, int] = {}
    for number, (start, end) in enumerate(messages):
        same = [
            other for other in range(number) if messages[other].start == start and start < messages[other].end < end
        ]
        after = same[-1] if same else None
        known = messages[after].end if after is not None else start
        chain = _chain(found, ending, start, range(known + 1, end))
        if chain:
            share = Share(Interval(found[chain[-1]].interval.end, end), chain=chain)
        else:
            share = Share(Interval(known, end), after=after)
        found.append(share)
        if share.interval.minutes:
            ending[end] = number
    return tuple(found)


def _chain(found: Sequence[Share], ending: dict[int, int], start: int, ends: range) -> tuple[int, ...]:
    """The messages whose shares follow each other from `start` to the latest end within `ends`, in order of time."""
    for end in sorted((end for end in ending if end in ends), reverse=True):
        chain: list[int] = []
        position = end
        while position > start and position in ending:
            chain.append(ending[position])
            position = found[ending[position]].interval.start
        if position == start:
            return tuple(reversed(chain))
    return ()


@dataclass(frozen=True)
class Anomalies:
    """Cells per message whose value was set missing: int64 [message] each.

    `outside`: beyond the catalogue's valid range. `negative`: less than an earlier amount, by more than packing.
    """

    outside: NDArray[np.int64]
    negative: NDArray[np.int64]


@dataclass(frozen=True)
class Course:
    """One variable over a run: its messages, in order of their ends, and what the store keeps of them.

    `leads`: minutes after init_time of all leads of the run. `messages`: intervals. `facts`: one a message.
    """

    wanted: Wanted
    leads: tuple[int, ...]
    messages: tuple[Interval, ...]
    facts: tuple[FieldFacts, ...]

    @property
    def variable(self) -> Variable:
        return self.wanted.variable

    @property
    def summed(self) -> bool:
        return self.wanted.statistic in SUMMED

    @property
    def rising(self) -> bool:
        """Whether totals never fall."""
        return self.variable.valid_min >= 0 and self.wanted.factor >= 0

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        return shares(self.messages) if self.summed else tuple(Share(interval) for interval in self.messages)

    @cached_property
    def rows(self) -> dict[int, int]:
        """Lead -> its row on the time axis."""
        return {lead: row for row, lead in enumerate(self.leads)}

    @property
    def intervals(self) -> tuple[int, ...]:
        """Per lead the minutes of the interval that ends there, 0 for an instant or where the variable is missing."""
        lengths = {share.interval.end: share.interval.minutes for share in self.shares}
        return tuple(lengths.get(lead, 0) for lead in self.leads)

    def length(self, number: int) -> float:
        """What turns a message's value into an amount: minutes for a mean."""
        return float(self.messages[number].minutes) if self.wanted.statistic is Statistic.MEAN else 1.0

    def scale(self, number: int) -> float:
        """Stored value of one unit of the remaining amount of a message."""
        minutes = self.shares[number].interval.minutes or 1
        if self.wanted.statistic is Statistic.MEAN:
            return self.wanted.factor / minutes
        return self.wanted.factor / (60.0 * minutes) if self.wanted.rate else self.wanted.factor

    def packing(self, number: int) -> float:
        """How far a message's amount may be from the truth."""
        facts = self.facts[number]
        largest = np.nanmax(np.abs([facts.low, facts.high, 0.0]))
        return (facts.step + FLOAT32 * float(largest)) * self.length(number)

    def taken_off(self, number: int) -> tuple[int, ...]:
        """The messages whose packing errors are in what is taken off a message's amount."""
        share = self.shares[number]
        return (share.after,) if share.after is not None else share.chain

    @cached_property
    def errors(self) -> tuple[float, ...]:
        """Per message how far its remaining amount may be from the truth: its own packing and that of what it follows.

        The running maximum of a rising total carries the largest error of its messages on.
        """
        totals: list[float] = []
        found: list[float] = []
        for number in range(len(self.messages)):
            before = sum(totals[other] for other in self.taken_off(number))
            own = self.packing(number)
            found.append(own + before)
            totals.append(max(own, before))
        return tuple(found)

    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value that the store may have to hold; NaN where there is none."""
        lows, highs = [], []
        for number, facts in enumerate(self.facts):
            if not math.isfinite(facts.low) or (self.summed and not self.messages[number].minutes):
                continue
            low, high = facts.low * self.length(number), facts.high * self.length(number)
            after = self.shares[number].after
            if after is not None and math.isfinite(self.facts[after].low):
                # Amounts that are taken off lie between the extremes of their message; a chain's are not known.
                low -= self.facts[after].high * self.length(after)
                high -= self.facts[after].low * self.length(after)
            elif self.shares[number].chain and not self.rising:
                reach = sum(
                    np.nanmax(np.abs([self.facts[other].low, self.facts[other].high, 0.0])) * self.length(other)
                    for other in self.shares[number].chain
                )
                low, high = low - reach, high + reach
            if self.summed and self.rising:
                low, high = 0.0, max(high, 0.0) + self.errors[number]
            ends = low * self.scale(number), high * self.scale(number)
            lows.append(min(ends))
            highs.append(max(ends))
        if not lows:
            return math.nan, math.nan
        low = min(max(min(lows), self.variable.valid_min), self.variable.valid_max)
        high = max(min(max(highs), self.variable.valid_max), low)
        return low, high


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
