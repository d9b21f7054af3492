"""Variables that were made of several, against what is made of ecCodes' own values of their messages."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from storage.grids import Cell, Grid
from storage.reader import Store
from tasks.course import FLOAT32
from tasks.intervals import Interval, shares
from tasks.parts import parts_of, sort_out
from tasks.truth import truths
from tasks.wanted import StagedMessage, Wanted
from tasks.works import Joint, works_of


@dataclass(frozen=True)
class Mismatch:
    """A cell at which store and messages contradict each other, and how, in words."""

    variable: str
    message: StagedMessage
    cell: Cell
    problem: str


class Spot:
    """A cell of a grid, so many times side by side."""

    ny = 1

    def __init__(self, grid: Grid, cell: Cell, nx: int) -> None:
        self.nx = nx
        self._grid, self._cell = grid, cell

    def convergence(self, rows: slice) -> NDArray[np.float64]:
        column = slice(self._cell.x, self._cell.x + 1)
        return np.repeat(self._grid.convergence(rows, column), self.nx, axis=1)


class Variants:
    """Messages at one cell: as ecCodes has them, then with each in turn moved up and down by its packing's step.

    values: [message], in the messages' units.
    """

    def __init__(self, grid: Grid, cell: Cell, values: Sequence[float], steps: Sequence[float]) -> None:
        moved = np.diag(np.array(steps))
        self._values = np.array(values)[:, None] + np.hstack([np.zeros((len(steps), 1)), moved, -moved])
        self.grid = cast("Grid", Spot(grid, cell, self._values.shape[1]))
        self.steps = tuple(steps)

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        values[at] = self._values[numbers][:, None, :]

    def close(self) -> None:
        pass


def leads_of(joint: Joint, messages: Sequence[StagedMessage], count: int, chance: random.Random) -> list[int]:
    """Some leads (minutes) at which every variable that the joint needs has a message, the last of them among them.

    One at random where the joint is made of members: there are so many messages at each.
    """
    there: dict[int, set[str]] = defaultdict(set)
    for message in messages:
        there[message.lead].add(message.variable)
    leads = sorted(lead for lead, names in there.items() if names >= set(joint.of))
    if any(message.member is not None for message in messages):
        return [chance.choice(leads)] if leads else []
    return [*chance.sample(leads[:-1], min(len(leads[:-1]), count - 1)), *leads[-1:]]


def involved(wanted: Wanted, messages: Sequence[StagedMessage], lead: int) -> list[StagedMessage]:
    """The message of one variable and member at a lead (minutes), and those whose amounts are taken off it.

    `messages`: all of that variable and member.
    """
    ordered = sorted(messages, key=lambda message: message.lead)
    first = [number for number, message in enumerate(ordered) if message.lead == lead]
    if not wanted.summed:
        return [ordered[number] for number in first]
    taken = shares([Interval(*message.interval) for message in ordered])
    found: set[int] = set()
    while first:
        number = first.pop()
        found.add(number)
        found |= set() if (after := taken[number].after) is None else {after}
        first += [link for link in taken[number].chain if link not in found]
    return [ordered[number] for number in sorted(found)]


def check_joint(
    store: Store,
    joint: Joint,
    wanted: dict[str, Wanted],
    messages: Sequence[StagedMessage],
    lead: int,
    cells: Sequence[Cell],
) -> tuple[int, Mismatch | None]:
    """How many values were compared, and the first that is wrong. Raises DecodeError.

    `messages`: the joint's own. What the packing of each may put off is tried out, step by step.
    """
    series: dict[tuple[str, int | None], list[StagedMessage]] = defaultdict(list)
    for message in messages:
        series[message.variable, message.member].append(message)
    own = [one for (name, _), some in series.items() for one in involved(wanted[name], some, lead)]
    groups = sort_out([wanted[name] for name in joint.of], own)
    ordered = [message for group in groups for message in group.messages]
    leads = tuple(sorted({message.lead for message in ordered}))
    grid = store.schema.grid
    places = [grid.latlon(cell) for cell in cells]
    found = list(truths(ordered, [places] * len(ordered)))
    steps = [truth.step for truth in found]
    (work,) = works_of(parts_of(groups, steps, leads), [joint])
    time = store.schema.lead_times.index(lead)
    compared = 0
    for number, cell in enumerate(cells):
        variants = Variants(grid, cell, [truth.nearest[number].value for truth in found], steps)
        series_there = store.point(cell)
        for made in work.do(variants, range(cell.y, cell.y + 1)):
            value, *moved = made.values[leads.index(lead), 0].astype(np.float64).tolist()
            off = np.nan_to_num(np.abs(np.array(moved).reshape(2, -1) - value)).max(axis=0).sum()
            name = made.output.name
            stored = store.schema.variables[store.index[name]]
            excused = name in store.schema.provenance.get("anomalies", {})
            held = float(series_there[store.index[name]][time])
            allowed = 1.001 * (stored.scale_factor / 2 + FLOAT32 * abs(value)) + float(off)
            compared += 1
            if not (abs(held - value) <= allowed or (math.isnan(held) and (math.isnan(value) or excused))):
                words = f"the messages make {value:.9g}, the store {held:.9g}, and they may differ by {allowed:.3g}"
                return compared, Mismatch(name, ordered[0], cell, words)
    return compared, None
