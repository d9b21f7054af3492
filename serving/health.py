"""The state of the data served, by its age and not by the success of jobs; and what each store is."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from serving.preference import source_name
from serving.stores import ModelState, Snapshot
from storage.freshness import Age, age_of
from storage.reader import Store
from storage.variables import Statistic


class Status(StrEnum):
    """What that means for those who ask for forecasts."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class ModelHealth(BaseModel):
    """One model's run, as it is served."""

    model: str = Field(examples=["gfs"])
    state: Age = Field(
        description="fresh; due: the next run should be here; late: people are told; stale: passed over while others "
        "are not; ended: its last valid time is past; missing: no run of it opens"
    )
    init_time: datetime | None = Field(description="start of the run that is served, UTC")
    age_minutes: int | None = Field(description="how long ago that was")
    leads: int | None = Field(description="how many lead times the run holds")
    last_valid_time: datetime | None = Field(description="what its last lead is valid for")
    generation: int | None = Field(
        description="which publication of the model this is, by its manifest; null where the store was taken up "
        "without one"
    )
    store: str | None = Field(description="the file's name", examples=["20261124T0000Z.zarr.zip"])
    problem: str | None = Field(description="why this is not what the folder of stores asks for")


class Health(BaseModel):
    """What is served and how old it is."""

    status: Status = Field(
        description="ok; degraded: a model is late, stale, ended, missing or has a problem; down: nothing can be served"
    )
    time: datetime = Field(description="the server's clock, which may be frozen")
    generation: int = Field(description="how often this process has exchanged its stores")
    models: list[ModelHealth]
    problem: str | None = Field(description="why the folder of stores cannot be read")


class ModelVariable(BaseModel):
    """A variable of a store."""

    name: str = Field(examples=["air_temperature_2m"])
    long_name: str
    standard_name: str | None = Field(description="its CF standard name")
    units: str = Field(description="as stored; answers convert", examples=["K"])
    statistic: Statistic = Field(description="what a value says about the interval that ends at its valid time")


class ModelGrid(BaseModel):
    """A store's grid."""

    kind: str = Field(examples=["latlon"])
    shape: tuple[int, int] = Field(description="rows, columns", examples=[[721, 1440]])
    parameters: dict[str, Any]


class ModelStore(BaseModel):
    """What a store says of itself."""

    model: str = Field(examples=["ifs"])
    source: str = Field(description="its name in flags.sources and exclude", examples=["ecmwf_ifs"])
    title: str = Field(examples=["IFS of 2026-11-24T00:00Z"])
    attribution: str
    licence: str
    init_time: datetime
    lead_hours: list[float] = Field(description="hours after init_time")
    grid: ModelGrid
    variables: list[ModelVariable]


def health(snapshot: Snapshot, folder: Path, now: datetime) -> Health:
    """The report of GET /health. `folder` of the stores is left out of what it tells."""
    models = [_model_health(state, folder, now) for state in snapshot.models]
    good = all(model.state in (Age.FRESH, Age.DUE) and not model.problem for model in models)
    status = Status.OK if good and not snapshot.problem else Status.DEGRADED
    if all(model.state in (Age.ENDED, Age.MISSING) for model in models):
        status = Status.DOWN
    return Health(
        status=status,
        time=now,
        generation=snapshot.generation,
        models=models,
        problem=_relative(snapshot.problem, folder),
    )


def _relative(problem: str | None, folder: Path) -> str | None:
    """A problem without the server's own paths."""
    return problem and problem.replace(f"{folder}/", "").replace(str(folder), "")


def _model_health(state: ModelState, folder: Path, now: datetime) -> ModelHealth:
    schema = state.store.schema if state.store else None
    return ModelHealth(
        model=state.model,
        state=age_of(schema, now) if schema else Age.MISSING,
        init_time=schema.init_time if schema else None,
        age_minutes=int((now - schema.init_time).total_seconds() // 60) if schema else None,
        leads=len(schema.lead_times) if schema else None,
        last_valid_time=schema.valid_times[-1] if schema else None,
        generation=state.manifest.generation if state.manifest else None,
        store=state.store.path.name if state.store else None,
        problem=_relative(state.problem, folder),
    )


def describe(store: Store) -> ModelStore:
    """One entry of GET /models."""
    schema = store.schema
    grid = schema.grid.to_attrs()
    return ModelStore(
        model=schema.model,
        source=source_name(schema.model),
        title=f"{schema.model.upper()} of {schema.init_time.astimezone(UTC):%Y-%m-%dT%H:%MZ}",
        attribution=schema.attribution,
        licence=schema.licence,
        init_time=schema.init_time,
        lead_hours=[lead / 60 for lead in schema.lead_times],
        grid=ModelGrid(kind=grid.pop("kind"), shape=schema.grid.shape, parameters=grid),
        variables=[
            ModelVariable(
                name=stored.name,
                long_name=stored.variable.long_name,
                standard_name=stored.variable.standard_name,
                units=stored.variable.units,
                statistic=stored.variable.statistic,
            )
            for stored in schema.variables
        ],
    )
