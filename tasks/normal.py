"""What a model's fields are like when all is well: the statistics of what was published, for the next run's gate.

They lie beside the manifest, in an object of their own: one read of some 100 kB, where a store would have to be opened
over the network, and its root would grow by as much for every reader. They are written after the manifest's swap; a
publisher that is killed in between leaves those of the run before, which do as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, model_validator

from storage.bucket import Bucket
from storage.errors import ManifestError, ObjectNotFound
from storage.schema import StoreSchema
from storage.variables import CATALOGUE, Statistic, Variable
from tasks.statistics import Measured

NAME = "statistics.json"
DAY = 24 * 60
OLD = timedelta(days=30)
"""A variable that was not published for so long has no normal any more: the season has changed."""


@dataclass(frozen=True)
class Normal:
    """How a variable was in a published run, over its fields.

    missing: median part of the cells. means: the lowest and the highest mean. spread: median of highest less lowest
    value. Both in the variable's units, of amounts per hour. whole_day: whether the fields span a day.
    """

    missing: float
    means: tuple[float, float]
    spread: float
    whole_day: bool


class Kept(BaseModel):
    """The fields of one variable as they were published, [field] each: see tasks.statistics.Measured."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    init_time: AwareDatetime
    leads: list[int]
    intervals: list[int]
    missing: list[float]
    low: list[float | None]
    mean: list[float | None]
    high: list[float | None]

    @model_validator(mode="after")
    def _one_of_each(self) -> Kept:
        rows = (self.intervals, self.missing, self.low, self.mean, self.high)
        if any(len(row) != len(self.leads) for row in rows):
            raise ValueError("lists differ in length")
        return self

    @property
    def whole_day(self) -> bool:
        return bool(self.leads) and self.leads[-1] - self.leads[0] >= DAY

    def normal(self, variable: Variable) -> Normal | None:
        """None where no field holds any value."""
        low, mean, high = (np.array(row, np.float64) for row in (self.low, self.mean, self.high))
        if np.isnan(mean).all():
            return None
        rate = per_hour(variable, np.array(self.intervals))
        means = mean * rate
        return Normal(
            missing=float(np.median(self.missing)),
            means=(float(np.nanmin(means)), float(np.nanmax(means))),
            spread=float(np.nanmedian((high - low) * rate)),
            whole_day=self.whole_day,
        )


class Statistics(BaseModel):
    """What was published of a model, variable by variable, each of the last run that had it and passed the gate."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str
    grid: dict[str, float | int | str]
    variables: dict[str, Kept]

    def normals(self, schema: StoreSchema) -> dict[str, Normal]:
        """Of the variables of a run on the same grid; none for another grid."""
        if self.grid != schema.grid.to_attrs():
            return {}
        found = {name: kept.normal(CATALOGUE[name]) for name, kept in self.variables.items() if name in CATALOGUE}
        return {name: normal for name, normal in found.items() if normal}


def per_hour(variable: Variable, intervals: NDArray[np.int64]) -> NDArray[np.float64]:
    """What turns the amount of each interval (minutes) into an amount per hour; 1 for what is no amount."""
    if variable.statistic is not Statistic.ACCUMULATION:
        return np.ones(len(intervals))
    return 60.0 / np.maximum(intervals, 1)


def statistics_of(schema: StoreSchema, measured: Iterable[Measured], before: Statistics | None) -> Statistics:
    """What to keep of a run that was published.

    What it lacks stays as it was `before`, and so does what it has for less than a day only, as the first leads of a
    run that is published in stages; neither for longer than OLD.
    """
    grid = schema.grid.to_attrs()
    new = {one.name: _kept(one, schema.init_time) for one in measured}
    old = before.variables if before and before.grid == grid else {}
    stays = {
        name: kept
        for name, kept in old.items()
        if schema.init_time - kept.init_time <= OLD and (name not in new or kept.whole_day > new[name].whole_day)
    }
    return Statistics(model=schema.model, grid=grid, variables=new | stays)


def _kept(one: Measured, init_time: datetime) -> Kept:
    def rounded(values: NDArray[np.float64]) -> list[float | None]:
        return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]

    return Kept(
        init_time=init_time,
        leads=one.leads.tolist(),
        intervals=one.intervals.tolist(),
        missing=[float(f"{share:.4g}") for share in one.missing],
        low=rounded(one.low),
        mean=rounded(one.mean),
        high=rounded(one.high),
    )


def read_statistics(bucket: Bucket, model: str) -> Statistics | None:
    """What was kept of a model, None where nothing was; raises ManifestError for what is none, BucketError."""
    key = f"{model}/{NAME}"
    try:
        data = bucket.read(key)
    except ObjectNotFound:
        return None
    try:
        return Statistics.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ManifestError(
            f"{bucket.url(key)} holds no statistics ({'.'.join(map(str, first['loc']))}: {first['msg']}): delete it, "
            "and the next run is published without comparing it with the last one"
        ) from error


def keep_statistics(bucket: Bucket, statistics: Statistics) -> None:
    """Put them beside the manifest; raises BucketError, DiskFull."""
    bucket.write(f"{statistics.model}/{NAME}", statistics.model_dump_json().encode() + b"\n")
