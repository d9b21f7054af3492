"""Which store tells what: order, holes, vectors, kinds, age."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from serving.merge import EVERYTHING, Merged, Mix, Reading, merge
from serving.plan import plan_of
from serving.quantities import CHANCE_NAMES, INDEX, QUANTITIES
from serving.slots import Slots
from storage.catalogue.ensemble import ENSEMBLE
from storage.catalogue.spans import SPANS
from storage.variables import CATALOGUE

INIT = datetime(2026, 11, 24, tzinfo=UTC)
START = int(INIT.timestamp())
HOUR = 3600
NAN = math.nan


def slots(count: int, first: int = 0) -> Slots:
    starts = START + HOUR * np.arange(first, first + count, dtype=np.int64)
    return Slots(starts, starts + HOUR)


def merged(stores: list[Any], span: Slots) -> Merged:
    readings = [Reading(plan_of(store.schema), store.values) for store in stores]
    return merge(readings, span, 52.5, 13.4)


def who(result: Merged, name: str) -> list[int]:
    return [int(index) for index in result.who[INDEX[name]]]


def test_what_of_the_catalogue_is_not_used() -> None:
    used = {name for quantity in QUANTITIES for recipe in quantity.recipes for name in recipe.names}
    assert set(CATALOGUE) - used == {
        "ceiling_height_above_ground",
        "cloud_cover_high",
        "cloud_cover_low",
        "cloud_cover_middle",
        "composite_reflectivity_atmosphere",
        "convective_inhibition_surface",
        "precipitable_water_atmosphere",
        "reflectivity_1000m",
        "snow_depth_surface",
        "snow_water_equivalent_surface",
        "snowfall_amount_surface",
        "land_share_surface",
        "snowfall_thickness_surface",
        "temperature_surface",
        "terrain_height_surface",
        "wind_from_direction_10m",
        "wind_speed_10m",
        *(row.name for row in (*SPANS, *ENSEMBLE) if row.name not in used),
    }
    assert {row.name for row in (*SPANS, *ENSEMBLE)} & used == {
        "precipitation_amount_1h_surface",
        "precipitation_amount_6h_surface",
        "precipitation_amount_spread_surface",
        "precipitation_probability_1h_surface",
        "precipitation_probability_surface",
        *CHANCE_NAMES,
    }


def test_the_first_store_with_a_value_tells_each_hour(series_store: Any) -> None:
    near = series_store("ifs", INIT, (0, 3, 6), {"air_temperature_2m": [280, 286, 292]})
    far = series_store("gfs", INIT, range(10), {"air_temperature_2m": 270.0, "ozone_column_atmosphere": 300.0})
    result = merged([near, far], slots(10))
    # Its last three hours pass over to the other's.
    np.testing.assert_allclose(result["temperature"], [280, 282, 284, 286, 283.5, 280, 275.5, 270, 270, 270])
    assert who(result, "temperature") == [0] * 7 + [1] * 3
    assert who(result, "ozone") == [1] * 10


def test_a_hole_in_the_first_store_is_filled_by_the_second(series_store: Any) -> None:
    near = series_store("ifs", INIT, range(0, 25, 3), {"air_temperature_2m": [280, *[NAN] * 7, 281]})
    far = series_store("gfs", INIT, range(25), {"air_temperature_2m": 270.0})
    assert who(merged([near, far], slots(25)), "temperature") == [0] + [1] * 23 + [0]


def test_wind_is_taken_as_a_vector_from_one_store(series_store: Any) -> None:
    near = series_store(
        "ifs", INIT, range(4), {"eastward_wind_10m": [1, 2, 3, 4], "northward_wind_10m": [5, NAN, NAN, 8]}
    )
    far = series_store("gfs", INIT, range(4), {"eastward_wind_10m": -1.0, "northward_wind_10m": [-5, -6, NAN, -8]})
    # The gap of `near` is closed by a line; without one the pair of `far` is taken whole.
    short = series_store("ifs", INIT, (0, 12), {"eastward_wind_10m": [1, 2], "northward_wind_10m": [5, NAN]})
    assert who(merged([near, far], slots(4)), "eastward_wind") == [0] * 4
    result = merged([short, far], slots(4))
    assert who(result, "eastward_wind") == who(result, "northward_wind") == [0, 1, 1, 1]
    np.testing.assert_allclose(result["eastward_wind"], [1 / 4 - 3 / 4, -1, -1, -1])
    np.testing.assert_allclose(result["northward_wind"], [5 / 4 - 15 / 4, -6, -7, -8])


def test_north_is_between_350_and_10_degrees(series_store: Any) -> None:
    angles = np.radians([350.0, 10.0])
    wind = {"eastward_wind_10m": -5 * np.sin(angles), "northward_wind_10m": -5 * np.cos(angles)}
    result = merged([series_store("gfs", INIT, (0, 2), wind)], slots(2))
    assert result["eastward_wind"][1] == pytest.approx(0.0, abs=1e-6)
    assert result["northward_wind"][1] < -4.9


def test_humidity_comes_from_temperature_and_dew_point_where_a_store_has_none(series_store: Any) -> None:
    pair = {"air_temperature_2m": 293.15, "dew_point_temperature_2m": 283.15}
    near = series_store("ifs", INIT, range(3), pair)
    far = series_store("gfs", INIT, range(3), {"air_temperature_2m": 293.15, "relative_humidity_2m": 99.0})
    result = merged([near, far], slots(3))
    np.testing.assert_allclose(result["humidity"], 0.525, atol=0.002)
    result = merged([far], slots(3))
    np.testing.assert_allclose(result["humidity"], 0.99)
    np.testing.assert_allclose(result["dew_point"], 292.98, atol=0.02)


def test_the_kind_comes_from_the_store_that_gave_the_amount(series_store: Any) -> None:
    near = series_store(
        "ifs",
        INIT,
        (0, 3, 6),
        {"precipitation_amount_surface": [NAN, 3, NAN], "precipitation_type_surface": [0, 5, 5]},
    )
    far = series_store(
        "gfs",
        INIT,
        range(7),
        {"precipitation_amount_surface": [NAN, *[2] * 6], "categorical_rain_surface": [0, *[1] * 6]},
    )
    result = merged([near, far], slots(6))
    np.testing.assert_allclose(result["amount"], [1, 1, 1, 2, 2, 2])
    np.testing.assert_allclose(result["kind"], [2, 2, 2, 1, 1, 1])
    assert who(result, "kind") == [0, 0, 0, 1, 1, 1]


def test_the_kind_belongs_to_the_lead_that_ends_the_hour(series_store: Any) -> None:
    store = series_store(
        "gfs",
        INIT,
        range(5),
        {
            "precipitation_amount_surface": [NAN, 1, 1, 1, 1],
            "categorical_rain_surface": [0, 1, 0, 0, 0],
            "categorical_snow_surface": [0, 0, 1, 0, 0],
        },
    )
    # Hour 3 ends in a lead without any kind: the lead at its start is heard, which has none either.
    np.testing.assert_allclose(merged([store], slots(4))["kind"], [1, 2, 2, 0])


def test_the_sum_over_hours_is_the_sum_over_steps(weather_store: Any) -> None:
    for model in ("gfs", "ifs"):
        store = weather_store(model, INIT)
        amounts = store.values[store.schema.names.index("precipitation_amount_surface")]
        last = store.schema.lead_times[-1] // 60
        told = merged([store], slots(last))["amount"]
        assert told.sum() == pytest.approx(float(np.nansum(amounts, dtype=np.float64)), rel=1e-9)


def test_nothing_is_told_before_the_first_or_after_the_last_lead(weather_store: Any) -> None:
    result = merged([weather_store("gfs", INIT, range(7))], slots(12, first=-3))
    for name in ("temperature", "amount", "solar", "kind", "eastward_wind", "visibility"):
        told = ~np.isnan(result[name])
        last = 9 if name in ("amount", "solar", "kind") else 10
        assert list(np.flatnonzero(told)) == list(range(3, last)), name


def test_plans_are_remembered_and_forgotten_with_their_schema(series_store: Any) -> None:
    import gc

    from serving import plan

    store = series_store("gfs", INIT, range(4), {"air_temperature_2m": 280.0})
    key = id(store.schema)
    assert plan_of(store.schema) is plan_of(store.schema)
    assert key in plan._plans
    del store
    gc.collect()
    assert key not in plan._plans


def test_what_stands_in_for_another_is_sought_where_that_is_missing_only(series_store: Any) -> None:
    cape = [100.0, 200.0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN]
    first = series_store("gfs", INIT, range(11), {"cape_surface": cape, "air_temperature_2m": 280.0})
    second = series_store("ifs", INIT, range(11), {"cape_most_unstable": 900.0, "air_temperature_2m": 281.0})
    told = merged([first, second], slots(10))
    np.testing.assert_array_equal(told["cape"], [100.0, 200.0, *[NAN] * 8])
    np.testing.assert_array_equal(told["cape_unstable"], [NAN, NAN, *[900.0] * 8])
    mix = Mix(slots(2), 52.5, 13.4)
    assert mix.needs(plan_of(second.schema), EVERYTHING)
    mix.take(Reading(plan_of(first.schema), first.values), EVERYTHING)
    assert not mix.needs(plan_of(second.schema), EVERYTHING), "nothing is left for it to tell"
    assert mix.missing(plan_of(second.schema), EVERYTHING) == 0


def test_rates_are_sought_where_no_amount_is_told(series_store: Any) -> None:
    series = {"precipitation_rate_surface": 0.001, "precipitation_amount_surface": [NAN, 1.0, 1.0, NAN, NAN, NAN]}
    told = merged([series_store("hrrr", INIT, range(6), series)], slots(5))
    np.testing.assert_allclose(told["amount"], [1.0, 1.0, NAN, NAN, NAN])
    np.testing.assert_allclose(told["rate"], [NAN, NAN, 3.6, 3.6, 3.6], rtol=1e-5)


def test_of_later_minutes_only_what_falls_is_sought(series_store: Any) -> None:
    series = {"air_temperature_2m": 280.0, "air_pressure_mean_sea_level": 100_000.0, "wind_gust_10m": 9.0}
    store = series_store("hrrr", INIT, range(4), series)
    starts = START + 60 * np.arange(5, dtype=np.int64)
    mix = Mix(Slots(starts, starts + 60, full=1, untold=frozenset({"wind_gust"})), 52.5, 13.4)
    reading = Reading(plan_of(store.schema), store.values)
    assert mix.take(reading, EVERYTHING) == 0, "what nobody wants is not missing"
    told = mix.done()
    np.testing.assert_array_equal(told["temperature"], [280.0] * 5)
    np.testing.assert_array_equal(told["pressure"], [100_000.0, *[NAN] * 4])
    assert np.isnan(told["wind_gust"]).all()
    assert reading.given == 6
