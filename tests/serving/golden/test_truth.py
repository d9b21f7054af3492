"""Whatever is kept, the numbers have to be those of the made weather, reckoned apart by truth.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.serving.golden.cases import CASE, CASES, MODEL_GROUND, PLACE_GROUND, QUERIES, Case
from tests.serving.golden.stores import GFS, HRRR, IFS, Made
from tests.serving.golden.truth import init_time, instants, rates
from tests.serving.golden.weather import wind

pytestmark = pytest.mark.xdist_group("golden")
HOUR = 3600
SI = "version=2&units=si"
LAPSE = 0.0065 * (MODEL_GROUND - PLACE_GROUND)
ABSOLUTE = 0.025
"""K, m/s, hPa: half a step of a store, and rounding to two decimals."""

# Places of one model for the weather of all hours, of which GFS tells what IFS lacks.
WORLD = ("kathmandu", "apia", "reykjavik-in-june", "north-pole", "south-pole", "180-degrees", "spring-night")
WORLD += ("autumn-night", "lord-howe", "beyond-hrrr")


def where(answer: dict[str, Any]) -> tuple[float, float]:
    return answer["latitude"], answer["longitude"]


def column(answer: dict[str, Any], name: str, block: str = "hourly") -> np.ndarray:
    return np.array([point.get(name, np.nan) for point in answer[block]["data"]])


def hours_of(answer: dict[str, Any]) -> list[int]:
    return [point["time"] for point in answer["hourly"]["data"]]


def days_of(answer: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int, int]]:
    """(day, its midnight, the next one)."""
    days = answer["daily"]["data"]
    starts = [day["time"] for day in days]
    yield from zip(days, starts, [*starts[1:], starts[-1] + 24 * HOUR], strict=True)


def check_temperature(answer: dict[str, Any], case: Case, model: Made, shift: float = 0.0) -> None:
    expected = instants(case, model, "air_temperature_2m", where(answer), hours_of(answer)) - 273.15 + shift
    np.testing.assert_allclose(column(answer, "temperature"), expected, atol=ABSOLUTE)


@pytest.mark.parametrize("name", WORLD)
def test_weather_of_the_hours(told: Any, name: str) -> None:
    answer, case = told(name), CASE[name]
    place, times = where(answer), hours_of(answer)
    check_temperature(answer, case, IFS, LAPSE if name == "kathmandu" else 0.0)
    for field, model, variable, factor in (
        ("pressure", IFS, "air_pressure_mean_sea_level", 0.01),
        ("cloudCover", IFS, "cloud_cover_atmosphere", 0.01),
        ("ozone", GFS, "ozone_column_atmosphere", 1.0),
    ):
        expected = factor * instants(case, model, variable, place, times)
        np.testing.assert_allclose(column(answer, field), expected, atol=max(ABSOLUTE, 0.06 * (field == "ozone")))
    visibility = np.minimum(instants(case, GFS, "visibility_surface", place, times) / 1000, 16.09344)
    np.testing.assert_allclose(column(answer, "visibility"), visibility, atol=ABSOLUTE)


@pytest.mark.parametrize("name", WORLD)
def test_rain_and_snow_of_hours_and_days(told: Any, name: str) -> None:
    answer, case = told(name), CASE[name]
    place = where(answer)
    expected = rates(case, IFS, place, hours_of(answer))
    # Less than a hundredth of a millimetre an hour is told as none.
    felt = np.where(expected < 0.01, 0.0, expected)
    np.testing.assert_allclose(column(answer, "precipIntensity"), felt, atol=0.002)
    wet = felt > 0.0
    assert all(("precipType" in hour) for hour, falls in zip(answer["hourly"]["data"], wet, strict=True) if falls)
    for day, start, end in days_of(answer):
        hours = range(start, end, HOUR)
        lengths = [min(end - hour, HOUR) / HOUR for hour in hours]
        rate = [float(rates(case, IFS, place, [hour], length)[0]) for hour, length in zip(hours, lengths, strict=True)]
        whole = sum(each * length for each, length in zip(rate, lengths, strict=True))
        liquid, snow = day["liquidAccumulation"], day["snowAccumulation"]
        if not snow and not day["iceAccumulation"]:
            assert liquid == pytest.approx(whole / 10, abs=0.004), "cm"
        felt = [each if each >= 0.01 else 0.0 for each in rate]
        # Lord Howe's day of 23.5 hours ends with half an hour, which counts as half of one.
        assert day["precipIntensity"] == pytest.approx(np.average(felt, weights=lengths), abs=0.002), "mm/h"
        assert day["precipIntensityMax"] == pytest.approx(max(rate), abs=0.002), "mm/h"
        assert day["precipAccumulation"] == pytest.approx(liquid + snow + day["iceAccumulation"], abs=2e-4)


@pytest.mark.parametrize("name", WORLD)
def test_extremes_of_local_days(told: Any, name: str) -> None:
    """Of 23, 24 and 25 hours; High of those after 06:00, Low of those after 18:00, on the wall."""
    answer, case = told(name), CASE[name]
    shift = LAPSE if name == "kathmandu" else 0.0

    def at(times: list[int]) -> np.ndarray:
        return instants(case, IFS, "air_temperature_2m", where(answer), times) - 273.15 + shift

    for day, start, end in days_of(answer):
        hours = list(range(start, end, HOUR))
        whole = at(hours)
        assert day["temperatureMax"] == pytest.approx(whole.max(), abs=ABSOLUTE)
        assert day["temperatureMin"] == pytest.approx(whole.min(), abs=ABSOLUTE)
        # All changes of these clocks are before six: from the next midnight back they are hours as ever.
        light = [hour for hour in hours if end - 18 * HOUR < hour <= end - 6 * HOUR]
        dark = [hour for hour in hours if hour > end - 6 * HOUR] + list(range(end, end + 6 * HOUR + 1, HOUR))
        assert day["temperatureHigh"] == pytest.approx(at(light).max(), abs=ABSOLUTE)
        assert day["temperatureLow"] == pytest.approx(at(dark).min(), abs=ABSOLUTE)
        for key, times in (("High", light), ("Low", dark), ("Max", hours)):
            told_at = at([day[f"temperature{key}Time"]])[0]
            assert day[f"temperature{key}"] == pytest.approx(told_at, abs=ABSOLUTE)
            assert day[f"temperature{key}Time"] in times


@pytest.mark.parametrize("name", WORLD)
def test_the_wind_is_the_made_one(told: Any, name: str) -> None:
    """Between cells winds add up as vectors, each turned to the place: one arrow in space comes back as itself."""
    answer, case = told(name), CASE[name]
    leads = {int(init_time(case, IFS).timestamp()) + HOUR * lead for lead in IFS.leads}
    lat, lon = where(answer)
    seen = 0
    for hour in answer["hourly"]["data"]:
        if hour["time"] in leads:
            east, north = wind(np.float64(lat), np.float64(lon), np.float64(hour["time"]))
            speed = math.hypot(east, north)
            assert hour["windSpeed"] == pytest.approx(speed, abs=0.15), "cells lie ten degrees apart"
            if speed > 2:
                bearing = math.degrees(math.atan2(-east, -north))
                assert abs((hour["windBearing"] - bearing + 180) % 360 - 180) < 6
                seen += 1
    assert seen > 5 or name in ("kathmandu", "lord-howe")


def test_kathmandu_is_told_at_its_height(told: Any, get: Any) -> None:
    assert told("kathmandu")["elevation"] == PLACE_GROUND
    assert get("kathmandu").json()["elevation"] == round(PLACE_GROUND / 0.3048)
    flat = get("kathmandu", f"{SI}&cell=nearest").json()
    check = instants(CASE["kathmandu"], IFS, "air_temperature_2m", (30.0, 90.0), hours_of(flat)) - 273.15
    np.testing.assert_allclose(column(flat, "temperature"), check, atol=ABSOLUTE)
    assert "elevation" not in told("apia")


def test_the_circle_closes_at_180_and_at_0(get: Any) -> None:
    east, west, around = (get("180-degrees", SI, f"-16.8,{lon}").json() for lon in ("180", "-180", "540"))
    assert around["status"] == 400
    assert (east.pop("longitude"), west.pop("longitude")) == (180.0, -180.0)
    assert east == west
    for lon, other in ((355.0, -5.0), (185.0, -175.0)):
        there, here = (get("180-degrees", SI, f"-16.8,{each:g}").json() for each in (lon, other))
        assert (there.pop("longitude"), here.pop("longitude")) == (lon, other)
        assert there == here
    for lon in (-5.0, -0.5, 0.5, 175.0, 179.99, -179.99, -175.0):
        answer = get("180-degrees", SI, f"-16.8,{lon:g}").json()
        check_temperature(answer, CASE["180-degrees"], IFS)


@pytest.mark.parametrize("pole", [90, -90])
def test_a_pole_is_one_place(get: Any, pole: int) -> None:
    """Whatever the longitude is called: only the wind's bearing turns with it, and the clock of its zone."""
    name = "north-pole" if pole > 0 else "south-pole"
    query = f"{SI}&exclude=daily,minutely"
    first = get(name, query, f"{pole},0").json()["hourly"]["data"]
    for lon in (90, 180, -90):
        other = get(name, query, f"{pole},{lon}").json()["hourly"]["data"]
        there = {hour["time"]: hour for hour in other}
        for hour in first:
            if hour["time"] not in there:
                continue
            for field in ("temperature", "pressure", "windSpeed", "precipIntensity", "cloudCover"):
                assert hour[field] == pytest.approx(there[hour["time"]][field], abs=0.02)
            turned = there[hour["time"]]["windBearing"] - hour["windBearing"] - (lon if pole > 0 else -lon)
            assert abs((turned + 180) % 360 - 180) <= 1
    close = get(name, query, f"{pole * 0.9995},0").json()["hourly"]["data"]
    for at, near in zip(first, close, strict=True):
        assert at["temperature"] == pytest.approx(near["temperature"], abs=0.05)


def test_light_of_polar_day_and_polar_night(told: Any) -> None:
    assert (column(told("north-pole"), "solar") > 100).all()
    assert (column(told("north-pole"), "uvIndex") > 0.5).all()
    assert (column(told("south-pole"), "solar") == 0).all()
    assert (column(told("south-pole"), "uvIndex") == 0).all()
    assert {hour["icon"].rpartition("-")[2] for hour in told("south-pole")["hourly"]["data"]} & {"day"} == set()
    assert {hour["icon"].rpartition("-")[2] for hour in told("north-pole")["hourly"]["data"]} & {"night"} == set()


def test_hrrr_ends_half_a_cell_beyond_its_edge(told: Any) -> None:
    """Within it its cells tell, from straight above the place's edge; beyond it IFS does, and it is named nowhere."""
    inside, outside = told("edge-of-hrrr"), told("beyond-hrrr")
    assert inside["flags"]["sources"] == ["hrrr", "ecmwf_ifs", "gfs", "gefs"]
    assert outside["flags"]["sources"] == ["ecmwf_ifs", "gfs", "gefs"]
    assert (inside["flags"]["sourceIDX"]["hrrr"]["x"], inside["flags"]["sourceIDX"]["hrrr"]["y"]) == (0, 7)
    edge = (inside["flags"]["sourceIDX"]["hrrr"]["lat"], inside["flags"]["sourceIDX"]["hrrr"]["lon"])
    case = CASE["edge-of-hrrr"]
    hours = hours_of(inside)
    by_hrrr = instants(case, HRRR, "air_temperature_2m", edge, hours) - 273.15
    by_ifs = instants(case, IFS, "air_temperature_2m", where(inside), hours) - 273.15
    temperatures = column(inside, "temperature")
    last = int(np.flatnonzero(np.isfinite(by_hrrr))[-1])
    assert last == 42, "48 hours, of which 6 are over"
    # Three hours of the seam pass over: a quarter of IFS, a half, three quarters.
    np.testing.assert_allclose(temperatures[: last - 2], by_hrrr[: last - 2], atol=0.05)
    np.testing.assert_allclose(temperatures[last + 1 :], by_ifs[last + 1 :], atol=0.05)
    for step, share in enumerate((0.25, 0.5, 0.75), start=last - 2):
        assert temperatures[step] == pytest.approx((1 - share) * by_hrrr[step] + share * by_ifs[step], abs=0.05)
    assert "smoke" in inside["currently"]
    assert "smoke" not in outside["currently"]


def test_one_model_tells_what_it_has_as_long_as_it_goes_and_nothing_else(told: Any) -> None:
    answer, case = told("one-model"), CASE["one-model"]
    assert answer["flags"]["sources"] == ["hrrr"]
    check_temperature(answer, case, HRRR)
    hours = answer["hourly"]["data"]
    assert ["temperature" in hour for hour in hours] == [True] * 43 + [False] * 5
    assert [set(hour) for hour in hours[44:]] == [{"time"}] * 4
    never = {"ozone", "uvIndex", "feelsLike", "precipProbability", "precipIntensityError"}
    assert not never & {field for hour in hours for field in hour}
    assert len(answer["daily"]["data"]) == 8
    known = {"time", "dawnTime", "sunriseTime", "sunsetTime", "duskTime", "moonriseTime", "moonsetTime", "moonPhase"}
    for day in answer["daily"]["data"][2:]:
        assert set(day) <= known
        assert {"sunriseTime", "sunsetTime", "moonPhase"} <= set(day)
    today = answer["daily"]["data"][0]
    assert "precipAccumulation" not in today, "its first six hours are known to nobody"
    assert "currentDayLiquid" not in answer["currently"]


def test_where_no_model_is_the_answer_says_so(get: Any) -> None:
    for version in QUERIES:
        nowhere, nothing = get("no-model-here", QUERIES[version]), get("no-model-at-all", QUERIES[version])
        assert (nowhere.status_code, nothing.status_code) == (404, 503)
        assert "no store covers it" in nowhere.json()["detail"]
        assert "no run of any model has arrived" in nothing.json()["detail"]
        assert int(nothing.headers["retry-after"]) > 0
        assert "retry-after" not in nowhere.headers


def test_every_place_is_here() -> None:
    names = {case.name for case in CASES}
    assert names == {*WORLD, "edge-of-hrrr", "one-model", "no-model-here", "no-model-at-all"}
