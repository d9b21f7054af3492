"""Stores become columns: per quantity and slot the first store, in order of preference, that has a value.

Wind is filled as a vector from one store, a kind of precipitation only by the store that gave the amount. Between
leads more than MAX_GAP apart a store is heard last: where a lead is missing another run knows better than a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.filling import KIND_COLUMN, count_missing, fill, fill_kind
from serving.plan import Plan
from serving.quantities import INDEX, NAMES
from serving.sun import STEP, daylight

_DAY = 86_400
_LIGHT_MARGIN = 2 * _DAY
NOBODY = -1
_FOREVER = 2**62


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


class Mix:
    """Columns of every quantity over some slots, filled by one reading after the other, best first.

    given: how many numbers each reading gave so far; lately: how many of them to slots from its `since` on;
    lacked: how many it did not give, though it has the variable and the slot lies within its leads.
    """

    def __init__(self, slots: Slots, lat: float, lon: float) -> None:
        self.slots = slots
        self.given: list[int] = []
        self.lately: list[int] = []
        self.lacked: list[int] = []
        count = len(slots.starts)
        self._columns = np.full((len(NAMES), count), np.nan)
        self._who = np.full((len(NAMES), count), NOBODY, dtype=np.int8)
        self._first = int(slots.starts.min()) - _LIGHT_MARGIN
        steps = (int(slots.ends.max()) + _LIGHT_MARGIN - self._first) // STEP + 2
        self._sums = daylight(self._first, steps, lat, lon)
        self._readings: list[tuple[Reading, int]] = []

    def needs(self, plan: Plan) -> bool:
        """Whether a store of this plan could tell anything that is still missing. One that can't need not be read."""
        return not self._readings or self._count(plan, plan.methods, _FOREVER, 1) > 0

    def missing(self, plan: Plan) -> int:
        """How many numbers are missing for which a store of this plan should have the variables and has the leads."""
        return self._count(plan, plan.expected, plan.last, -1)

    def _count(self, plan: Plan, methods: NDArray[np.int64], until: int, most: int) -> int:
        starts, ends = self.slots.starts, self.slots.ends
        count: int = count_missing(methods, starts, ends, self._columns, plan.first, plan.last, until, most)
        return count

    def fill(self, reading: Reading, since: int = 0) -> int:
        """Take from a reading what is missing; the reading's number in `given`, `lately`, `lacked`, `Merged.who`."""
        number = len(self._readings)
        self._readings.append((reading, since))
        given, lately, lacked = self._fill(number, False)
        self.given.append(given)
        self.lately.append(lately)
        self.lacked.append(lacked)
        return number

    def _fill(self, number: int, across: bool) -> tuple[int, int, int]:
        reading, since = self._readings[number]
        plan = reading.plan
        told: tuple[int, int, int] = fill(
            number,
            reading.values,
            plan.valid,
            plan.intervals,
            plan.rows,
            plan.methods,
            plan.factors,
            self.slots.starts,
            self.slots.ends,
            self._sums,
            self._first,
            across,
            since,
            self._columns,
            self._who,
        )
        return told

    def done(self) -> Merged:
        """What came together, with the kinds of precipitation. Nothing may be filled after this."""
        for number, (reading, _) in enumerate(self._readings):
            if reading.plan.wide:
                given, lately, _ = self._fill(number, True)
                self.given[number] += given
                self.lately[number] += lately
        starts, ends = self.slots.starts, self.slots.ends
        for number, (reading, _) in enumerate(self._readings):
            plan = reading.plan
            if plan.methods[KIND_COLUMN]:
                rows = plan.rows[KIND_COLUMN]
                fill_kind(number, reading.values, plan.valid, rows, starts, ends, self._columns, self._who)
        return Merged(self._columns, self._who)


def merge(readings: Iterable[Reading], slots: Slots, lat: float, lon: float) -> Merged:
    """Columns of every quantity over the slots; `readings` best first."""
    mix = Mix(slots, lat, lon)
    for reading in readings:
        mix.fill(reading)
    return mix.done()
