"""What is now: an analysis that is held for an hour, quarters of an hour, and what neither of them tells."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from serving.forecast import ForecastOptions, ForecastUnavailable, build_forecast
from serving.merge import Merged, Mix
from serving.places import Place
from serving.quantities import INDEX
from serving.slots import Slots
from serving.sources import read_sources
from serving.units import System
from storage.schema import ANALYSIS

INIT = datetime(2026, 11, 24, 12, tzinfo=UTC)
DENVER = Place(39.7, -105.0, "America/Denver")
SI = ForecastOptions(System.SI)


def analysis(make: Any, minutes: int, **values: float) -> Any:
    """RTMA of so many minutes after INIT."""
    store = make("rtma", INIT + timedelta(minutes=minutes), [0], values, stale_after=60)
    return replace(store, schema=replace(store.schema, traits=(ANALYSIS,)))


@pytest.fixture
def forecast(series_store: Any) -> Any:
    return series_store("hrrr", INIT, range(49), {"air_temperature_2m": 280.0, "air_pressure_surface": 80_000.0})


def minutes(stores: list[Any], now: datetime, count: int = 61) -> tuple[Merged, dict[int, str]]:
    starts = int(now.timestamp()) + 60 * np.arange(count, dtype=np.int64)
    mix = Mix(Slots(starts, starts + 60), DENVER.lat, DENVER.lon)
    sources = read_sources(DENVER, stores, SI, now, mix)
    return mix.done(), {run.number: source.model for source in sources.models for run in source.runs}


def told(stores: list[Any], now: datetime) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(build_forecast(DENVER, stores, SI, now).body)
    return body


def test_an_analysis_tells_now_and_no_hour(series_store: Any, forecast: Any) -> None:
    now = INIT + timedelta(minutes=40)
    body = told([analysis(series_store, 15, air_temperature_2m=283.15), forecast], now)
    assert body["currently"]["temperature"] == 10.0
    assert {point["temperature"] for point in body["hourly"]["data"]} == {6.85}
    flags = body["flags"]
    assert flags["sources"] == ["rtma_ru", "hrrr"]
    assert flags["sourceTimes"] == {"rtma_ru": "2026-11-24 12:15Z", "hrrr": "2026-11-24 12Z"}
    assert flags["rungs"] == {"rtma_ru": "newest", "hrrr": "newest"}


def test_it_is_held_for_an_hour_in_both_directions(series_store: Any, forecast: Any) -> None:
    runs = [analysis(series_store, 75, air_temperature_2m=290.0), forecast]
    merged, _ = minutes(runs, INIT, 160)
    told = merged["temperature"]
    assert np.flatnonzero(told == 290.0).tolist() == list(range(15, 136))
    np.testing.assert_allclose(told[[*range(15), *range(136, 160)]], 280.0)


def test_one_older_than_an_hour_is_passed_over_and_said_to_be(series_store: Any, forecast: Any) -> None:
    old = analysis(series_store, 15, air_temperature_2m=283.15)
    body = told([old, forecast], INIT + timedelta(minutes=76))
    assert body["currently"]["temperature"] == 6.85
    assert body["flags"]["staleSources"] == ["rtma_ru"]
    elsewhere = json.loads(build_forecast(DENVER, [old, forecast], SI, INIT + timedelta(minutes=75)).body)
    assert elsewhere["currently"]["temperature"] == 10.0


def test_the_one_before_tells_what_the_newest_lacks(series_store: Any, forecast: Any) -> None:
    now = INIT + timedelta(minutes=40)
    newest = analysis(series_store, 30, air_temperature_2m=np.nan, visibility_surface=5000.0)
    before = analysis(series_store, 15, air_temperature_2m=283.15, visibility_surface=4000.0)
    currently = told([newest, before, forecast], now)["currently"]
    assert (currently["temperature"], currently["visibility"]) == (10.0, 5.0)


def test_an_analysis_alone_is_no_forecast(series_store: Any) -> None:
    with pytest.raises(ForecastUnavailable):
        told([analysis(series_store, 15, air_temperature_2m=283.15)], INIT + timedelta(minutes=40))


def test_what_an_analysis_lacks_the_quarters_tell_and_then_the_hours(series_store: Any, forecast: Any) -> None:
    now = INIT + timedelta(minutes=40)
    rain = {"precipitation_amount_surface": [np.nan, *[0.5] * 24], "air_temperature_2m": 281.0}
    quarters = series_store("hrrr_subh", INIT, np.arange(25) / 4, rain)
    merged, models = minutes([analysis(series_store, 15, air_temperature_2m=283.15), quarters, forecast], now)
    who = {name: models[int(merged.who[INDEX[name], 0])] for name in ("temperature", "amount", "surface_pressure")}
    assert who == {"temperature": "rtma", "amount": "hrrr_subh", "surface_pressure": "hrrr"}
    # Half a millimetre in a quarter of an hour.
    np.testing.assert_allclose(merged["amount"], 0.5 / 15)


def test_quarters_tell_minutes_before_a_blend_does_and_hours_only_where_nobody_else_can(series_store: Any) -> None:
    now = INIT + timedelta(minutes=40)
    quarters = series_store("hrrr_subh", INIT, np.arange(73) / 4, {"air_temperature_2m": 283.15})
    blend = series_store("nbm", INIT, range(1, 49), {"air_temperature_2m": 273.15})
    body = told([quarters, blend], now)
    assert body["currently"]["temperature"] == 10.0
    # The hour that runs began before NBM's first lead.
    assert [point["temperature"] for point in body["hourly"]["data"]][:4] == [10.0, 0.0, 0.0, 0.0]


def test_no_gust_is_made_of_the_wind(series_store: Any) -> None:
    wind = {"air_temperature_2m": 280.0, "eastward_wind_10m": 9.0, "northward_wind_10m": 0.0}
    body = told([series_store("ifs", INIT, range(60), wind)], INIT)
    for point in (body["currently"], *body["hourly"]["data"]):
        assert point["windSpeed"] == 9.0
        assert "windGust" not in point
