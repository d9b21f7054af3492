"""Stores become columns: per quantity and slot the first store, in the order of preference, that has a value.

Wind is filled as a vector from one store, a kind of precipitation only by the store that gave the amount. Between
leads more than MAX_GAP apart a store is heard last: where a lead is missing another run knows better than a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from serving.blend import BLENDS, blend, find_seams
from serving.fields import COLUMNS
from serving.filling import count_missing, fill, is_missing
from serving.kinds import fill_kind, fill_storm
from serving.plan import Plan
from serving.preference import Part, When
from serving.quantities import INDEX, NAMES, QUANTITIES
from serving.slots import Slots
from serving.sun import STEP, daylight

_DAY = 86_400
_LIGHT_MARGIN = 2 * _DAY
_BLENDING = int(BLENDS.sum())
NOBODY = -1


class Reading:
    """One store's series at the place, and what became of it. values: [variable, time] float32, NaN = missing.

    since: from when on what it gives counts in `lately`, s. number: its place among the readings of a mix, NOBODY
    before it is taken. given: how many numbers it gave so far; lately: how many of them to slots from `since` on; wet:
    whether any amount or rate of precipitation is its own; bounds: [quantities and steps of the plan, 2] from when to
    when they have values, s.
    """

    __slots__ = ("bounds", "given", "lately", "number", "plan", "since", "values", "wet")

    def __init__(self, plan: Plan, values: NDArray[np.float32], since: int = 0) -> None:
        self.plan = plan
        self.values = values
        self.since = since
        self.number = NOBODY
        self.given = self.lately = 0
        self.wet = False
        self.bounds = np.empty(plan.bounds, dtype=np.int64)

    @property
    def reach(self) -> NDArray[np.int64]:
        """[quantity, 2] from when to when it has values, s."""
        return self.bounds[: len(NAMES)]


@dataclass(frozen=True)
class Merged:
    """matrix: [column, slot] float64, NaN = missing, rows as serving.fields.COLUMNS, of which only the quantities, the
    first ones, are told yet (the others by `serving.deriving`); who: [quantity, slot] index of the reading, -1 nobody;
    blended: [quantity, slot] index of the reading that the value passes over to, -1 where it does not."""

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

    begin, last: starts of the first and the last slot in time, s.
    """

    def __init__(self, slots: Slots, lat: float, lon: float) -> None:
        self.slots = slots
        self.readings: list[Reading] = []
        count = len(slots.starts)
        self._matrix = np.empty((len(COLUMNS), count))
        self._matrix.fill(np.nan)
        self._columns = self._matrix[: len(NAMES)]
        self._left = slots.counts.copy()
        self._who = np.empty((len(NAMES), count), dtype=np.int16)
        self._who.fill(NOBODY)
        self.begin, self.last, until = slots.reach
        self._first = self.begin - _LIGHT_MARGIN
        steps = (until + _LIGHT_MARGIN - self._first) // STEP + 2
        self._sums = daylight(self._first, steps, lat, lon)
        self._taken: list[tuple[Reading, Part]] = []

    @property
    def lately(self) -> bool:
        """Whether any reading gave anything from its `since` on."""
        return any([reading.lately for reading in self.readings])

    def needs(self, plan: Plan, part: Part) -> bool:
        """Whether a store of this plan could tell anything of a part that is still missing.

        One that can't need not be read.
        """
        return self._is_missing(plan.gives, part, plan.first - plan.held, plan.last + plan.held)

    def needs_between(self, plan: Plan, part: Part, first: int, last: int) -> bool:
        """Whether anything is missing from `first` to `last` (s) that another run of this plan's model could tell."""
        return self._is_missing(plan.should, part, first, last)

    def _is_missing(self, has: NDArray[np.bool_], part: Part, first: int, last: int) -> bool:
        slots = self.slots
        mask = part_mask(part)
        missing: bool = is_missing(
            has, mask, slots.starts, slots.when, slots.upto, self._columns, self._left, first, last
        )
        return missing

    def missing(self, plan: Plan, part: Part, reading: Reading | None = None) -> int:
        """How many numbers of a part are missing for which a store of this plan should have the variables and has the
        leads; reading: of it, where a variable that ends before the others does is not sought beyond."""
        if plan.held:
            return 0
        reach = plan.reach if reading is None else reading.reach
        mask, slots = part_mask(part), self.slots.arrays
        count: int = count_missing(plan.should, mask, *slots, self._columns, self._left, reach)
        return count

    def take(self, reading: Reading, part: Part, counts: bool = True) -> int:
        """Take from a reading what is missing of a part; returns what `missing` does then, 0 where nobody `counts`."""
        self._taken.append((reading, part))
        is_new = reading.number == NOBODY
        if is_new:
            reading.number = len(self.readings)
            self.readings.append(reading)
        return self._fill(reading, part, is_new, counts, False)

    def _fill(self, reading: Reading, part: Part, is_new: bool, counts: bool, across: bool) -> int:
        slots, plan = self.slots, reading.plan
        given, lately, missing, wet = fill(
            reading.number,
            reading.values,
            plan.valid,
            plan.intervals,
            plan.begins,
            plan.held,
            *plan.steps,
            plan.should,
            is_new,
            counts,
            reading.bounds,
            *slots.arrays,
            part_mask(part),
            self._sums,
            self._first,
            across,
            reading.since,
            self._columns,
            self._left,
            self._who,
        )
        reading.given += given
        reading.lately += lately
        reading.wet = wet
        return missing

    def done(self) -> Merged:
        """What came together, with the kinds of precipitation and the storms. Nothing may be filled after this."""
        for reading, part in self._taken:
            if reading.plan.wide:
                self._fill(reading, part, False, False, True)
        slots, columns, who = self.slots, self._columns, self._who
        for reading in self.readings:
            plan = reading.plan
            if plan.kind is not None and reading.wet:
                by_chance, rows, number = plan.by_chance, plan.kind, reading.number
                fill_kind(number, reading.values, plan.valid, rows, by_chance, slots.starts, slots.ends, columns, who)
        for reading, part in self._taken:
            plan = reading.plan
            if plan.storm is not None:
                mask, number = part_mask(part), reading.number
                fill_storm(number, reading.values, plan.valid, plan.storm, slots.starts, slots.when, mask, columns, who)
        return Merged(self._matrix, who, self._blend())

    def _blend(self) -> NDArray[np.int16]:
        """Pass the last hours of each model over to the one that goes on; [quantity, slot] by whose reading."""
        blended = np.empty_like(self._who)
        blended.fill(NOBODY)
        numbers = {reading.plan.model: reading.number for reading in self.readings}
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
                *steps[:4],
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
        mix.take(reading, EVERYTHING)
    return mix.done()


EVERYTHING = frozenset((group, when) for group in {quantity.group for quantity in QUANTITIES} for when in When)
"""The part that is all of the columns."""
