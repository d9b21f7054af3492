"""At the seam between two models: the last three hours of one pass over to the other, and nothing else does."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.merge import Merged, Mix, Reading
from serving.plan import plan_of
from serving.preference import When
from serving.quantities import INDEX, Group
from serving.slots import Slots

INIT = datetime(2026, 11, 24, tzinfo=UTC)
START = int(INIT.timestamp())
NAN = math.nan
HOURS = 30
EVERYTHING = frozenset((group, when) for group in Group for when in When)


def merged(stores: list[Any], slots: Slots | None = None) -> Merged:
    starts = START + 3600 * np.arange(HOURS, dtype=np.int64)
    mix = Mix(slots or Slots(starts, starts + 3600), 52.5, 13.4)
    for store in stores:
        mix.take(Reading(plan_of(store.schema), store.values), EVERYTHING)
    return mix.done()


def plainly(first: list[float], second: list[float]) -> list[float]:
    """What a temperature comes to, of two hourly series without lines across holes: hour by hour, by hand."""
    who = ["a" if not math.isnan(a) else "b" if not math.isnan(b) else "-" for a, b in zip(first, second, strict=True)]
    told = [{"a": a, "b": b, "-": NAN}[w] for w, a, b in zip(who, first, second, strict=True)]
    for model, other, values in (("a", "b", second), ("b", "a", first)):
        last = max((hour for hour, each in enumerate(who) if each == model), default=None)
        if last is None or last + 2 >= len(who) or who[last + 1] != other:
            continue
        for back, share in ((0, 0.25), (1, 0.5), (2, 0.75)):
            hour = last - back
            if hour >= 0 and who[hour] == model and not math.isnan(values[hour]):
                told[hour] = share * told[hour] + (1 - share) * values[hour]
    return told


# Holes of six hours and more: a line closes the shorter ones.
SPANS = st.lists(st.tuples(st.integers(0, HOURS), st.integers(7, 12)), max_size=3)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SPANS, SPANS, st.integers(0, 2**31))
def test_every_hour_is_what_it_comes_to_by_hand(series_store: Any, one: Any, other: Any, seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = []
    for spans in (one, other):
        row = chance.uniform(250, 300, HOURS + 1).astype(np.float32).astype(float)
        for start, length in spans:
            row[start : start + length] = NAN
        rows.append(row.tolist())
    stores = [
        series_store(model, INIT, range(HOURS + 1), {"air_temperature_2m": row})
        for model, row in zip(("ifs", "gfs"), rows, strict=True)
    ]
    told = merged(stores)["temperature"]
    np.testing.assert_allclose(told, plainly(rows[0][:HOURS], rows[1][:HOURS]), rtol=1e-6)


def pair(make: Any, series: dict[str, tuple[float, float]], last: int = 12) -> list[Any]:
    """IFS up to hour `last` and GFS all along, each with the one and the other value."""
    ends = [(last, 0), (HOURS + 1, 1)]
    return [
        make(model, INIT, range(end + 1), {name: both[n] for name, both in series.items()})
        for model, (end, n) in zip(("ifs", "gfs"), ends, strict=True)
    ]


def test_wind_is_blended_as_a_vector(series_store: Any) -> None:
    told = merged(pair(series_store, {"eastward_wind_10m": (4, -4), "northward_wind_10m": (0, 8)}))
    np.testing.assert_allclose(told["eastward_wind"][9:14], [4, 2, 0, -2, -4])
    np.testing.assert_allclose(told["northward_wind"][9:14], [0, 2, 4, 6, 8])
    for name in ("eastward_wind", "northward_wind"):
        assert told.blended[INDEX[name]].tolist()[9:14] == [-1, 1, 1, 1, -1]
        assert told.who[INDEX[name]].tolist()[9:14] == [0, 0, 0, 0, 1]


def test_amounts_kinds_and_chances_are_not(series_store: Any) -> None:
    series = {
        "precipitation_amount_surface": (1.0, 3.0),
        "precipitation_rate_surface": (1 / 3600, 3 / 3600),
        "precipitation_probability_surface": (10, 90),
        "precipitation_amount_spread_surface": (1.0, 3.0),
        "categorical_rain_surface": (1, 0),
        "categorical_snow_surface": (0, 1),
        "storm_distance_surface": (1000, 9000),
        "storm_bearing_surface": (10, 350),
    }
    told = merged(pair(series_store, series))
    # Rates are sought where there are no amounts.
    del series["precipitation_amount_surface"]
    rates = merged(pair(series_store, series))
    assert set(np.round(rates["rate"], 3)) == {1, 3}
    assert (rates.blended == -1).all()
    for name, one, other in (
        ("amount", 1, 3),
        ("probability", 0.1, 0.9),
        ("amount_spread", 1, 3),
        ("kind", 1, 2),
        ("storm_distance", 1000, 9000),
        ("storm_bearing", 10, 350),
    ):
        assert set(np.round(told[name], 3)) == {one, other}, name
    assert (told.blended == -1).all()


@pytest.mark.parametrize("name", ["temperature", "dew_point", "humidity", "pressure", "cloud_cover", "visibility"])
def test_continuous_quantities_pass_over_step_by_step(series_store: Any, name: str) -> None:
    series = {
        "air_temperature_2m": (290, 280),
        "dew_point_temperature_2m": (285, 275),
        "relative_humidity_2m": (50, 90),
        "air_pressure_mean_sea_level": (100_000, 101_000),
        "cloud_cover_atmosphere": (0, 100),
        "visibility_surface": (1000, 9000),
    }
    told = merged(pair(series_store, series))[name]
    shares = (told - told[-1]) / (told[0] - told[-1])
    np.testing.assert_allclose(shares, [1] * 10 + [0.75, 0.5, 0.25] + [0] * 17, atol=1e-6)


def test_two_runs_of_one_model_have_no_seam(series_store: Any) -> None:
    runs = [
        series_store("ifs", INIT, range(last + 1), {"air_temperature_2m": value})
        for last, value in ((12, 290), (30, 280))
    ]
    assert set(merged(runs)["temperature"]) == {290, 280}


def test_where_the_other_begins_at_the_seam_nothing_is_blended(series_store: Any) -> None:
    first = series_store("ifs", INIT, range(13), {"air_temperature_2m": 290})
    second = series_store("gfs", INIT, [*range(13, 31)], {"air_temperature_2m": 280})
    assert set(merged([first, second])["temperature"]) == {290, 280}


def test_minutes_are_told_by_one_model(series_store: Any) -> None:
    stores = pair(series_store, {"air_temperature_2m": (290, 280)})
    starts = START + 3600 * 12 - 600 + 60 * np.arange(20, dtype=np.int64)
    told = merged(stores, Slots(starts, starts + 60))["temperature"]
    np.testing.assert_allclose(told, [290] * 11 + [280] * 9)


def test_hours_that_do_not_follow_each_other_have_no_seam(series_store: Any) -> None:
    """Half a day is missing between the hours that are asked for: no seam lies there."""
    stores = pair(series_store, {"air_temperature_2m": (290, 280)})
    starts = START + 3600 * np.array([9, 10, 11, 14, 15, 16], dtype=np.int64)
    np.testing.assert_array_equal(merged(stores, Slots(starts, starts + 3600))["temperature"], [290] * 3 + [280] * 3)
