"""How likely precipitation is and how sure its amount, out of a blend and of ensembles; what NBM alone tells."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from serving.forecast import ForecastOptions
from serving.merge import Mix
from serving.places import Place
from serving.quantities import INDEX
from serving.slots import Slots
from serving.sources import read_sources
from serving.units import System

INIT = datetime(2026, 11, 24, tzinfo=UTC)
START = int(INIT.timestamp())
NAN = math.nan
DENVER = Place(39.7, -105.0, "America/Denver")
CHANCE, SPREAD = "precipitation_probability_surface", "precipitation_amount_spread_surface"
HOURLY, SIX_HOURLY = "precipitation_amount_1h_surface", "precipitation_amount_6h_surface"


def hours(stores: list[Any], count: int, offset: int = 0) -> tuple[Any, dict[int, str]]:
    starts = START + offset + 3600 * np.arange(count, dtype=np.int64)
    mix = Mix(Slots(starts, starts + 3600), DENVER.lat, DENVER.lon)
    sources = read_sources(DENVER, stores, ForecastOptions(System.SI), INIT, mix)
    return mix.done(), {run.number: source.model for source in sources.models for run in source.runs}


def test_an_interval_is_told_for_each_of_its_hours_and_its_spread_is_shared_as_the_amount(series_store: Any) -> None:
    store = series_store("gefs", INIT, (0, 3, 6, 12), {CHANCE: [NAN, 30, 60, 90], SPREAD: [NAN, 1.5, 3, 12]})
    merged, _ = hours([store], 12)
    np.testing.assert_allclose(merged["probability"], [0.3] * 3 + [0.6] * 3 + [0.9] * 6)
    np.testing.assert_allclose(merged["amount_spread"], [0.5] * 3 + [1.0] * 3 + [2.0] * 6)
    assert np.isnan(merged["amount"]).all()


def test_the_ensembles_come_after_the_blend_and_each_after_the_finer(series_store: Any) -> None:
    blend = series_store("nbm", INIT, range(7), {"precipitation_probability_1h_surface": 20, "air_temperature_2m": 280})
    ecmwf = series_store("ifs_ens", INIT, range(0, 13, 3), {CHANCE: 40, SPREAD: 3})
    noaa = series_store("gefs", INIT, range(0, 25, 3), {CHANCE: 60, SPREAD: 6})
    merged, models = hours([blend, ecmwf, noaa], 24)
    np.testing.assert_allclose(merged["probability"], [0.2] * 6 + [0.4] * 6 + [0.6] * 12)
    np.testing.assert_allclose(merged["amount_spread"], [1.0] * 12 + [2.0] * 12)
    who = [models[int(number)] for number in merged.who[INDEX["amount_spread"]]]
    assert who == ["ifs_ens"] * 12 + ["gefs"] * 12


def test_what_is_likely_in_six_or_twelve_hours_is_not_told_of_one(series_store: Any) -> None:
    long = {f"precipitation_probability_{over}h_surface": 80 for over in (6, 12)}
    blend = series_store("nbm", INIT, range(0, 25, 6), {**long, "air_temperature_2m": 280})
    merged, _ = hours([blend], 24)
    assert np.isnan(merged["probability"]).all()


def nbm(make: Any, lost: int | None = None) -> Any:
    """NBM of 12 hours by one and 24 more by six: a millimetre an hour, of the sixes nine in each."""
    leads = [*range(1, 13), 18, 24, 30, 36]
    hourly = [1.0] * 12 + [NAN] * 4
    if lost is not None:
        hourly[leads.index(lost)] = NAN
    six = [9.0 if lead % 6 == 0 else NAN for lead in leads]
    store = make("nbm", INIT, leads, {HOURLY: hourly, SIX_HOURLY: six, "air_temperature_2m": 280})
    return with_intervals(store, {HOURLY: [60] * 12 + [0] * 4, SIX_HOURLY: [360 * (lead % 6 == 0) for lead in leads]})


def with_intervals(store: Any, intervals: dict[str, list[int]]) -> Any:
    variables = tuple(
        replace(stored, intervals=tuple(intervals[stored.name])) if stored.name in intervals else stored
        for stored in store.schema.variables
    )
    return replace(store, schema=replace(store.schema, variables=variables))


def test_amounts_of_an_hour_come_first_and_those_of_six_after_them(series_store: Any) -> None:
    merged, _ = hours([nbm(series_store)], 36)
    np.testing.assert_allclose(merged["amount"], [1.0] * 12 + [1.5] * 24)


def test_an_hour_that_is_lost_is_not_made_of_the_six_it_lies_in(series_store: Any) -> None:
    other = series_store("gfs", INIT, range(37), {"precipitation_amount_surface": 2.0})
    merged, models = hours([nbm(series_store, lost=8), other], 36)
    np.testing.assert_allclose(merged["amount"], [1.0] * 7 + [2.0] + [1.0] * 4 + [1.5] * 24)
    assert models[int(merged.who[INDEX["amount"], 7])] == "gfs"


def test_an_hour_at_half_past_across_the_last_of_the_hours_is_of_two_sixes(series_store: Any) -> None:
    merged, _ = hours([nbm(series_store)], 35, offset=1800)
    np.testing.assert_allclose(merged["amount"], [1.0] * 11 + [1.5] * 24)


def test_what_falls_is_the_likeliest_kind_where_a_blend_tells_the_amount(series_store: Any) -> None:
    chances = {
        "rain_conditional_probability_surface": [0, 60, 10, 0, 50],
        "snow_conditional_probability_surface": [0, 40, 70, 0, 50],
        "freezing_rain_conditional_probability_surface": [0, 0, 20, 90, 0],
        "ice_pellets_conditional_probability_surface": [0, 0, 0, 10, 0],
    }
    store = series_store("nbm", INIT, range(5), {HOURLY: [NAN, 1, 1, 1, 1], **chances})
    merged, _ = hours([store], 4)
    # Rain, snow, freezing rain; of equals snow, as with flags.
    np.testing.assert_array_equal(merged["kind"], [1, 2, 4, 2])
    silent = {name: 0 for name in chances}
    store = series_store("nbm", INIT, range(5), {HOURLY: [NAN, 1, 1, 1, 1], **silent})
    assert np.isnan(hours([store], 4)[0]["kind"]).all()


def test_smoke_and_the_pressure_at_the_surface_are_told(series_store: Any) -> None:
    series = {"smoke_mass_density_8m": [1e-8, 3e-8], "air_pressure_surface": [80_000, 80_100]}
    merged, _ = hours([series_store("hrrr", INIT, (0, 2), series)], 2)
    np.testing.assert_allclose(merged["smoke"], [1e-8, 2e-8])
    np.testing.assert_allclose(merged["surface_pressure"], [80_000, 80_050])
