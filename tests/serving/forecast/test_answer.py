"""The whole answer: shape and order as clients know them, clocks, holes, and what leaving blocks out saves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from serving import body, daily, forecast
from serving.blocks import BLOCK_FIELDS
from serving.forecast import ForecastOptions, Place, build_forecast
from serving.options import BLOCKS, DAY_NIGHT
from serving.timeline import make_timeline
from serving.units import System
from tests.serving.forecast.asked import BERLIN, BLOCKS_TOLD, INIT, MINUTE, NOW, SI, ask


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(name in rest for name in short)


def test_shape(both: list[Any]) -> None:
    answer = ask(both)
    assert list(answer) == ["latitude", "longitude", "timezone", "offset", *BLOCKS_TOLD, "flags"]
    assert (answer["latitude"], answer["longitude"]) == (52.52, 13.405)
    assert (answer["timezone"], answer["offset"]) == ("Europe/Berlin", 1.0)
    assert len(answer["hourly"]["data"]) == 48
    assert len(answer["daily"]["data"]) == 8
    assert answer["currently"]["time"] == MINUTE
    assert [point["time"] for point in answer["minutely"]["data"]] == [MINUTE + 60 * n for n in range(61)]
    hours = [point["time"] for point in answer["hourly"]["data"]]
    assert hours == [int(NOW.timestamp()) // 3600 * 3600 + 3600 * n for n in range(48)]
    assert len(ask(both, options=ForecastOptions(extend_hourly=True))["hourly"]["data"]) == 168


def test_bytes_are_what_a_json_library_would_write(both: list[Any]) -> None:
    text = build_forecast(BERLIN, both, ForecastOptions(extend_hourly=True), NOW).body
    assert text == orjson.dumps(orjson.loads(text))


def test_every_field_is_told_with_both_models(both: list[Any]) -> None:
    answer = ask(both)
    # Of a day that began before the run the sums are not known; the others these models don't have.
    today = {"currentDayIce", "currentDayLiquid", "currentDaySnow"}
    sums = {"precipAccumulation", "liquidAccumulation", "snowAccumulation", "iceAccumulation"}
    sometimes = {"precipType", "nearestStormDistance", "nearestStormBearing"}
    lacked = {"precipProbability", "precipIntensityError", "smoke", "smokeMax", "smokeMaxTime"}
    lacked |= {"moonriseTime", "moonsetTime"}
    for block in BLOCKS_TOLD:
        told = {field.name for field in BLOCK_FIELDS[block] if field.is_told(2, frozenset(), past=True)}
        points = [answer[block]] if block == "currently" else answer[block]["data"]
        for number, point in enumerate(points):
            early = today | sums if number == 0 and block in ("currently", "daily") else set()
            assert set(point) >= told - sometimes - lacked - early, block


@pytest.mark.parametrize(
    "name",
    ["peer_denver_us_v2.json", "peer_london_uk_v2.json", "peer_ottawa_si_v2_full.json", "peer_ottawa_us_v1.json"],
)
def test_fields_order_and_types_are_those_of_recorded_answers(both: list[Any], shared_data: Path, name: str) -> None:
    recorded = json.loads((shared_data / "darksky_json" / name).read_text())
    options = ForecastOptions(version=1 if "v1" in name else 2, include=frozenset({DAY_NIGHT}), extend_hourly=True)
    answer = ask(both, options=options)
    pairs = [(answer["currently"], recorded["currently"])]
    pairs += [(answer[block]["data"][0], recorded[block]["data"][0]) for block in ("minutely", "hourly", "daily")]
    if "day_night" in recorded:
        pairs += [(answer["day_night"]["data"][0], recorded["day_night"]["data"][0])]
    for ours, theirs in pairs:
        # The moon's times are ours; a day's ozone was Dark Sky's.
        shared = [key for key in ours if not key.startswith(("moon", "ozone")) or key in theirs]
        assert is_subsequence(shared, list(theirs))
        for key, value in ours.items():
            if key in theirs and key not in ("cape", "capeMax", "moonPhase"):
                assert type(value) is type(theirs[key]), key
    wanted = [key for key in answer if key not in ("flags", "day_night") or key in recorded]
    assert is_subsequence([key for key in wanted if key != "flags"], list(recorded))


def test_missing_is_absent_never_null_or_a_code(series_store: Any) -> None:
    store = series_store("gfs", INIT, range(30), {"air_temperature_2m": [*range(270, 295), *[np.nan] * 5]})
    text = build_forecast(BERLIN, [store], SI, NOW).body
    assert b"null" not in text
    assert b"-999" not in text
    assert b"NaN" not in text
    answer = json.loads(text)
    assert set(answer["currently"]) == {"time", "temperature"}
    assert answer["hourly"]["data"][0] == {"time": answer["hourly"]["data"][0]["time"], "temperature": 4.85}
    assert set(answer["hourly"]["data"][-1]) == {"time"}
    assert "temperatureMax" in answer["daily"]["data"][0]
    assert "temperatureMax" not in answer["daily"]["data"][3]


def test_now_is_interpolated_and_the_hour_is_its_start(series_store: Any) -> None:
    store = series_store("gfs", INIT, range(30), {"air_temperature_2m": 273.15 + np.arange(30)})
    answer = ask([store], now=INIT + timedelta(hours=8, minutes=30))
    assert answer["currently"]["temperature"] == 8.5
    assert answer["hourly"]["data"][0]["temperature"] == 8.0


def test_now_and_the_hour_agree_on_the_rain(both: list[Any]) -> None:
    for minutes in range(0, 60, 7):
        answer = ask(both, now=INIT + timedelta(hours=9, minutes=minutes))
        now, hour = answer["currently"], answer["hourly"]["data"][0]
        assert now["precipIntensity"] == hour["precipIntensity"]
        assert now.get("precipType") == hour.get("precipType")
        assert ("precipType" in hour) == (hour["precipIntensity"] > 0)


def test_what_fell_today_needs_every_hour_since_midnight(weather_store: Any) -> None:
    store = weather_store("gfs", INIT)
    london = Place(51.5, -0.12, "Europe/London")
    answer = ask([store], place=london, now=INIT + timedelta(hours=9, minutes=30))
    fallen = sum(point["liquidAccumulation"] for point in ask([store], place=london, now=INIT)["hourly"]["data"][:9])
    half = answer["hourly"]["data"][0]["liquidAccumulation"] / 2
    assert answer["currently"]["currentDayLiquid"] == pytest.approx(fallen + half, abs=1e-3)
    only = replace(SI, exclude=frozenset({"hourly", "daily", "flags"}))
    assert ask([store], place=london, options=only, now=INIT + timedelta(hours=9, minutes=30)) == {
        key: value for key, value in answer.items() if key not in only.exclude
    }
    assert "currentDayLiquid" not in ask([store])["currently"], "in Berlin an hour before the run belongs to today"


def test_hours_of_half_hour_zones_start_at_the_local_hour(both: list[Any]) -> None:
    for zone, minute in (("Asia/Kathmandu", 15), ("Asia/Kolkata", 30), ("Pacific/Chatham", 15)):
        answer = ask(both, Place(0.0, 0.0, zone))
        first = datetime.fromtimestamp(answer["hourly"]["data"][0]["time"], UTC)
        assert first.minute == minute
        assert first <= NOW < first + timedelta(hours=1)


def test_polar_night_has_no_sunrise(both: list[Any]) -> None:
    day = ask(both, Place(78.2, 15.6, "Arctic/Longyearbyen"))["daily"]["data"][0]
    assert not {"sunriseTime", "sunsetTime"} & set(day)
    assert "moonPhase" in day


def test_excluded_blocks_are_not_computed(both: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(daily, "summarise", never)
    monkeypatch.setattr(body, "minutes_icon", never)
    monkeypatch.setattr(forecast, "make_flags", never)
    answer = ask(both, options=ForecastOptions(exclude=frozenset({"minutely", "daily", "flags", "hourly"})))
    assert list(answer) == ["latitude", "longitude", "timezone", "offset", "currently"]
    assert list(ask(both, options=ForecastOptions(exclude=BLOCKS))) == [
        "latitude",
        "longitude",
        "timezone",
        "offset",
    ]


def test_slots_are_those_of_the_wanted_blocks() -> None:
    def count(*blocks: str, extend: bool = False, version: int = 1) -> int:
        options = ForecastOptions(blocks=frozenset(blocks), extend_hourly=extend, version=version)
        return len(make_timeline(BERLIN, options, NOW).slots.starts)

    days = 8 * 24 + 7
    assert count("currently", "minutely", "hourly", "daily") == days + 61
    assert count("currently", "hourly", "daily", extend=True) == days + 1
    assert count("hourly") == 48
    assert count("minutely") == count("currently", "minutely") == 61
    assert count("currently") == 1
    assert count("currently", version=2) == 10 + 1, "what fell since midnight"
    assert count("daily") == count("day_night") == count("day_night", "daily", "hourly") == days


@pytest.mark.parametrize("place", [Place(90.0, 0.0, "Etc/GMT"), Place(-90.0, 180.0, "Antarctica/South_Pole")])
def test_poles_have_a_forecast(both: list[Any], place: Place) -> None:
    assert "temperature" in ask(both, place)["currently"]


def test_units_change_numbers_and_nothing_else(both: list[Any]) -> None:
    answers = {system: ask(both, options=ForecastOptions(system)) for system in System}
    si = answers[System.SI]
    for system, answer in answers.items():
        assert answer["flags"]["units"] == str(system)
        assert [list(point) for point in answer["hourly"]["data"]] == [list(point) for point in si["hourly"]["data"]]
    for us, metric in zip(answers[System.US]["hourly"]["data"], si["hourly"]["data"], strict=True):
        assert us["temperature"] == pytest.approx(metric["temperature"] * 1.8 + 32, abs=0.02)
        assert us["windSpeed"] == pytest.approx(metric["windSpeed"] / 0.44704, abs=0.02)
        assert us["visibility"] == 10.0
        assert metric["visibility"] == 16.09
        assert us["pressure"] == metric["pressure"]


def test_warming_leaves_nothing_to_compile(both: list[Any]) -> None:
    forecast.warm()
    from serving import blend, deriving, filling, icons, kinds, moon, response, span_icons, statistics, sun

    for kernel in (
        filling.fill,
        filling.is_missing,
        filling.count_missing,
        kinds.fill_kind,
        kinds.fill_storm,
        blend.find_seams,
        blend.blend,
        deriving.derive,
        statistics._fill,
        icons._fill_icons,
        span_icons.span_icon,
        span_icons.minutes_icon,
        response._write_points,
        sun._events,
        sun._daylight,
        moon._events,
        moon.fill_phases,
    ):
        assert kernel.signatures
    kernels = (filling.fill, response._write_points, statistics._fill, icons._fill_icons, span_icons.span_icon)
    before = [len(kernel.signatures) for kernel in kernels]
    ask(both)
    assert before == [len(kernel.signatures) for kernel in kernels]
