"""Laws of the simulated weather, at any place and time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.simulator.amounts import Amounts
from deployments.simulator.weather import Moment, Weather
from serving.derived import KIND_WORDS, kind_of_flags, relative_humidity
from serving.sun import sine_of_elevation
from storage.variables import CATALOGUE

INSTANT = [name for name in CATALOGUE if hasattr(Moment, name)]
FLOWS = ("precipitation_rate_surface", "shortwave", "uvb")
OF_LAND = {"snow_depth_surface", "snow_water_equivalent_surface"}
latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 360)
times = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
START = datetime(2026, 4, 20, tzinfo=UTC)


def at(lat: float, lon: float, time: datetime, model: str = "", lead: float = 0.0) -> Moment:
    return Weather(np.array([lat]), np.array([lon])).at(time, model, lead)


def globe(step: float = 2.0) -> Weather:
    return Weather(np.arange(90, -90 - step / 2, -step), np.arange(0, 360, step))


def one(moment: Moment, name: str) -> float:
    return float(getattr(moment, name)[0, 0])


@given(latitudes, longitudes, times)
@settings(max_examples=60, deadline=None)
def test_one_place_obeys_physics(lat: float, lon: float, time: datetime) -> None:
    moment = at(lat, lon, time)
    temperature, dew = one(moment, "air_temperature_2m"), one(moment, "dew_point_temperature_2m")
    assert dew < temperature
    assert one(moment, "relative_humidity_2m") / 100 == pytest.approx(relative_humidity(temperature, dew), rel=1e-9)
    speed = math.hypot(one(moment, "eastward_wind_10m"), one(moment, "northward_wind_10m"))
    assert one(moment, "wind_gust_surface") >= speed
    assert 220 <= one(moment, "ozone_column_atmosphere") <= 500
    assert one(moment, "air_pressure_surface") <= one(moment, "air_pressure_mean_sea_level")
    height = sine_of_elevation(time.timestamp(), lat, lon)
    if height < 0:
        assert one(moment, "shortwave") == one(moment, "uvb") == 0
    elif height > 0.1:
        assert 0 < one(moment, "shortwave") < 1361 * height
        assert 0 < one(moment, "uvb") < 60
    for name in INSTANT:
        value = one(moment, name)
        assert CATALOGUE[name].valid_min <= value <= CATALOGUE[name].valid_max or (name in OF_LAND and value != value)


@given(latitudes, longitudes, times)
@settings(max_examples=40, deadline=None)
def test_what_falls_has_exactly_one_kind(lat: float, lon: float, time: datetime) -> None:
    moment = at(lat, lon, time)
    flags = [one(moment, f"categorical_{kind}_surface") for kind in ("snow", "ice_pellets", "freezing_rain", "rain")]
    code = one(moment, "precipitation_type_surface")
    wet = one(moment, "precipitation_rate_surface") > 0
    assert sum(flags) == (1 if wet else 0)
    assert (code > 0) == wet
    told = np.array([[code], *([flag] for flag in flags)], np.float32)
    rows = np.arange(5, dtype=np.int64)
    by_code = kind_of_flags(told, rows, 0)
    by_flags = kind_of_flags(told, np.array([-1, 1, 2, 3, 4]), 0)
    assert KIND_WORDS[int(by_code)] == KIND_WORDS[int(by_flags)]


def test_snow_falls_in_the_cold_and_rain_in_the_warm() -> None:
    kinds: set[float] = set()
    for days in range(0, 360, 30):
        moment = globe().at(START + timedelta(days=days, hours=days))
        cold, warm = moment.air_temperature_2m < 272, moment.air_temperature_2m > 276
        assert not moment.categorical_snow_surface[warm].any()
        assert not moment.categorical_rain_surface[cold].any()
        kinds |= set(np.unique(moment.precipitation_type_surface))
        assert (moment.cloud_cover_atmosphere[moment.precipitation_rate_surface > 1e-4] > 40).all()
    assert kinds == {0, 1, 3, 5, 6, 7, 8}


@given(latitudes, st.floats(-180, 180), times)
@settings(max_examples=30, deadline=None)
def test_weather_is_continuous_in_space_and_time_and_across_the_antimeridian(
    lat: float, lon: float, time: datetime
) -> None:
    here, later = at(lat, lon, time), at(lat, lon, time + timedelta(seconds=20))
    beside, around = at(min(lat + 1e-3, 90), lon, time), at(lat, lon + 360, time)
    for name, small in (
        ("air_temperature_2m", 0.05),
        ("dew_point_temperature_2m", 0.05),
        ("air_pressure_mean_sea_level", 2.0),
        ("eastward_wind_10m", 0.05),
        ("northward_wind_10m", 0.05),
        ("cloud_cover_atmosphere", 0.5),
        ("precipitation_rate_surface", max(4e-6, 0.02 * one(here, "precipitation_rate_surface"))),
    ):
        assert one(later, name) == pytest.approx(one(here, name), abs=small), name
        assert one(beside, name) == pytest.approx(one(here, name), abs=small), name
        assert one(around, name) == pytest.approx(one(here, name), abs=1e-5), name


def test_both_seams_of_the_longitudes_agree() -> None:
    lats = np.linspace(90, -90, 19)
    west = Weather(lats, np.arange(-180.0, 180.0, 10.0)).at(START)
    east = Weather(lats[::-1], np.arange(0.0, 360.0, 10.0)).at(START)
    for name in INSTANT:
        turned = np.roll(getattr(west, name), 18, axis=1)[::-1]
        np.testing.assert_allclose(turned, getattr(east, name), rtol=1e-9, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("sign", [1, -1])
def test_wind_follows_the_pressure_as_on_a_turning_earth(sign: int) -> None:
    lats, lons = sign * np.arange(38.0, 70.0, 1.0), np.arange(0.0, 360.0, 1.0)
    moment = Weather(lats, lons).at(START)
    pressure = moment.air_pressure_mean_sea_level
    north = np.gradient(pressure, np.radians(sign), axis=0)
    east = np.gradient(pressure, np.radians(1.0), axis=1)
    coriolis = 2 * 7.292e-5 * np.sin(np.radians(lats))[:, None] * 1.2 * 6.371e6
    u, v = -north / coriolis, east / coriolis / np.cos(np.radians(lats))[:, None]
    mine = (moment.eastward_wind_10m + 1j * moment.northward_wind_10m)[2:-2, 2:-2].ravel()
    balanced = (u + 1j * v)[2:-2, 2:-2].ravel()
    strong = np.abs(balanced) > 5
    turned = np.degrees(np.angle(mine[strong] / balanced[strong]))
    # The ground turns the wind towards low pressure: to the left in the north, to the right in the south.
    assert ((sign * turned > 5) & (sign * turned < 35)).all()
    ratio = np.abs(mine[strong]) / np.abs(balanced[strong])
    assert ((ratio > 0.4) & (ratio < 0.85)).all()


def test_lows_run_east() -> None:
    row = Weather(np.array([50.0]), np.arange(0.0, 360.0, 0.5))
    now, later = (row.at(START + timedelta(hours=h)).air_pressure_mean_sea_level[0] for h in (0, 6))
    match = [np.corrcoef(np.roll(now, shift), later)[0, 1] for shift in range(-40, 41)]
    assert 2 <= int(np.argmax(match)) - 40 <= 20
    assert max(match) > 0.97


def test_afternoons_are_warmer_than_nights_and_summers_than_winters() -> None:
    place = Weather(np.array([40.0]), np.array([-100.0]))
    days = [START + timedelta(days=n) for n in range(20)]
    night, afternoon = (
        np.mean([place.at(day + timedelta(hours=h)).air_temperature_2m for day in days]) for h in (11, 21)
    )
    assert afternoon > night + 4
    january, july = (
        np.mean([place.at(datetime(2026, month, day, tzinfo=UTC)).air_temperature_2m for day in range(1, 28)])
        for month in (1, 7)
    )
    assert july > january + 15


def test_rain_and_fog_take_the_view() -> None:
    moment = globe().at(START)
    wet = moment.precipitation_rate_surface > 5e-4
    dry = (moment.precipitation_rate_surface == 0) & (moment.relative_humidity_2m < 60)
    assert moment.visibility_surface[wet].max() < 10_000
    assert moment.visibility_surface[dry].min() > 20_000


def test_models_agree_at_the_start_and_drift_apart_slowly() -> None:
    weather = globe(5.0)
    gaps = []
    for lead in (0, 24, 240):
        time = START + timedelta(hours=lead)
        gfs, ifs = (weather.at(time, model, lead).air_pressure_mean_sea_level for model in ("gfs", "ifs"))
        gaps.append(float(np.abs(gfs - ifs).max()))
    assert gaps[0] == 0
    assert 0 < gaps[1] < 200 < gaps[2] < 4_000


def test_amounts_are_the_integral_of_the_rate_and_buckets_add_up() -> None:
    weather = Weather(np.arange(-60.0, 61.0, 4.0), np.arange(0.0, 360.0, 6.0))
    amounts = Amounts(weather, START, "", FLOWS)
    buckets: list[dict[str, np.ndarray]] = []
    for hour in (6, 12):
        amounts.advance(60 * hour, frozenset((0, 360)))
        buckets.append({name: amounts.since(60 * hour - 360, name) for name in FLOWS})
    step = 450
    fine = [weather.at(START + timedelta(seconds=s)) for s in range(step // 2, 12 * 3600, step)]
    for name in FLOWS:
        total = amounts.since(0, name)
        np.testing.assert_allclose(total, buckets[0][name] + buckets[1][name], atol=1e-9, rtol=1e-12)
        exact = sum(getattr(moment, name) for moment in fine) * step
        assert total.sum() == pytest.approx(exact.sum(), rel=0.01)
        assert np.abs(total - exact).max() < 0.06 * exact.max()


def test_clouds_of_the_layers_make_up_all_cloud() -> None:
    for hours in range(0, 24 * 60, 171):
        moment = globe().at(START + timedelta(hours=hours))
        layers = [getattr(moment, f"cloud_cover_{layer}") for layer in ("low", "middle", "high")]
        total = moment.cloud_cover_atmosphere
        assert (np.max(layers, axis=0) <= total + 1e-9).all()
        assert (np.sum(layers, axis=0) >= total - 1e-9).all()
        assert all(layer.std() > 5 for layer in layers)


def test_snow_lies_on_cold_land_and_is_lighter_than_ice() -> None:
    for month in (1, 7):
        place = globe()
        days = [datetime(2026, month, day, tzinfo=UTC) for day in range(1, 28, 3)]
        warmth = np.mean([place.at(day).air_temperature_2m for day in days], axis=0)
        moment = place.at(days[-1])
        water, depth = moment.snow_water_equivalent_surface, moment.snow_depth_surface
        np.testing.assert_array_equal(np.isnan(water), np.isnan(depth))
        land = ~np.isnan(water)
        assert 0.2 < land.mean() < 0.6
        snow = water[land] > 0
        np.testing.assert_array_equal(snow, depth[land] > 0)
        density = water[land][snow] / depth[land][snow]
        assert 99 < density.min() < density.max() < 917
        assert water[land][warmth[land] < 255].min() > 10
        assert not water[land][warmth[land] > 293].any()
    assert moment.snow_depth_surface[:10][~np.isnan(moment.snow_depth_surface[:10])].mean() < 1


def test_moist_air_holds_the_water_and_showers_break_the_inhibition() -> None:
    moment = globe().at(datetime(2026, 7, 10, 18, tzinfo=UTC))
    water, dew = moment.precipitable_water_atmosphere, moment.dew_point_temperature_2m
    assert water[dew > 295].min() > 35
    assert water[dew < 255].max() < 5
    held = moment.convective_inhibition_surface
    showers, calm = moment.cape_surface > 1_000, (moment.cape_surface < 50) & (dew > 290)
    assert held[calm].mean() > 2 * held[showers].mean()


def test_ground_warms_up_in_the_sun_and_cools_at_night() -> None:
    place = Weather(np.array([30.0]), np.array([20.0]))
    noon, night = (place.at(datetime(2026, 7, 10, hour, tzinfo=UTC)) for hour in (12, 0))
    assert one(noon, "temperature_surface") > one(noon, "air_temperature_2m") + 1
    assert one(night, "temperature_surface") < one(night, "air_temperature_2m")


def test_places_off_the_lattice_see_the_same_weather() -> None:
    random = np.random.default_rng(5)
    lats, lons = random.uniform(-89, 89, (6, 7)), random.uniform(150, 210, (6, 7))
    moment = Weather(lats, (lons + 180) % 360 - 180).at(START, "gfs", 48)
    for y, x in np.ndindex(lats.shape):
        alone = at(lats[y, x], lons[y, x], START, "gfs", 48)
        for name, small in (
            ("air_temperature_2m", 0.02),
            ("air_pressure_mean_sea_level", 0.5),
            ("eastward_wind_10m", 0.02),
            ("cloud_cover_atmosphere", 0.2),
        ):
            assert getattr(moment, name)[y, x] == pytest.approx(one(alone, name), abs=small), name
