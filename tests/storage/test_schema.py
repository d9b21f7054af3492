"""What a store says of itself survives the way through JSON, and nonsense is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import StoreError
from storage.grids import LatLonGrid
from storage.schema import AI, Freshness, SchemaError, StoredVariable, StoreSchema, Whole
from storage.variables import CATALOGUE, variable

VARIABLE = {
    "name": "air_temperature_2m",
    "scale_factor": 0.01,
    "add_offset": 280.0,
    "intervals": [0, 0, 0],
    "widened": False,
}
minutes = st.lists(st.integers(0, 100_000), min_size=1, max_size=8, unique=True).map(lambda leads: tuple(sorted(leads)))
floats = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def schemas(draw: st.DrawFn) -> StoreSchema:
    leads = draw(minutes)
    names = draw(st.lists(st.sampled_from(sorted(CATALOGUE)), max_size=4, unique=True))
    intervals = st.tuples(*(st.integers(0, 1440) for _ in leads))
    stored = tuple(
        StoredVariable(
            variable(name), draw(floats.filter(lambda x: x > 0)), draw(floats), draw(intervals), draw(st.booleans())
        )
        for name in names
    )
    grid = LatLonGrid(draw(floats), -0.25, draw(st.integers(1, 9)), draw(floats), 0.25, draw(st.integers(1, 9)))
    time = draw(st.datetimes(datetime(1979, 1, 1), datetime(2059, 1, 1))).replace(second=0, microsecond=0, tzinfo=UTC)
    text = st.text(max_size=20)
    provenance = draw(st.dictionaries(text, st.lists(st.integers() | text, max_size=3), max_size=3))
    whole = draw(st.none() | st.builds(Whole, st.integers(1, 400), st.integers(0, 9999)))
    return StoreSchema(
        "gfs",
        time,
        leads,
        stored,
        grid,
        Freshness(1, 2, 3),
        draw(text),
        draw(text),
        provenance,
        whole=whole,
        traits=draw(st.sampled_from([(), (AI,), (AI, "other")])),
    )


@given(schemas())
def test_a_schema_survives_json(schema: StoreSchema) -> None:
    again = StoreSchema.from_attrs(json.loads(json.dumps(schema.to_attrs())))
    assert again == schema
    assert again.provenance == schema.provenance


def test_a_store_of_before_whole_and_traits_were_told_has_the_attributes_it_had(make_schema: Any) -> None:
    attrs = make_schema().to_attrs()
    assert "whole" not in attrs
    assert "traits" not in attrs
    assert StoreSchema.from_attrs(attrs).to_attrs() == attrs


def test_a_store_of_a_model_that_learned_the_weather_says_so(make_schema: Any) -> None:
    assert not make_schema().is_ai
    learned = StoreSchema.from_attrs(make_schema().to_attrs() | {"traits": ["ai"]})
    assert learned.is_ai
    assert learned.traits == ("ai",)


def test_names_and_times_follow(make_schema: Any) -> None:
    schema = make_schema()
    assert schema.names == ("air_temperature_2m", "precipitation_amount_surface")
    assert [f"{time:%d %H:%M}" for time in schema.valid_times] == ["20 06:00", "20 07:00", "20 09:00"]


@pytest.mark.parametrize("leads", [(), (60, 0, 180), (0, 60, 60)])
def test_leads_increase(make_schema: Any, leads: tuple[int, ...]) -> None:
    with pytest.raises(SchemaError, match="strictly increasing"):
        replace(make_schema(), lead_times=leads)


def test_every_lead_has_its_interval(make_schema: Any) -> None:
    schema = make_schema()
    with pytest.raises(SchemaError, match="air_temperature_2m has 1 intervals"):
        replace(schema, variables=(replace(schema.variables[0], intervals=(0,)),))


@pytest.mark.parametrize("time", [datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)])
def test_a_run_starts_at_a_whole_minute_utc(make_schema: Any, time: datetime) -> None:
    with pytest.raises(SchemaError, match="whole minutes"):
        replace(make_schema(), init_time=time)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "windlass-2"},
        {"format": None},
        {"init_time": "yesterday"},
        {"init_time": 5},
        {"lead_times": None},
        {"lead_times": []},
        {"grid": {"kind": "cube"}},
        {"grid": None},
        {"freshness": {"due_after": 1}},
        {"variables": [{"name": "air_temperature_2m"}]},
        {
            "variables": [
                {"name": "no_such_thing", "scale_factor": 1, "add_offset": 0, "intervals": [], "widened": False}
            ]
        },
    ],
)
def test_attributes_of_something_else_are_refused(make_schema: Any, change: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        StoreSchema.from_attrs(make_schema().to_attrs() | change)


def test_missing_attributes_are_named(make_schema: Any) -> None:
    attrs = make_schema().to_attrs()
    del attrs["licence"]
    with pytest.raises(SchemaError, match="licence"):
        StoreSchema.from_attrs(attrs)


def test_a_schema_error_is_a_store_error() -> None:
    assert issubclass(SchemaError, StoreError)
