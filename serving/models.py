"""What each store that is served says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from serving.preference import source_name
from serving.static import Static
from storage.reader import Store
from storage.schema import StoreSchema
from storage.variables import Statistic


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


class ModelStatic(BaseModel):
    """What is the same in every run of a model."""

    init_time: datetime = Field(description="start of the run that it was taken from")
    variables: list[ModelVariable]


class ModelStore(BaseModel):
    """What a store says of itself."""

    model: str = Field(examples=["ifs"])
    source: str = Field(description="its name in flags.sources and exclude", examples=["ecmwf_ifs"])
    traits: list[str] = Field(
        description="of its kind; ai: it learned the weather, and answers only who asks for such models; analysis: it "
        "tells how it is, not how it will be"
    )
    title: str = Field(examples=["IFS of 2026-11-24T00:00Z"])
    attribution: str
    licence: str
    init_time: datetime
    lead_hours: list[float] = Field(description="hours after init_time")
    grid: ModelGrid
    variables: list[ModelVariable]
    static: ModelStatic | None = Field(description="what is the same in every run; null where nothing is kept")


def describe(store: Store, static: Static | None = None) -> ModelStore:
    """One entry of GET /models."""
    schema = store.schema
    grid = schema.grid.to_attrs()
    return ModelStore(
        model=schema.model,
        source=source_name(schema.model),
        traits=list(schema.traits),
        title=f"{schema.model.upper()} of {schema.init_time.astimezone(UTC):%Y-%m-%dT%H:%MZ}",
        attribution=schema.attribution,
        licence=schema.licence,
        init_time=schema.init_time,
        lead_hours=[lead / 60 for lead in schema.lead_times],
        grid=ModelGrid(kind=grid.pop("kind"), shape=schema.grid.shape, parameters=grid),
        variables=_variables(schema),
        static=None
        if static is None
        else ModelStatic(init_time=static.store.schema.init_time, variables=_variables(static.store.schema)),
    )


def _variables(schema: StoreSchema) -> list[ModelVariable]:
    return [
        ModelVariable(
            name=stored.name,
            long_name=stored.variable.long_name,
            standard_name=stored.variable.standard_name,
            units=stored.variable.units,
            statistic=stored.variable.statistic,
        )
        for stored in schema.variables
    ]
