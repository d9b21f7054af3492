"""A finished store against its messages, read back through the reader's door.

What is compared comes from elsewhere: ecCodes' own coordinates and values of a message. A sample: a few messages per
variable and a few cells of each, always the same ones for the same run.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.grids import Cell, Grid
from storage.reader import Store
from storage.schema import StoredVariable, StoreSchema
from storage.variables import Statistic
from tasks.check_joint import check_joint, leads_of
from tasks.check_storm import check_storms
from tasks.course import FLOAT32
from tasks.decode import describe
from tasks.errors import CheckFailed
from tasks.storm import DISTANCE
from tasks.truth import Nearest, any_step_of, truths
from tasks.wanted import StagedMessage, Wanted
from tasks.works import Joint

MESSAGES = 2
"""Messages compared per variable, one of them the last: a total from the start then adds up the whole run."""
CELLS = 4
POOL = 16
"""Cells that the messages' own ones are drawn from: to find one among ecCodes' coordinates takes 10 ms."""
NEAR = 1e-3
"""Degrees that a cell and a message's point may be apart: GRIB1 writes its grid in thousandths."""


def check_store(
    path: Path,
    wanted: Sequence[Wanted],
    messages: Sequence[StagedMessage],
    *,
    joints: Sequence[Joint] = (),
    storm: Wanted | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Compare a sample of a store with its messages; returns how many values were compared.

    `joints`: what was made of several variables. `storm`: what storms were found in.

    Raises CheckFailed naming variable, lead, cell, both values and URL, and whatever reading the store raises.
    """
    rows = {row.name: row for row in wanted}
    groups: dict[str, list[StagedMessage]] = defaultdict(list)
    for message in messages:
        groups[message.variable].append(message)
    with Store.open(path) as store:
        schema = store.schema
        run = f"{schema.model} {schema.init_time:%Y-%m-%dT%H:%MZ}"
        chance = random.Random(run)
        joined = {name for joint in joints for name in joint.of}
        sample = [message for name in sorted(groups.keys() - joined) for message in _some(groups[name], chance)]
        for message in sample:
            if message.variable not in store.index:
                raise CheckFailed(f"{run}: {describe(message)} is not in {store.path}")
        pool = _cells(schema.grid, chance)
        cells = [chance.sample(pool, min(CELLS, len(pool))) for _ in sample]
        places = [[schema.grid.latlon(cell) for cell in some] for some in cells]
        compared = 0
        for done, (message, some, truth) in enumerate(zip(sample, cells, truths(sample, places), strict=True), 1):
            claim = claim_of(schema, rows[message.variable], message, groups[message.variable], truth.step)
            if claim:
                for cell, nearest in zip(some, truth.nearest, strict=True):
                    problem = claim.problem(nearest, store.point(cell)[store.index[message.variable]])
                    if problem:
                        raise _failed(f"{run}: {describe(message)}", schema.grid, cell, problem, message.blob)
                compared += len(some)
            if progress:
                progress(done, len(sample))
        for joint in joints:
            own = [message for name in joint.of for message in groups[name]]
            for lead in leads_of(joint, own, MESSAGES, chance):
                some = chance.sample(pool, min(CELLS, len(pool)))
                count, wrong = check_joint(store, joint, rows, own, lead, some)
                if wrong:
                    what = f"{run}: {wrong.variable}, made with {describe(wrong.message)}"
                    raise _failed(what, schema.grid, wrong.cell, wrong.problem, wrong.message.blob)
                compared += count
        if storm and DISTANCE in store.index:
            own = _some(groups[storm.name], chance)
            for count, wrong in check_storms(store, storm, own, chance.sample(pool, min(CELLS, len(pool)))):
                if wrong:
                    what = f"{run}: {wrong.variable}, made of {describe(wrong.message)}"
                    raise _failed(what, schema.grid, wrong.cell, wrong.problem, wrong.message.blob)
                compared += count
    return compared


def _failed(what: str, grid: Grid, cell: Cell, problem: str, blob: str) -> CheckFailed:
    lat, lon = grid.latlon(cell)
    return CheckFailed(
        f"{what} at cell {tuple(cell)}, latitude {lat:g}, longitude {lon:g}: {problem}; nothing was published: ingest "
        f"again, and report it with {blob} if it comes back"
    )


def _some(messages: Sequence[StagedMessage], chance: random.Random) -> list[StagedMessage]:
    *earlier, last = sorted(messages, key=lambda message: message.lead)
    return [*chance.sample(earlier, min(len(earlier), MESSAGES - 1)), last]


def _cells(grid: Grid, chance: random.Random) -> list[Cell]:
    """Cells at random, none at a pole, where every column is the same place."""
    rows = [y for y in range(grid.ny) if abs(grid.latlon(Cell(y, 0))[0]) < 89.999]
    return [Cell(chance.choice(rows), chance.randrange(grid.nx)) for _ in range(POOL if rows else 0)]


@dataclass(frozen=True)
class Claim:
    """What a store says about the interval of one message.

    The values at `rows` of the time axis, each times its weight, add up to `factor` times the message's value.
    `slack`: how far the packing of all messages involved may put that off, in the message's units.
    `excused`: the store counts values of the variable that were set missing.
    """

    wanted: Wanted
    stored: StoredVariable
    rows: tuple[int, ...]
    weights: tuple[float, ...]
    slack: float
    excused: bool

    def problem(self, nearest: Nearest, series: NDArray[np.float32]) -> str | None:
        """In words, how a message and the store's series [time] at the same cell contradict each other."""
        if nearest.away > NEAR:
            return f"the message's nearest point is {nearest.away:.3g} degrees away"
        value = sum(float(series[row]) * weight for row, weight in zip(self.rows, self.weights, strict=True))
        expected = nearest.value * self.wanted.factor
        if math.isnan(value) and (math.isnan(expected) or self.excused):
            return None
        rounding = FLOAT32 * abs(expected) + sum(self.weights) * self.stored.scale_factor / 2
        allowed = rounding * 1.001 + self.slack * abs(self.wanted.factor)
        if abs(value - expected) <= allowed:
            return None
        return f"the message says {expected:.9g}, the store {value:.9g}, and they may differ by {allowed:.3g}"


def claim_of(
    schema: StoreSchema, wanted: Wanted, message: StagedMessage, siblings: Sequence[StagedMessage], slack: float
) -> Claim | None:
    """The claim of a store about `message`, one of its variable's `siblings`, whose own packing allows `slack`.

    None where the store's intervals do not fill the message's own, as happens around missing leads.
    """
    stored = schema.variables[schema.names.index(message.variable)]
    excused = stored.name in schema.provenance.get("anomalies", {})
    row = schema.lead_times.index(message.lead)
    if not wanted.summed:
        return Claim(wanted, stored, (row,), (1.0,), slack, excused)
    start, end = message.interval
    rows: list[int] = []
    position = end
    while position > start and position in schema.lead_times:
        row = schema.lead_times.index(position)
        if not stored.intervals[row]:
            return None
        rows.append(row)
        position -= stored.intervals[row]
    if position != start or not rows:
        return None
    minutes = [stored.intervals[row] for row in rows]
    mean = wanted.statistic is Statistic.MEAN
    weights = [length / (end - start) if mean else 60.0 * length if wanted.rate else 1.0 for length in minutes]
    # Amounts add up to the highest of the totals, which the packing of the others puts above this one.
    involved = [other for other in siblings if start < other.lead <= end]
    others = [
        any_step_of(other) * ((other.interval[1] - other.interval[0]) / (end - start) if mean else 1.0)
        for other in involved
    ]
    return Claim(wanted, stored, tuple(rows), tuple(weights), slack + 2 * max(slack, *others), excused)
