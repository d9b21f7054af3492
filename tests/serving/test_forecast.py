"""The whole answer: shape and order as clients know them, clocks, holes, age, and what leaving blocks out saves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest

from serving import forecast
from serving.fields import CURRENTLY, DAILY, HOURLY
from serving.forecast import ForecastOptions, NoForecast, Place, build_forecast
from serving.options import BLOCKS
from serving.timeline import make_timeline
from serving.units import System
from storage.errors import CorruptStore
from storage.grids import Cell, LatLonGrid

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 8, 42, 17, tzinfo=UTC)
BERLIN = Place(52.52, 13.405, "Europe/Berlin")
SI = ForecastOptions(System.SI)


def ask(stores: list[Any], place: Place = BERLIN, options: ForecastOptions = SI, now: datetime = NOW) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(build_forecast(place, stores, options, now).body)
    return answer


@pytest.fixture(scope="module")
def both(weather_store: Any) -> list[Any]:
    return [weather_store("gfs", INIT), weather_store("ifs", INIT)]


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(name in rest for name in short)


def test_shape(both: list[Any]) -> None:
    answer = ask(both)
    assert list(answer) == ["latitude", "longitude", "timezone", "offset", "currently", "hourly", "daily", "flags"]
    assert (answer["latitude"], answer["longitude"]) == (52.52, 13.405)
    assert (answer["timezone"], answer["offset"]) == ("Europe/Berlin", 1.0)
    assert len(answer["hourly"]["data"]) == 48
    assert len(answer["daily"]["data"]) == 8
    assert answer["currently"]["time"] == int(NOW.timestamp())
    hours = [point["time"] for point in answer["hourly"]["data"]]
    assert hours == [int(NOW.timestamp()) // 3600 * 3600 + 3600 * n for n in range(48)]
    assert len(ask(both, options=ForecastOptions(extend_hourly=True))["hourly"]["data"]) == 168


def test_bytes_are_what_a_json_library_would_write(both: list[Any]) -> None:
    text = build_forecast(BERLIN, both, ForecastOptions(extend_hourly=True), NOW).body
    assert text == orjson.dumps(orjson.loads(text))


def test_every_field_is_told_with_both_models(both: list[Any]) -> None:
    answer = ask(both)
    today = {"currentDayIce", "currentDayLiquid", "currentDaySnow"}
    sometimes = {"precipType"}
    assert set(answer["currently"]) >= {field.name for field in CURRENTLY} - today - sometimes
    for block, fields in (("hourly", HOURLY), ("daily", DAILY)):
        for point in answer[block]["data"]:
            assert set(point) >= {field.name for field in fields} - sometimes


@pytest.mark.parametrize("name", ["peer_denver_us_v2.json", "peer_london_uk_v2.json", "peer_ottawa_si_v2_full.json"])
def test_fields_order_and_types_are_those_of_recorded_answers(both: list[Any], shared_data: Path, name: str) -> None:
    recorded = json.loads((shared_data / "darksky_json" / name).read_text())
    answer = ask(both, options=ForecastOptions(extend_hourly=True))
    pairs = [(answer["currently"], recorded["currently"])]
    pairs += [(answer[block]["data"][0], recorded[block]["data"][0]) for block in ("hourly", "daily")]
    for ours, theirs in pairs:
        assert is_subsequence(list(ours), list(theirs))
        for key, value in ours.items():
            if key not in ("cape", "capeMax", "moonPhase"):
                assert type(value) is type(theirs[key]), key
    assert is_subsequence([key for key in answer if key != "flags"], list(recorded))


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
    only = ForecastOptions(System.SI, frozenset({"hourly", "daily", "flags"}))
    assert ask([store], place=london, options=only, now=INIT + timedelta(hours=9, minutes=30)) == {
        key: value for key, value in answer.items() if key not in only.exclude
    }
    assert "currentDayLiquid" not in ask([store])["currently"], "in Berlin an hour before the run belongs to today"


@pytest.mark.parametrize(
    ("zone", "lat", "lon", "day", "hours"),
    [
        ("Europe/Berlin", 52.5, 13.4, datetime(2026, 3, 29), 23),
        ("Europe/Berlin", 52.5, 13.4, datetime(2026, 10, 25), 25),
        ("America/New_York", 40.7, -74.0, datetime(2026, 3, 8), 23),
        ("America/New_York", 40.7, -74.0, datetime(2026, 11, 1), 25),
        ("Australia/Lord_Howe", -31.5, 159.1, datetime(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", -31.5, 159.1, datetime(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", 27.7, 85.3, datetime(2026, 3, 29), 24),
    ],
)
def test_local_days_around_a_change_of_clocks(
    series_store: Any, zone: str, lat: float, lon: float, day: datetime, hours: float
) -> None:
    tz = ZoneInfo(zone)
    midnight = day.replace(tzinfo=tz)
    init = (midnight - timedelta(days=1)).astimezone(UTC).replace(hour=0)
    store = series_store("gfs", init, range(264), {"precipitation_amount_surface": 1.0, "air_temperature_2m": 283.15})
    now = midnight + timedelta(minutes=70)
    answer = ask([store], Place(lat, lon, zone), ForecastOptions(System.SI, extend_hourly=True), now)
    days = answer["daily"]["data"]
    starts = [datetime.fromtimestamp(point["time"], tz) for point in days]
    assert [(start.date() - day.date()).days for start in starts] == list(range(8))
    assert {(start.hour, start.minute) for start in starts} == {(0, 0)}
    assert days[0]["precipAccumulation"] == pytest.approx(hours / 10)
    assert days[1]["precipAccumulation"] == pytest.approx(2.4)
    hourly = [point["time"] for point in answer["hourly"]["data"]]
    assert len(hourly) == 168
    assert set(np.diff(hourly)) == {3600}
    assert datetime.fromtimestamp(hourly[0], tz).minute == 0
    assert sum(point["precipAccumulation"] for point in answer["hourly"]["data"]) == pytest.approx(16.8)


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

    monkeypatch.setattr(forecast, "summarise", never)
    monkeypatch.setattr(forecast, "make_flags", never)
    answer = ask(both, options=ForecastOptions(exclude=frozenset({"daily", "flags", "hourly"})))
    assert list(answer) == ["latitude", "longitude", "timezone", "offset", "currently"]
    assert list(ask(both, options=ForecastOptions(exclude=BLOCKS))) == [
        "latitude",
        "longitude",
        "timezone",
        "offset",
    ]


def test_slots_are_those_of_the_wanted_blocks() -> None:
    def count(*exclude: str, extend: bool = False) -> int:
        options = ForecastOptions(exclude=frozenset(exclude), extend_hourly=extend)
        return len(make_timeline(BERLIN, options, NOW).slots.starts)

    assert count() == 8 * 24 + 7 + 1
    assert count(extend=True) == 8 * 24 + 7 + 1
    assert count("currently", "daily") == 48
    assert count("hourly", "daily") == 10 + 1
    assert count("currently", "hourly") == 8 * 24 + 7


def test_a_source_can_be_excluded_by_either_name(both: list[Any]) -> None:
    for name in ("ifs", "ecmwf_ifs"):
        assert ask(both, options=ForecastOptions(exclude=frozenset({name})))["flags"]["sources"] == ["gfs"]
    assert ask(both, options=ForecastOptions(exclude=frozenset({"aigfs"})))["flags"]["sources"] == ["ecmwf_ifs", "gfs"]


def test_flags_name_who_filled_something(both: list[Any], series_store: Any) -> None:
    useless = series_store("zeta", INIT, range(30), {"air_temperature_2m": np.nan})
    flags = ask([*both, useless])["flags"]
    assert flags["sources"] == ["ecmwf_ifs", "gfs"]
    assert flags["sourceTimes"] == {"ecmwf_ifs": "2026-11-24 00Z", "gfs": "2026-11-24 00Z"}
    assert flags["units"] == "si"
    assert flags["sourceIDX"]["gfs"] == {"x": 54, "y": 150, "lat": 52.5, "lon": 13.5}
    assert "staleSources" not in flags
    assert not any(key.startswith("nearest") for key in flags)


def test_a_stale_model_is_passed_over_and_told(weather_store: Any) -> None:
    stores = [weather_store("gfs", INIT), weather_store("ifs", INIT - timedelta(days=5))]
    flags = ask(stores)["flags"]
    assert flags["sources"] == ["gfs"]
    assert flags["staleSources"] == ["ecmwf_ifs"]


def test_when_all_are_stale_they_are_served_and_told(weather_store: Any) -> None:
    stores = [weather_store("gfs", INIT), weather_store("ifs", INIT - timedelta(hours=12))]
    answer = ask(stores, now=INIT + timedelta(days=6))
    assert answer["flags"]["sources"][0] == "gfs"
    assert answer["flags"]["staleSources"] == ["ecmwf_ifs", "gfs"]
    assert "temperature" in answer["currently"]


def test_a_model_that_no_list_names_is_used_last(weather_store: Any, series_store: Any) -> None:
    stranger = series_store("zeta", INIT, range(240), {"air_temperature_2m": 250.0})
    both = [stranger, weather_store("gfs", INIT, range(31))]
    answer = ask(both)
    assert answer["hourly"]["data"][0]["temperature"] != -23.15
    assert answer["hourly"]["data"][-1]["temperature"] == -23.15
    assert answer["flags"]["sources"] == ["gfs", "zeta"]


def test_one_model_alone_and_a_crop_that_ends_elsewhere(weather_store: Any, series_store: Any) -> None:
    crop = series_store("gfs", INIT, range(48), {"air_temperature_2m": 280.0}, grid=LatLonGrid(10, -1, 5, 100, 1, 5))
    whole = weather_store("ifs", INIT)
    assert ask([crop, whole])["flags"]["sources"] == ["ecmwf_ifs"]
    assert "ozone" not in ask([whole])["currently"]
    with pytest.raises(NoForecast, match=r"52.52,13.405: no store covers it \(stores: gfs\)"):
        ask([crop])
    with pytest.raises(NoForecast, match="stores: none"):
        ask([])


def test_stores_that_ended_are_no_forecast(weather_store: Any) -> None:
    with pytest.raises(NoForecast, match="from 2026-11-27T00:00Z on"):
        ask([weather_store("gfs", INIT, range(25))], now=INIT + timedelta(days=3))


def test_a_damaged_store_is_passed_over_and_told(weather_store: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Damaged:
        schema = weather_store("ifs", INIT).schema

        def point(self, cell: Cell) -> Any:
            raise CorruptStore("chunk c/0/0/15/5 is not what the index says")

    flags = ask([Damaged(), weather_store("gfs", INIT)])["flags"]
    assert flags["sources"] == ["gfs"]
    assert flags["unreadableSources"] == ["ecmwf_ifs"]
    assert "chunk c/0/0/15/5" in caplog.text


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
    from serving import daily, derived, filling, response, sun

    for kernel in (
        filling.fill,
        filling.fill_kind,
        filling.count_missing,
        derived.derive_weather,
        derived.derive_precipitation,
        daily._statistics,
        response._write_points,
        sun.sun_events,
        sun.daylight,
        sun.moon_phase,
    ):
        assert kernel.signatures
    before = {
        id(kernel): len(kernel.signatures) for kernel in (filling.fill, response._write_points, daily._statistics)
    }
    ask(both)
    after = {id(kernel): len(kernel.signatures) for kernel in (filling.fill, response._write_points, daily._statistics)}
    assert before == after
