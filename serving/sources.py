"""The models at a place: who is asked, down to which rung, and what became of each."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from serving import preference
from serving.merge import Mix, Reading
from serving.options import ForecastOptions
from serving.places import Place
from serving.plan import plan_of
from serving.rungs import Rung, lowest
from storage.errors import CorruptStore
from storage.grids import Cell, OutsideGrid
from storage.schema import StoreSchema

log = logging.getLogger(__name__)

_HOUR = 3600


class Store(Protocol):
    """What an answer needs of an open store."""

    @property
    def schema(self) -> StoreSchema: ...

    def point(self, cell: Cell) -> NDArray[np.float32]: ...


class Run(NamedTuple):
    """A run that was read at the place; `number`: of its reading."""

    store: Store
    cell: Cell
    number: int


@dataclass(slots=True)
class Source:
    """One model at the place: the runs of it that were read, newest first, and what is wrong with it.

    unreadable: its newest run is damaged here; missing: how many numbers its runs should have told and did not;
    overtaken: whether another model told some of those.
    """

    model: str
    newest: Store
    runs: list[Run] = field(default_factory=list)
    unreadable: bool = False
    missing: int = 0
    overtaken: bool = False


@dataclass(frozen=True)
class Sources:
    """The models that cover the place and were asked, best first; the names of those that are too old."""

    models: list[Source]
    stale: list[str]


def is_excluded(model: str, options: ForecastOptions) -> bool:
    """Whether the client does not want this model, by either of its names."""
    return model in options.exclude or preference.source_name(model) in options.exclude


def read_sources(
    place: Place, stores: Sequence[Store], options: ForecastOptions, now: datetime, mix: Mix | None
) -> Sources:
    """Climb down the ladder: each model's newest run, what it lacks from the run before it, then the next model.

    A run that can add nothing is not read; without `mix` none is. One that is damaged at the place is passed over,
    told and logged.
    """
    wanted = [store for store in stores if not is_excluded(store.schema.model, options)] if options.exclude else stores
    models, stale = preference.split_stale(preference.by_model(wanted, place.lat, place.lon), now)
    found = Sources([], [runs[0].schema.model for runs in stale])
    # Hours that are over may belong to earlier runs, whatever the newest holds: they are no fallback.
    hour = int(now.timestamp()) // _HOUR * _HOUR
    for runs in models:
        if source := _read_model(place, runs, mix, hour, now):
            found.models.append(source)
    if stale and not (any(mix.lately) if mix else found.models):
        for runs in stale:
            if source := _read_model(place, runs, mix, hour, None):
                found.models.append(source)
    if mix is not None:
        for source in found.models:
            source.overtaken = source.missing > 0 and mix.missing(plan_of(source.newest.schema)) < source.missing
    return found


def _read_model(
    place: Place, runs: Sequence[Store], mix: Mix | None, hour: int, limit: datetime | None
) -> Source | None:
    """What one model tells; None where none of its runs covers the place.

    limit: a run that is stale then is passed over; None: no run is.
    """
    newest = runs[0]
    source = None
    for store in runs:
        plan = plan_of(store.schema)
        useful = mix is not None and mix.needs(plan)
        if source is not None and not useful:
            continue
        try:
            cell = store.schema.grid.cell(place.lat, place.lon)
        except OutsideGrid:
            continue
        source = source or Source(newest.schema.model, newest)
        if mix is None or not useful:
            continue
        if store is not newest and limit is not None and preference.is_stale(store.schema, limit):
            continue
        try:
            values = store.point(cell)
        except CorruptStore as error:
            log.error("%s: %s", store.schema.model, error)
            source.unreadable = source.unreadable or store is newest
            continue
        source.runs.append(Run(store, cell, mix.fill(Reading(plan, values), hour)))
    if mix is not None and source is not None and source.runs:
        first = source.runs[0]
        whole = len(source.runs) == 1 and first.store is newest and not newest.schema.withheld
        source.missing = mix.lacked[first.number] if whole else mix.missing(plan_of(newest.schema))
    return source


Rungs = dict[str, Rung]


def rungs_of(sources: Sources, mix: Mix, options: ForecastOptions, troubled: Collection[str], now: datetime) -> Rungs:
    """On which rung each model stands that told something here or should have: model -> rung.

    troubled: models of which something newer cannot be used, or nothing at all.
    """
    rungs = dict.fromkeys(sources.stale, Rung.NEXT_MODEL)
    for source in sources.models:
        rung = _rung_of(source, mix, troubled, now)
        if rung is not None:
            rungs[source.model] = rung
    if troubled:
        asked = {source.model for source in sources.models}
        for model in troubled:
            if model not in asked and not is_excluded(model, options):
                rungs[model] = Rung.NEXT_MODEL
    return rungs


def _rung_of(source: Source, mix: Mix, troubled: Collection[str], now: datetime) -> Rung | None:
    schema = source.newest.schema
    age = now - schema.init_time
    told = lately = earlier = False
    for run in source.runs:
        told = told or mix.given[run.number] > 0
        if mix.lately[run.number]:
            lately = True
            earlier = earlier or run.store is not source.newest
    if source.overtaken:
        return Rung.NEXT_MODEL
    if not lately:
        if source.unreadable or age > timedelta(minutes=schema.lead_times[-1]):
            return Rung.NEXT_MODEL
        return Rung.NEWEST if told else None
    if source.unreadable or source.model in troubled or age > timedelta(minutes=schema.freshness.late_after):
        return Rung.LAST_GOOD
    return Rung.PREVIOUS_RUN if earlier else Rung.NEWEST


@lru_cache(maxsize=1)
def product_version() -> str:
    """The version of this software as `flags.version` tells it."""
    return f"Windlass {version('windlass')}"


def make_flags(sources: Sources, mix: Mix | None, rungs: Rungs, options: ForecastOptions) -> dict[str, Any]:
    """`flags`: who filled something, from which runs and cells, on which rung, and who is stale or unreadable."""
    times: dict[str, str] = {}
    earlier: dict[str, str] = {}
    cells: dict[str, dict[str, float]] = {}
    for source in sources.models:
        name = preference.source_name(source.model)
        for run in source.runs:
            if mix is None or not mix.given[run.number]:
                continue
            schema = run.store.schema
            time = f"{schema.init_time:%Y-%m-%d %H}Z"
            if name in times:
                earlier[name] = time
                continue
            times[name] = time
            lat, lon = schema.grid.latlon(run.cell)
            cells[name] = {"x": run.cell.x, "y": run.cell.y, "lat": round(lat, 4), "lon": round(lon, 4)}
    flags: dict[str, Any] = {
        "sources": list(times),
        "sourceTimes": times,
        "units": str(options.units),
        "version": product_version(),
        "sourceIDX": cells,
    }
    if rungs:
        flags["rung"] = lowest(rungs.values())
        flags["rungs"] = {preference.source_name(model): rung for model, rung in rungs.items()}
    if earlier:
        flags["previousTimes"] = earlier
    if sources.stale:
        flags["staleSources"] = sorted(map(preference.source_name, sources.stale))
    if unreadable := [source.model for source in sources.models if source.unreadable]:
        flags["unreadableSources"] = [preference.source_name(model) for model in unreadable]
    return flags
