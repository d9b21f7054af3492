"""Numbers that others got wrong: each defect is a test that bears its story (docs/known-failures.md)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.forecast import ForecastOptions, Place, build_forecast
from serving.options import AI_MODELS, DAY_NIGHT
from serving.units import System
from tests.serving.client import BERLIN, INIT, NOW, Ask

LONDON = Place(51.5, -0.12, "Europe/London")
EVERYTHING = ForecastOptions(
    System.SI, version=2, include=frozenset({DAY_NIGHT, AI_MODELS}), extra=frozenset({"stationPressure"})
)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def answer_of(*stores: Any, now: datetime = MIDNIGHT, options: ForecastOptions = EVERYTHING) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(build_forecast(LONDON, stores, options, now).body)
    return answer


def test_what_is_extreme_is_told_as_it_is_and_neither_cut_off_nor_left_out(series_store: Any) -> None:
    """Elsewhere gusts ended at 54 m/s and were missing from 68 on, UV at 15 and 19, smoke at 500 and 625, and the air
    of high cities weighed 800 hPa at the least."""
    extremes = {
        "air_temperature_2m": 280.0,
        "wind_gust_surface": 70.0,
        "downward_uvb_flux_surface": 42.0,
        "smoke_mass_density_8m": 700e-9,
        "air_pressure_surface": 65_000.0,
        "air_pressure_mean_sea_level": 87_000.0,
    }
    answer = answer_of(series_store("gfs", INIT, range(49), extremes))
    told = {"windGust": 70.0, "smoke": 700.0, "stationPressure": 650.0, "pressure": 870.0}
    for point in (answer["currently"], *answer["hourly"]["data"][:24]):
        assert {field: point[field] for field in told} == pytest.approx(told)
    assert answer["daily"]["data"][0]["uvIndex"] > 19
    assert answer["daily"]["data"][0]["smokeMax"] == pytest.approx(700.0)


def test_values_near_zero_are_no_noise(series_store: Any) -> None:
    """Elsewhere whatever lay within 0.01 of zero was zero, temperatures as well."""
    answer = answer_of(series_store("gfs", INIT, range(30), {"air_temperature_2m": 273.16}))
    assert answer["hourly"]["data"][3]["temperature"] == 0.01


def test_amounts_of_an_ai_model_are_of_their_interval(series_store: Any) -> None:
    """12 mm in 6 hours are 2 mm/h, now and in every hour, and four times 50 mm are 200 mm a day: elsewhere seconds came
    in twice, or not at all."""
    leads = range(0, 31, 6)
    aifs = series_store("aifs", INIT, leads, {"precipitation_amount_surface": [np.nan, 12, 12, 12, 12, 12]})
    answer = answer_of(aifs)
    assert answer["currently"]["precipIntensity"] == pytest.approx(2.0, abs=0.001)
    for point in (*answer["hourly"]["data"][:24], *answer["minutely"]["data"]):
        assert point["precipIntensity"] == pytest.approx(2.0, abs=0.001)
    heavy = series_store(
        "aifs",
        INIT,
        leads,
        {"air_temperature_2m": 285.0, "precipitation_amount_surface": [np.nan, 50, 50, 50, 50, 0]},
    )
    assert answer_of(heavy)["daily"]["data"][0]["liquidAccumulation"] == pytest.approx(20.0, abs=0.001), "cm"


def test_smoke_of_now_is_that_of_now_and_not_of_midnight(series_store: Any) -> None:
    store = series_store("hrrr", INIT, range(19), {"smoke_mass_density_8m": 1e-9 * np.arange(19)})
    assert answer_of(store, now=MIDNIGHT + timedelta(hours=13))["currently"]["smoke"] == pytest.approx(13.0, abs=0.06)


def test_a_minute_whose_kind_is_not_known_leaves_the_others_theirs(series_store: Any) -> None:
    """Elsewhere all 61 minutes were mixed for one that was not known. Here it follows from the warmth."""
    leads = [0, 0.25, 0.5, 0.75, 1, 1.25]
    wet = {"precipitation_amount_surface": [np.nan, 1, 1, 1, 1, 1], "air_temperature_2m": 271.0}
    kinds = {f"categorical_{kind}_surface": 0.0 for kind in ("rain", "ice_pellets", "freezing_rain")}
    snow = {"categorical_snow_surface": [1, 1, np.nan, 1, 1, 1]}
    minutes = answer_of(series_store("hrrr_subh", INIT, leads, wet | kinds | snow))["minutely"]["data"]
    assert {minute["precipType"] for minute in minutes} == {"snow"}
    unknown = {"categorical_snow_surface": [1, 1, np.nan, 1, 1, 1], "categorical_rain_surface": [0, 0, np.nan, 0, 0, 0]}
    warm = {"air_temperature_2m": [271.0, 271.0, 285.0, 271.0, 271.0, 271.0]}
    minutes = answer_of(series_store("hrrr_subh", INIT, leads, wet | kinds | unknown | warm))["minutely"]["data"]
    assert "mixed" not in {minute["precipType"] for minute in minutes}
    assert {minute["precipType"] for minute in (*minutes[:14], *minutes[46:])} == {"snow"}


def test_a_days_gust_is_its_strongest_and_told_when_that_blows(series_store: Any) -> None:
    """Elsewhere it was the mean of the hours' gusts beside the time of the strongest."""
    gusts = np.where(np.arange(49) == 15, 30.0, 5.0)
    day = answer_of(series_store("gfs", INIT, range(49), {"wind_gust_surface": gusts}))["daily"]["data"][0]
    assert day["windGust"] == 30.0
    assert day["windGustTime"] == int(MIDNIGHT.timestamp()) + 15 * 3600


def test_intensities_of_a_half_are_means_of_its_hours(series_store: Any) -> None:
    """Elsewhere they were amounts, told in the unit of intensities."""
    rain = [np.nan, *np.tile([0.0, 3.0, 6.0], 16)]
    store = series_store("gfs", INIT, range(49), {"precipitation_amount_surface": rain, "air_temperature_2m": 285.0})
    answer = answer_of(store)
    half = answer["day_night"]["data"][0]
    inside = [hour["rainIntensity"] for hour in answer["hourly"]["data"][4:17]]
    assert half["rainIntensity"] == pytest.approx(np.mean(inside), abs=1e-3)
    assert half["rainIntensityMax"] == pytest.approx(max(inside), abs=1e-3)
    assert half["liquidAccumulation"] == pytest.approx(sum(inside) / 10, abs=1e-3)


def test_smoke_and_rain_of_the_past_have_the_units_of_the_forecast(
    ask: Ask, series_store: Any, publish: Any, tmp_path: Path
) -> None:
    """Elsewhere smoke of the past was told in kg, which is 0, and rain of six hours as of one."""
    series = {
        "air_temperature_2m": 285.0,
        "smoke_mass_density_8m": 1e-9 * np.arange(0.0, 61.0, 3.0),
        "precipitation_amount_surface": [np.nan, *[6.0] * 20],
    }
    publish(tmp_path, series_store("gfs", INIT - timedelta(hours=12), range(0, 61, 3), series))
    query = "units=si&version=2&extend=hourly&exclude=daily,minutely,flags"
    ahead = ask(f"{BERLIN}?{query}", stores=tmp_path, now=INIT).json()["hourly"]["data"]
    past = ask(f"{BERLIN},-30h?{query}&hours=12", stores=tmp_path, now=INIT + timedelta(hours=36)).json()
    told = {hour["time"]: hour for hour in ahead}
    same = [hour for hour in past["hourly"]["data"] if hour["time"] in told]
    assert len(same) >= 10
    for hour in same:
        for field in ("smoke", "precipIntensity", "rainIntensity", "precipAccumulation", "temperature"):
            assert hour[field] == told[hour["time"]][field], field
        assert hour["precipIntensity"] == pytest.approx(2.0, abs=0.001)
    assert max(hour["smoke"] for hour in same) > 10


@pytest.mark.parametrize("key", ["dev", "timemachine", "localhost", "127.0.0.1", "my-device"])
def test_a_word_in_the_key_is_no_time_machine(ask: Ask, key: str) -> None:
    """Elsewhere any address with "dev" in it was one, and told of GFS alone."""
    path = BERLIN.replace("/key/", f"/{key}/")
    assert ask(path).content == ask(BERLIN).content
    assert ask(f"{path},-2h").content == ask(f"{BERLIN},-2h").content
    assert ask(f"{path},-2h").json()["currently"]["time"] == int(NOW.timestamp()) // 60 * 60 - 7200
