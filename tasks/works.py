"""What is made of a run's parts: mostly each part its own variable, elsewhere several parts together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid
from storage.variables import Variable, variable
from tasks.derive import Anomalies, derive
from tasks.fields import Fields, rows_of
from tasks.parts import Part


class Values(dict[str, list[NDArray[np.float32]]]):
    """Variable -> [lead, rows, x] of each member; of one where there are none. In the catalogue's units, NaN = missing.

    The members are the same ones for all variables. `intervals`: minutes [lead] over which amounts are given; 0: none.
    """

    def __init__(self, values: Mapping[str, Iterable[NDArray[np.float32]]], intervals: Sequence[int]) -> None:
        super().__init__({name: list(some) for name, some in values.items()})
        self.intervals = np.array(intervals, np.int64)


class Joint(Protocol):
    """Makes variables of others, cell by cell and lead by lead. `of`: what it needs; `makes`: in their order."""

    @property
    def of(self) -> tuple[str, ...]: ...

    @property
    def makes(self) -> tuple[str, ...]: ...

    def make(self, values: Values, rows: range, grid: Grid) -> Sequence[NDArray[np.float32]]:
        """What is made of `values`, which may be overwritten: [lead, rows, x] of each variable."""


@dataclass(frozen=True)
class Output:
    """A variable to be stored. `intervals`: per lead, minutes. `rows`: of the time axis that hold a field, sorted."""

    variable: Variable
    leads: tuple[int, ...]
    intervals: tuple[int, ...]
    rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        return self.variable.name


class Made(NamedTuple):
    """Some rows of an output, [lead, rows, x], and what was set missing of them: int64 [one of Output.rows] each."""

    output: Output
    values: NDArray[np.float32]
    anomalies: Anomalies


@dataclass(frozen=True)
class Work:
    """Parts that are encoded together, and what comes of them."""

    parts: tuple[Part, ...]
    outputs: tuple[Output, ...]
    joint: Joint | None = None

    @property
    def messages(self) -> int:
        return sum(len(part.messages) for part in self.parts)

    def do(self, fields: Fields, rows: range, room: NDArray[np.float32] | None = None) -> list[Made]:
        """The outputs in some rows. `room`: a flat array for the values of all messages. Raises DecodeError."""
        found: list[tuple[Part, Anomalies]] = []
        derived: dict[tuple[str, int | None], NDArray[np.float32]] = {}
        first = 0
        for part in self.parts:
            own = None if room is None else room[first:]
            first += len(part.messages) * len(rows) * fields.grid.nx
            array, anomalies = derive(part.course, rows_of(fields, part.numbers, rows, own))
            found.append((part, anomalies))
            derived[part.name, part.member] = array
        if self.joint is None:
            (output,) = self.outputs
            return [Made(output, array, _by_rows(found, output)) for array in derived.values()]
        made = self.joint.make(self._values(derived), rows, fields.grid)
        return [Made(output, array, _by_rows(found, output)) for output, array in zip(self.outputs, made, strict=True)]

    def _values(self, derived: dict[tuple[str, int | None], NDArray[np.float32]]) -> Values:
        """What the joint is made of."""
        for key, rows in self._odd.items():
            derived[key][rows] = np.nan
        names = dict.fromkeys(name for name, _ in derived)
        members = sorted({member for _, member in derived}, key=lambda member: -1 if member is None else member)
        if len(derived) < len(names) * len(members):
            absent = np.full_like(next(iter(derived.values())), np.nan)
            derived |= {(name, one): absent for name in names for one in members if (name, one) not in derived}
        return Values({name: [derived[name, one] for one in members] for name in names}, self.outputs[0].intervals)

    @cached_property
    def _odd(self) -> dict[tuple[str, int | None], list[int]]:
        """Where a member's amount is of another interval than most have, as there is one before that it lacks."""
        found: dict[tuple[str, int | None], list[int]] = {}
        for part in self.parts:
            pairs = enumerate(zip(part.course.intervals, self.outputs[0].intervals, strict=True))
            rows = [row for row, (own, usual) in pairs if own not in (0, usual)]
            if rows and part.course.summed and part.member is not None:
                found[part.name, part.member] = rows
        return found


def _by_rows(found: Sequence[tuple[Part, Anomalies]], output: Output) -> Anomalies:
    """What was set missing of the parts, by the rows of the time axis."""
    outside, negative = np.zeros((2, len(output.rows)), np.int64)
    for part, anomalies in found:
        there = part.course.plan.lines["there"]
        at = np.searchsorted(output.rows, part.course.filled)
        np.add.at(outside, at, anomalies.outside[there])
        np.add.at(negative, at, anomalies.negative[there])
    return Anomalies(outside, negative)


def works_of(parts: Sequence[Part], joints: Sequence[Joint] = ()) -> list[Work]:
    """The works of a run. A joint that lacks any message of what it needs makes nothing, nor do its other parts."""
    named: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        named[part.name].append(part)
    works = []
    for joint in joints:
        needed = [named.pop(name, []) for name in joint.of]
        if all(needed):
            own = tuple(part for some in needed for part in some)
            works.append(Work(own, tuple(_output(variable(name), own) for name in joint.makes), joint))
    alone = [Work((part,), (_output(part.course.variable, (part,)),)) for some in named.values() for part in some]
    return [*alone, *works]


def _output(of: Variable, parts: Sequence[Part]) -> Output:
    rows = np.unique(np.concatenate([part.course.filled for part in parts]))
    rows_of_lead = zip(*(part.course.intervals for part in parts), strict=True)
    return Output(of, parts[0].course.leads, tuple(_usual(own) for own in rows_of_lead), rows)


def _usual(intervals: Sequence[int]) -> int:
    """What most parts have of the intervals (minutes) that end at a lead, the shortest of several; 0: all instants."""
    counts = Counter(one for one in intervals if one)
    return min(counts, key=lambda one: (-counts[one], one), default=0)
