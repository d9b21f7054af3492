"""Weather as statistics of its fields, for the gate to judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid, LatLonGrid
from storage.variables import variable
from tasks.gate import Gate
from tasks.statistics import Measured
from tasks.verdict import Verdict

GLOBE = LatLonGrid(90.0, -2.0, 91, 0.0, 2.0, 180)
LEADS = np.arange(0, 96 * 60 + 1, 60)
WARM, CLOUD, RAIN, RATE = (
    "air_temperature_2m",
    "cloud_cover_atmosphere",
    "precipitation_amount_surface",
    "precipitation_rate_surface",
)
Fields = NDArray[np.float64]
Plant = Callable[[Fields], None]


def weather(mean: float = 285.0, spread: float = 20.0, speed: float = 0.03, cells: int = 2_000) -> Fields:
    """[lead, cell]: waves that move, so that a field differs from another the more the further apart they are."""
    places = np.arange(cells) / 37.0
    hours = LEADS[:, None] / 60.0
    return mean + spread * (np.sin(places + speed * hours) + 0.3 * np.sin(7 * places - 2.3 * speed * hours))


def measured(fields: Fields, name: str = WARM, outside: Fields | None = None, intervals: int = 0) -> Measured:
    """As the tally has it, by NumPy, of fields [lead, cell]."""
    none = np.full(len(fields), np.nan)
    across = none.copy()
    across[1:-1] = np.nanmean(np.abs(fields[2:] - fields[:-2]), axis=1)
    return Measured(
        variable=variable(name),
        cells=fields.shape[1],
        leads=LEADS[: len(fields)],
        intervals=np.full(len(fields), intervals),
        missing=np.isnan(fields).mean(axis=1),
        outside=np.zeros(len(fields)) if outside is None else outside,
        low=np.nanmin(fields, axis=1),
        mean=np.nanmean(fields, axis=1),
        high=np.nanmax(fields, axis=1),
        change=np.append(np.nan, np.nanmean(np.abs(np.diff(fields, axis=0)), axis=1)),
        across=across,
    )


def judge(*fields: Measured, grid: Grid = GLOBE, **more: Any) -> Verdict:
    return Gate(**more).judge("gfs 2026-04-20T00:00Z", grid, fields)


def hours(verdict: Verdict, name: str = WARM) -> list[int]:
    return sorted(lead // 60 for lead in verdict.withheld.get(name, ()))
