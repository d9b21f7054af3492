"""One variable over a run, before any value is read: its intervals and its errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.variables import Statistic, Variable
from tasks.intervals import Interval, Share, shares
from tasks.wanted import Wanted

FLOAT32 = float(np.finfo(np.float32).eps)

LINE = np.dtype(
    [
        # The row of the time axis, the message whose total is taken off (-1: none), or how many of the chain follow.
        ("row", "i8"),
        ("after", "i8"),
        ("chain", "i8"),
        ("links", "i8"),
        # Amount of a message's value, stored value of an amount; how far a value and an amount may be off.
        ("length", "f8"),
        ("scale", "f8"),
        ("slack", "f8"),
        ("error", "f8"),
        # False where the interval is empty.
        ("there", "b1"),
    ]
)
"""What derivation must know of one message."""


@dataclass(frozen=True)
class Plan:
    """A course as tables: a LINE for each message, and the messages of all chains.

    `empty`: rows of the time axis that no message fills. `complete`: messages and time axis are row for row the same.
    """

    lines: NDArray[Any]
    chain: NDArray[np.int64]
    empty: list[int]
    complete: bool


@dataclass(frozen=True)
class Course:
    """One variable over a run: its messages, in order of their ends, and what the store keeps of them.

    `leads`: minutes after init_time of all leads of the run. `messages`: intervals. `steps`: of each message's packing.
    """

    wanted: Wanted
    leads: tuple[int, ...]
    messages: tuple[Interval, ...]
    steps: tuple[float, ...]

    @property
    def variable(self) -> Variable:
        return self.wanted.variable

    @property
    def summed(self) -> bool:
        return self.wanted.summed

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

    @property
    def _averaged(self) -> bool:
        """Whether values times their lengths are amounts."""
        return self.summed and self.wanted.statistic is Statistic.MEAN

    def length(self, number: int) -> float:
        """What turns a message's value into an amount: minutes for a mean."""
        return float(self.messages[number].minutes) if self._averaged else 1.0

    def scale(self, number: int) -> float:
        """Stored value of one unit of the remaining amount of a message."""
        minutes = self.shares[number].interval.minutes or 1
        if self._averaged:
            return self.wanted.factor / minutes
        return self.wanted.factor / (60.0 * minutes) if self.wanted.rate else self.wanted.factor

    def packing(self, number: int) -> float:
        """How far a message's amount may be from the truth: its packing, and float32 for the largest value there is."""
        variable, scale = self.variable, self.wanted.factor
        if self.wanted.rate:
            scale /= 60.0 * (self.messages[number].minutes or 1)
        largest = max(abs(variable.valid_min), abs(variable.valid_max)) / abs(scale)
        return (self.steps[number] + FLOAT32 * largest) * self.length(number)

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

    @cached_property
    def plan(self) -> Plan:
        """What kernels must know of the course."""
        lines = np.zeros(len(self.messages), LINE)
        chain: list[int] = []
        for number, (start, end) in enumerate(self.messages):
            share, line = self.shares[number], lines[number]
            line["row"], line["there"] = self.rows[end], start < end or not self.summed
            line["after"] = -1 if share.after is None else share.after
            line["chain"], line["links"] = len(chain), len(share.chain)
            line["length"], line["scale"] = self.length(number), self.scale(number)
            line["error"] = self.errors[number] if self.summed else self.packing(number)
            line["slack"] = line["error"] * abs(self.scale(number))
            chain += share.chain
        filled = lines["row"][lines["there"]].tolist()
        leads = range(len(self.leads))
        return Plan(lines, np.array(chain, np.int64), sorted(set(leads) - set(filled)), filled == list(leads))

    @property
    def filled(self) -> NDArray[np.int64]:
        """The rows of the time axis that messages fill, in the order of these."""
        lines = self.plan.lines
        rows: NDArray[np.int64] = lines["row"][lines["there"]]
        return rows
