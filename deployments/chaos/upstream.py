"""What lies upstream of a world: short runs of two models on a few cells, laid out as in public buckets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from deployments.simulator import waves
from deployments.simulator.arrivals import arrivals, by_clock
from deployments.simulator.faults import FaultKind, FileFault, apply_faults
from deployments.simulator.producer import producer_of
from deployments.simulator.run import simulate_run
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.model import Cycle, Model
from storage.grids import LatLonGrid
from tasks.clock import Clock
from tasks.wanted import Mirror

GRID = LatLonGrid(54.0, -1.0, 5, 0.0, 1.0, 6)
LAT, LON = 52.0, 3.0
"""A cell of the grid, in the southern North Sea."""
HOURS = (0, 6, 12, 18)
LEADS = (0, 3, 6, 12, 18, 24, 30)
STAGE = 18
LONG = {"gfs": 132, "ifs": 126}
FEW = ("air_temperature_2m", "dew_point_temperature_2m", "air_pressure_mean_sea_level", "precipitation_amount_surface")
DRIFT = 5.0
"""Simulated runs are wrong by so much, and each in its own way, that a mixture of two is seen at every hour."""


@dataclass(frozen=True)
class Upstream:
    """Simulated runs below `folder`, which is not to be written. `models` lack their mirrors."""

    folder: Path
    models: tuple[Model, ...]
    init_times: tuple[datetime, ...]

    def with_mirrors(self, mirrors: Sequence[Mirror]) -> tuple[Model, ...]:
        return tuple(replace(model, mirrors=tuple(mirrors)) for model in self.models)

    def appears(self, clock: Clock) -> Callable[[str], bool]:
        """What a server is told: files land when their models expect them to, on that clock."""
        times: dict[str, datetime] = {}
        for model in self.models:
            times |= arrivals(model, self.init_times)
        return by_clock(times, clock)

    def newest(self, model: Model, now: datetime) -> datetime:
        """The newest run of which all leads have landed by then."""
        minute = timedelta(minutes=1)
        there = [one for one in self.init_times if model.arrives(one, model.leads(one)[-1]) + minute <= now]
        return max(there)

    def spoilt(self, place: Path, deeds: Iterable[Deed]) -> Path:
        """A copy of the folder in `place` with files spoilt: links, but for what is spoilt."""
        copy_tree(self.folder, place)
        # What is gone cannot be spoilt any more.
        for deed in sorted(deeds, key=lambda deed: deed.kind is FaultKind.MISSING):
            for model in self.models:
                apply_faults(place, model, deed.init_time, [FileFault(deed.kind, lead) for lead in deed.leads])
        return place


@dataclass(frozen=True)
class Deed:
    """What is wrong with the main files of some leads (hours) of a run, of every model."""

    kind: FaultKind
    init_time: datetime
    leads: tuple[int, ...] = LEADS


def short_models() -> tuple[Model, ...]:
    """GFS, published in two stages, and IFS, of few leads on few cells; when they land and are late is as ever."""
    return tuple(
        replace(
            model,
            cycles=(Cycle(HOURS, LEADS),),
            stages=(STAGE,) if model is GFS else (),
            bytes_per_message=500,
            grid=GRID,
        )
        for model in (GFS, IFS)
    )


def long_models() -> tuple[Model, ...]:
    """The same, of few variables and so many leads that outages of days are bridged."""
    return tuple(
        replace(
            model,
            cycles=(Cycle(HOURS, tuple(range(0, LONG[model.name] + 1, 6))),),
            wanted=tuple(wanted for wanted in model.wanted if wanted.name in FEW),
            stages=(),
            bytes_per_message=500,
            grid=GRID,
        )
        for model in (GFS, IFS)
    )


def simulate(
    folder: Path, models: Sequence[Model], init_times: Sequence[datetime], advance: Callable[[int, int], None]
) -> Upstream:
    """Write the runs, no two of which say the same; `advance` counts them."""
    runs = [(model, init_time) for model in models for init_time in init_times]
    drift, waves.DRIFT = waves.DRIFT, DRIFT
    try:
        for done, (model, init_time) in enumerate(runs, 1):
            # A forecast errs by its model's name.
            errs = replace(model, name=f"{model.name} {init_time}")
            simulate_run(folder, errs, init_time, model.leads(init_time), GRID, threads=1, producer=producer_of(model))
            advance(done, len(runs))
    finally:
        waves.DRIFT = drift
    return Upstream(folder, tuple(models), tuple(sorted(init_times)))


def copy_tree(source: Path, target: Path) -> None:
    """A copy without hidden files, of links where both lie on one disk: nothing here is written to in place."""

    def take(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copyfile(one, other)

    shutil.copytree(source, target, copy_function=take, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
