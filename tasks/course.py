"""One variable over a run, before any value is read: its intervals, its errors, the range it may have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from storage.variables import Statistic, Variable
from tasks.fields import FieldFacts
from tasks.intervals import Interval, Share, shares
from tasks.wanted import Wanted

SUMMED = (Statistic.ACCUMULATION, Statistic.MEAN)
FLOAT32 = float(np.finfo(np.float32).eps)


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
