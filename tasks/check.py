"""A finished store against its messages, read back through the reader's door.

What is compared comes from elsewhere: ecCodes finds the nearest point of a message by itself. A sample: a few
messages per variable and a few cells of each, always the same ones for the same run.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import eccodes
import numpy as np
from numpy.typing import NDArray

from storage.grids import Cell, Grid, wrap_longitude
from storage.reader import Store
from storage.schema import StoredVariable, StoreSchema
from storage.variables import Statistic
from tasks.course import FLOAT32, SUMMED
from tasks.decode import describe, opened, packing_step, resolution
from tasks.errors import CheckFailed
from tasks.orient import orientation_of
from tasks.pack import LIMIT
from tasks.wanted import StagedMessage, Wanted

MESSAGES = 2
"""Messages compared per variable, one of them the last: a total from the start then adds up the whole run."""
CELLS = 4
NEAR = 1e-3
"""Degrees that a cell and a message's point may be apart: GRIB1 writes its grid in thousandths."""


def check_store(
    path: Path,
    wanted: Sequence[Wanted],
    messages: Sequence[StagedMessage],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Compare a sample of a store with its messages; returns how many values were compared.

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
        sample = [(message, groups[name]) for name in sorted(groups) for message in _some(groups[name], chance)]
        compared = 0
        for done, (message, siblings) in enumerate(sample, 1):
            if message.variable not in store.index:
                raise CheckFailed(f"{run}: {describe(message)} is not in {store.path}")
            claim = claim_of(schema, rows[message.variable], message, siblings)
            if claim is not None:
                with opened(message) as handle:
                    for cell in _cells(schema.grid, chance):
                        nearest = nearest_point(handle, *schema.grid.latlon(cell))
                        problem = claim.problem(nearest, store.point(cell)[store.index[message.variable]])
                        if problem:
                            lat, lon = schema.grid.latlon(cell)
                            raise CheckFailed(
                                f"{run}: {describe(message)} at cell {tuple(cell)}, latitude {lat:g}, longitude "
                                f"{lon:g}: {problem}; nothing was published: ingest again, and report it with "
                                f"{message.blob} if it comes back"
                            )
                        compared += 1
            if progress:
                progress(done, len(sample))
    return compared


def _some(messages: Sequence[StagedMessage], chance: random.Random) -> list[StagedMessage]:
    *earlier, last = sorted(messages, key=lambda message: message.lead)
    return [*chance.sample(earlier, min(len(earlier), MESSAGES - 1)), last]


def _cells(grid: Grid, chance: random.Random) -> list[Cell]:
    """Cells at random, none at a pole, where every column is the same place."""
    rows = [y for y in range(grid.ny) if abs(grid.latlon(Cell(y, 0))[0]) < 89.999]
    return [Cell(chance.choice(rows), chance.randrange(grid.nx)) for _ in range(CELLS if rows else 0)]


@dataclass(frozen=True)
class Nearest:
    """A message's value at the point that ecCodes finds nearest to a place; NaN = missing.

    `away`: degrees of latitude or longitude between the two, the larger one.
    """

    value: float
    away: float


def nearest_point(handle: int, lat: float, lon: float) -> Nearest:
    """ecCodes' own nearest point of a message that `opened` gave."""
    if eccodes.codes_get_long(handle, "edition") == 1:
        # A GRIB1 step of -0.5 degrees, which SailDocs writes, is one of 33.268 for ecCodes: first and last row tell it.
        eccodes.codes_set(handle, "ijDirectionIncrementGiven", 0)
    scan = orientation_of(handle).scan
    try:
        # GRIB writes a grid's corners in millionths; half a one further out is out of the area for ecCodes.
        found = eccodes.codes_grib_find_nearest(handle, round(lat, 6), round(lon, 6))[0]
        value, away = found.value, max(abs(found.lat - lat), abs(wrap_longitude(found.lon - lon)))
        row, column = divmod(found.index, scan.nx)
    except eccodes.OutOfAreaError:
        # It says so too of half of a grid that runs westward across Greenwich; its list of points is right.
        lats, lons = (eccodes.codes_get_array(handle, key) for key in ("latitudes", "longitudes"))
        distances = np.maximum(np.abs(lats - lat), np.abs((lons - lon + 180.0) % 360.0 - 180.0))
        index = int(distances.argmin())
        value, away = eccodes.codes_get_double_element(handle, "values", index), float(distances[index])
        row, column = divmod(index, scan.nx) if not scan.columns_first else divmod(index, scan.ny)[::-1]
    if scan.columns_first or scan.alternating:
        # ecCodes 2.50 finds the right row and column there, and then the value of rows that all run one way.
        x = scan.nx - 1 - column if scan.westward else column
        value = eccodes.codes_get_double_element(handle, "values", scan.position(row, x))
    return Nearest(value if abs(value) < LIMIT else math.nan, away)


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
    schema: StoreSchema, wanted: Wanted, message: StagedMessage, siblings: Sequence[StagedMessage]
) -> Claim | None:
    """The claim of a store about `message`, one of its variable's `siblings`.

    None where the store's intervals do not fill the message's own, as happens around missing leads.
    """
    stored = schema.variables[schema.names.index(message.variable)]
    excused = stored.name in schema.provenance.get("anomalies", {})
    row = schema.lead_times.index(message.lead)
    with opened(message) as handle:
        slack = resolution(handle)
    if wanted.statistic not in SUMMED:
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
        _step(other) * ((other.interval[1] - other.interval[0]) / (end - start) if mean else 1.0) for other in involved
    ]
    return Claim(wanted, stored, tuple(rows), tuple(weights), slack + 2 * max(slack, *others), excused)


def _step(message: StagedMessage) -> float:
    with opened(message) as handle:
        return packing_step(handle)
