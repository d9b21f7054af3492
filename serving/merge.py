"""Stores become columns: per quantity and slot the first store, in the order of preference, that has a value.

Wind is filled as a vector from one store, a kind of precipitation only by the store that gave the amount. Between
leads more than MAX_GAP apart a store is heard last: where a lead is missing another run knows better than a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.blend import BLENDS, blend, find_seams
from serving.fields import COLUMNS
from serving.filling import count_missing, fill, is_missing
from serving.kinds import KIND_COLUMN, STORM_COLUMN, fill_kind, fill_storm
from serving.plan import Plan
from serving.preference import Part, When
from serving.quantities import INDEX, NAMES, QUANTITIES, Method
from serving.sun import STEP, daylight

_DAY = 86_400
_LIGHT_MARGIN = 2 * _DAY
_BY_CHANCE = int(Method.KIND_BY_CHANCE)
_BLENDING = int(BLENDS.sum())
NOBODY = -1
MINUTE = 60


@dataclass(frozen=True)
class Slots:
    """Spans of time to be told, Unix seconds: starts, ends: [slot] int64, each starts[i] < ends[i].

    Those of a minute are of now, the longer ones hours.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @cached_property
    def when(self) -> NDArray[np.int8]:
        """[slot] serving.preference.When, of which minutes are 1."""
        return (self.ends - self.starts <= MINUTE).view(np.int8)

    @cached_property
    def reach(self) -> tuple[int, int, int]:
        """The starts of the first and the last slot in time, and the last end, s."""
        return int(self.starts.min()), int(self.starts.max()), int(self.ends.max())


class Reading(NamedTuple):
    """One store's series at the place. values: [variable, time] float32, NaN = missing."""

    plan: Plan
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Merged:
    """matrix: [column, slot] float64, NaN = missing, rows as serving.fields.COLUMNS, of which only the quantities, the
    first ones, are told yet; who: [quantity, slot] index of the reading, -1 nobody; blended: [quantity, slot] index of
    the reading that the value passes over to, -1 where it does not."""

    matrix: NDArray[np.float64]
    who: NDArray[np.int16]
    blended: NDArray[np.int16]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self.matrix[INDEX[name]]
        return column


@lru_cache(maxsize=64)
def part_mask(part: Part) -> NDArray[np.bool_]:
    """[when, quantity] what of the columns a part is."""
    mask = np.zeros((len(When), len(NAMES)), dtype=np.bool_)
    for group, when in part:
        mask[when] |= [quantity.group is group for quantity in QUANTITIES]
    mask.flags.writeable = False
    return mask


class Mix:
    """Columns of every quantity over some slots, filled by one reading after the other, best first.

    given: how many numbers each reading gave so far; lately: how many of them to slots from its `since` on; reach: of
    each [quantity, 2], from when to when it has values, s. begin, last: starts of the first and the last slot in time,
    s.
    """

    def __init__(self, slots: Slots, lat: float, lon: float) -> None:
        self.slots = slots
        self.given: list[int] = []
        self.lately: list[int] = []
        self.reach: list[NDArray[np.int64]] = []
        self.readings: list[Reading] = []
        count = len(slots.starts)
        self._matrix = np.empty((len(COLUMNS), count))
        self._matrix.fill(np.nan)
        self._columns = self._matrix[: len(NAMES)]
        self._who = np.empty((len(NAMES), count), dtype=np.int16)
        self._who.fill(NOBODY)
        self.begin, self.last, until = slots.reach
        self._first = self.begin - _LIGHT_MARGIN
        steps = (until + _LIGHT_MARGIN - self._first) // STEP + 2
        self._sums = daylight(self._first, steps, lat, lon)
        self._within: list[NDArray[np.int64]] = []
        self._since: list[int] = []
        self._is_new: list[bool] = []
        self._taken: list[tuple[int, Part]] = []

    def needs(self, plan: Plan, part: Part) -> bool:
        """Whether a store of this plan could tell anything of a part that is still missing.

        One that can't need not be read.
        """
        return self._is_missing(plan, plan.gives, part, plan.first - plan.held, plan.last + plan.held)

    def needs_between(self, plan: Plan, part: Part, first: int, last: int) -> bool:
        """Whether anything is missing from `first` to `last` (s) that another run of this plan's model could tell."""
        return self._is_missing(plan, plan.should, part, first, last)

    def _is_missing(self, plan: Plan, has: NDArray[np.bool_], part: Part, first: int, last: int) -> bool:
        starts, when = self.slots.starts, self.slots.when
        missing: bool = is_missing(has, part_mask(part), starts, when, self._columns, first, last)
        return missing

    def missing(self, plan: Plan, part: Part, number: int | None = None) -> int:
        """How many numbers of a part are missing for which a store of this plan should have the variables and has the
        leads; number: of its reading, where a variable that ends before the others does is not sought beyond."""
        if plan.held:
            return 0
        reach = np.tile(np.array([plan.first, plan.last]), (len(NAMES), 1)) if number is None else self.reach[number]
        starts, ends, when = self.slots.starts, self.slots.ends, self.slots.when
        count: int = count_missing(plan.should, part_mask(part), starts, ends, when, self._columns, reach)
        return count

    def add(self, reading: Reading, since: int = 0) -> int:
        """The number of a reading, by which it fills; `since`: from when on what it gives counts in `lately`, s."""
        steps = len(reading.plan.steps.quantities)
        bounds = np.empty((steps + len(NAMES), 2), dtype=np.int64)
        self.readings.append(reading)
        self._within.append(bounds[:steps])
        self.reach.append(bounds[steps:])
        self.given.append(0)
        self.lately.append(0)
        self._since.append(since)
        self._is_new.append(True)
        return len(self.readings) - 1

    def take(self, number: int, part: Part) -> int:
        """Take from a reading what is missing of a part; returns what `missing` does then."""
        self._taken.append((number, part))
        return self._fill(number, part, False)

    def _fill(self, number: int, part: Part, across: bool) -> int:
        reading, slots = self.readings[number], self.slots
        plan, steps = reading.plan, reading.plan.steps
        given, lately, missing = fill(
            number,
            reading.values,
            plan.valid,
            plan.intervals,
            plan.begins,
            plan.held,
            steps.quantities,
            steps.methods,
            steps.rows,
            steps.factors,
            steps.after,
            plan.should,
            self._is_new[number],
            self._within[number],
            self.reach[number],
            slots.starts,
            slots.ends,
            slots.when,
            part_mask(part),
            self._sums,
            self._first,
            across,
            self._since[number],
            self._columns,
            self._who,
        )
        self._is_new[number] = False
        self.given[number] += given
        self.lately[number] += lately
        return missing

    def done(self) -> Merged:
        """What came together, with the kinds of precipitation and the storms. Nothing may be filled after this."""
        for number, part in self._taken:
            if self.readings[number].plan.wide:
                self._fill(number, part, True)
        starts, ends, when = self.slots.starts, self.slots.ends, self.slots.when
        for number, reading in enumerate(self.readings):
            plan, rows = reading.plan, reading.plan.rows[KIND_COLUMN]
            method = plan.methods[KIND_COLUMN]
            if method and self.given[number]:
                by_chance = method == _BY_CHANCE
                fill_kind(number, reading.values, plan.valid, rows, by_chance, starts, ends, self._columns, self._who)
        for number, part in self._taken:
            reading = self.readings[number]
            plan, rows = reading.plan, reading.plan.rows[STORM_COLUMN]
            if plan.methods[STORM_COLUMN]:
                fill_storm(
                    number, reading.values, plan.valid, rows, starts, when, part_mask(part), self._columns, self._who
                )
        return Merged(self._matrix, self._who, self._blend())

    def _blend(self) -> NDArray[np.int16]:
        """Pass the last hours of each model over to the one that goes on; [quantity, slot] by whose reading."""
        blended = np.empty_like(self._who)
        blended.fill(NOBODY)
        numbers = {reading.plan.model: n for n, reading in enumerate(self.readings)}
        if len(numbers) < 2:
            return blended
        models = np.array([numbers[reading.plan.model] for reading in self.readings])
        starts, ends = self.slots.starts, self.slots.ends
        seams = np.empty((_BLENDING * len(starts), 2), dtype=np.int64)
        goes_on = np.zeros(len(models), dtype=np.bool_)
        count = find_seams(models, starts, ends, self.slots.when, self._who, BLENDS, seams, goes_on)
        for number in goes_on.nonzero()[0].tolist():
            reading = self.readings[number]
            plan, steps = reading.plan, reading.plan.steps
            blend(
                number,
                reading.values,
                plan.valid,
                plan.intervals,
                steps.quantities,
                steps.methods,
                steps.rows,
                steps.factors,
                models,
                seams[:count],
                starts,
                ends,
                self._sums,
                self._first,
                self._columns,
                self._who,
                blended,
            )
        return blended


def merge(readings: Iterable[Reading], slots: Slots, lat: float, lon: float) -> Merged:
    """Columns of every quantity over the slots; `readings` best first."""
    mix = Mix(slots, lat, lon)
    for reading in readings:
        mix.take(mix.add(reading), EVERYTHING)
    return mix.done()


EVERYTHING = frozenset((group, when) for group in {quantity.group for quantity in QUANTITIES} for when in When)
"""The part that is all of the columns."""
