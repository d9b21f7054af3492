"""Which blocks and fields an answer has, by version, extraVars, indices, `missing`, and for a moment that is over."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from serving.blocks import BLOCK_FIELDS
from serving.forecast import ForecastOptions, NoForecast, Place, build_forecast
from serving.icons import ICON_WORDS, PLAIN_ICON_WORDS
from serving.options import DAY_NIGHT, Icons, Missing
from serving.response import formats_of
from serving.units import System

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 8, 42, 17, tzinfo=UTC)
LONDON = Place(51.5, -0.12, "Europe/London")
SI = ForecastOptions(System.SI, version=2, include=frozenset({DAY_NIGHT}))


def ask(stores: list[Any], options: ForecastOptions = SI, now: datetime = NOW, place: Place = LONDON) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(build_forecast(place, stores, options, now).body)
    return answer


@pytest.fixture(scope="module")
def gfs(weather_store: Any) -> list[Any]:
    return [weather_store("gfs", INIT)]


def points(answer: dict[str, Any], block: str) -> list[dict[str, Any]]:
    return [answer[block]] if block == "currently" else answer[block]["data"]


@pytest.mark.parametrize("block", BLOCK_FIELDS)
def test_version_1_tells_nothing_of_version_2(gfs: list[Any], block: str) -> None:
    first, second = ask(gfs, replace(SI, version=1)), ask(gfs)
    for old, new in zip(points(first, block), points(second, block), strict=True):
        newer = {field.name for field in BLOCK_FIELDS[block] if field.version == 2}
        assert newer & new.keys()
        assert list(old) == [name for name in new if name not in newer]


def test_blocks_come_in_the_order_of_the_contract(gfs: list[Any]) -> None:
    assert list(ask(gfs))[4:] == ["currently", "minutely", "hourly", "day_night", "daily", "flags"]
    only = replace(SI, blocks=frozenset({"daily", "minutely"}))
    assert list(ask(gfs, only))[4:] == ["minutely", "daily"]


def test_now_is_the_first_of_the_minutes_and_the_same_without_them(gfs: list[Any]) -> None:
    answer = ask(gfs)
    alone = ask(gfs, replace(SI, blocks=frozenset({"currently"})))
    assert alone["currently"] == answer["currently"]
    first = answer["minutely"]["data"][0]
    assert len(answer["minutely"]["data"]) == 61
    for name in ("time", "precipIntensity", "rainIntensity"):
        assert first[name] == answer["currently"][name]


def test_minutes_add_up_to_their_hour(gfs: list[Any]) -> None:
    answer = ask(gfs, now=INIT + timedelta(hours=9))
    rates = [point["precipIntensity"] for point in answer["minutely"]["data"][:60]]
    assert sum(rates) / 60 == pytest.approx(answer["hourly"]["data"][0]["precipIntensity"], abs=1e-4)
    assert rates[0] > 0


def test_minutes_are_those_of_quarters_where_a_model_has_them(series_store: Any) -> None:
    amounts = [math.nan, 0.0, 0.5, 1.0, 0.25, *[0.0] * 8]
    series = {"air_temperature_2m": 280.0, "precipitation_amount_surface": amounts}
    store = series_store("hrrr_subh", INIT, np.arange(13) / 4, series)
    told = [point["precipIntensity"] for point in ask([store], now=INIT)["minutely"]["data"]]
    assert told == [0.0] * 15 + [2.0] * 15 + [4.0] * 15 + [1.0] * 15 + [0.0]


def test_halves_of_days_begin_at_four_and_five(gfs: list[Any]) -> None:
    halves = ask(gfs)["day_night"]["data"]
    midnight = int(INIT.timestamp())
    assert [half["time"] for half in halves] == [
        midnight + 86_400 * day + 3600 * hour for day in range(8) for hour in (4, 17)
    ]
    hours = {point["time"]: point for point in ask(gfs, replace(SI, extend_hourly=True), INIT)["hourly"]["data"]}
    for number, half in enumerate(halves[:12]):
        within = [hours[half["time"] + 3600 * n] for n in range(11 if number % 2 else 13)]
        pick = min if number % 2 else max
        assert half["temperature"] == pick(point["temperature"] for point in within)
        assert half["apparentTemperature"] == pick(point["apparentTemperature"] for point in within)
        assert half["windGust"] == max(point["windGust"] for point in within)
        assert half["uvIndex"] == max(point["uvIndex"] for point in within)
        assert half["humidity"] == pytest.approx(np.mean([point["humidity"] for point in within]), abs=0.006)
        total = sum(point["precipAccumulation"] for point in within)
        assert half["precipAccumulation"] == pytest.approx(total, abs=1e-3)
        assert half["icon"].removesuffix("-night" if number % 2 else "-day") in (
            "clear", "partly-cloudy", "cloudy", "rain", "snow", "sleet", "wind",
        )  # fmt: skip


def test_days_and_halves_hold_on_days_on_which_clocks_change(weather_store: Any) -> None:
    store = weather_store("gfs", datetime(2026, 10, 24, tzinfo=UTC))
    berlin = Place(52.5, 13.4, "Europe/Berlin")
    halves = ask([store], now=datetime(2026, 10, 24, 9, tzinfo=UTC), place=berlin)["day_night"]["data"]
    lengths = np.diff([half["time"] for half in halves]) / 3600
    assert lengths[:4].tolist() == [13, 12, 13, 11], "the night of the change has an hour more"


def test_indices_choose_items(gfs: list[Any]) -> None:
    whole = ask(gfs)
    options = replace(SI, hourly_indices=(0, 5, 47), daily_indices=(7,), day_night_indices=(1, 2))
    few = ask(gfs, options)
    assert few["hourly"]["data"] == [whole["hourly"]["data"][n] for n in (0, 5, 47)]
    assert few["daily"]["data"] == whole["daily"]["data"][7:]
    assert few["day_night"]["data"] == whole["day_night"]["data"][1:3]
    assert few["hourly"]["icon"] == whole["hourly"]["icon"], "of all hours"


def test_an_index_that_a_block_does_not_have_is_never_read() -> None:
    with pytest.raises(IndexError, match="hourly has the positions 0 to 47, and not 48"):
        formats_of(ForecastOptions(hourly_indices=(1, 48)))


@pytest.mark.parametrize(("missing", "number", "word"), [(Missing.NULL, None, None), (Missing.NUMBER, -999, "none")])
def test_who_asks_for_what_is_missing_gets_every_field(
    series_store: Any, missing: Missing, number: int | None, word: str | None
) -> None:
    store = series_store("gfs", INIT, range(240), {"air_temperature_2m": 280.0})
    answer = ask([store], replace(SI, missing=missing))
    for block, fields in BLOCK_FIELDS.items():
        names = [field.name for field in fields if field.is_told(2, frozenset(), past=True)]
        for point in points(answer, block):
            assert list(point) == names
    now = answer["currently"]
    assert now["temperature"] == 6.85
    assert (now["humidity"], now["precipType"], now["icon"]) == (number, word, word)
    assert answer["hourly"]["icon"] == word


def test_icons_are_of_the_set_that_is_asked_for(gfs: list[Any]) -> None:
    def icons(options: ForecastOptions) -> set[str]:
        answer = ask(gfs, options)
        told = {point["icon"] for block in BLOCK_FIELDS if block != "minutely" for point in points(answer, block)}
        return told | {answer[block]["icon"] for block in ("minutely", "hourly", "daily")}

    assert icons(SI) <= set(PLAIN_ICON_WORDS)
    assert icons(replace(SI, icons=Icons.PIRATE)) <= set(ICON_WORDS)
    assert icons(replace(SI, icons=Icons.PIRATE)) - set(PLAIN_ICON_WORDS)


def test_provenance_is_told_of_the_fields_of_every_block_where_it_is_asked_for(gfs: list[Any]) -> None:
    answer, plain = ask(gfs, replace(SI, provenance=True)), ask(gfs)
    (entry,) = answer["hourly"]["provenance"]["temperature"]
    assert (entry["reason"], entry["from"]) == ("preferred", answer["hourly"]["data"][0]["time"])
    for block in BLOCK_FIELDS:
        told = answer[block].pop("provenance")
        assert {entry["model"] for entries in told.values() for entry in entries} == {"gfs"}
        assert told.keys() <= {field.name for field in BLOCK_FIELDS[block]}
        assert "humidity" in told or block == "minutely"
    assert answer == plain


PAST = replace(SI, at=INIT + timedelta(hours=15, minutes=20, seconds=7))


def test_the_time_machine_tells_of_one_day_from_midnight_on(gfs: list[Any]) -> None:
    now = INIT + timedelta(days=2)
    answer = ask(gfs, PAST, now)
    assert list(answer)[4:] == ["currently", "hourly", "daily", "flags"]
    assert answer["currently"]["time"] == int(INIT.timestamp()) + 15 * 3600 + 20 * 60 + 7
    assert [point["time"] for point in answer["hourly"]["data"]] == [
        int(INIT.timestamp()) + 3600 * hour for hour in range(24)
    ]
    assert [point["time"] for point in answer["daily"]["data"]] == [int(INIT.timestamp())]
    forecast = ask(gfs, replace(SI, blocks=frozenset({"daily"})), INIT)["daily"]["data"][0]
    day = answer["daily"]["data"][0]
    assert day == {name: value for name, value in forecast.items() if name in day}


def test_the_time_machine_leaves_some_fields_out_unless_told_not_to(gfs: list[Any]) -> None:
    for block in ("currently", "hourly", "daily"):
        less, more = points(ask(gfs, PAST), block)[0], points(ask(gfs, replace(PAST, tmextra=True)), block)[0]
        left_out = {field.name for field in BLOCK_FIELDS[block] if not field.past}
        assert {"humidity", "visibility", "uvIndex"} <= left_out & more.keys()
        assert list(less) == [name for name in more if name not in left_out]
    assert "ozone" in ask(gfs, PAST)["currently"]
    assert "ozone" not in ask(gfs, PAST)["hourly"]["data"][0]


def test_the_time_machine_tells_more_days_and_hours(gfs: list[Any]) -> None:
    answer = ask(gfs, replace(PAST, days=8, hours=192))
    assert len(answer["daily"]["data"]) == 8
    assert len(answer["hourly"]["data"]) == 192
    assert len(ask(gfs, replace(PAST, days=2))["hourly"]["data"]) == 48
    assert len(ask(gfs, replace(PAST, hours=30))["hourly"]["data"]) == 30


def test_a_day_of_which_nothing_is_kept_says_what_there_is(gfs: list[Any]) -> None:
    past = replace(SI, at=INIT - timedelta(days=9))
    with pytest.raises(NoForecast, match=r"2026-11-15T00:00Z; .* gfs from 2026-11-24T00:00Z to 2026-12-10T00:00Z"):
        ask(gfs, past)


def test_a_night_that_is_known_is_nothing_of_the_day_before_it(gfs: list[Any]) -> None:
    """The run begins at midnight: it tells six hours of twelve that would make the low of the night before."""
    past = replace(SI, at=INIT - timedelta(hours=9))
    for blocks in ({"daily"}, {"daily", "hourly", "currently"}):
        with pytest.raises(NoForecast, match="2026-11-23T15:00Z"):
            ask(gfs, replace(past, blocks=frozenset(blocks)))
    longer = ask(gfs, replace(past, hours=30))
    assert ["temperature" in point for point in longer["hourly"]["data"]] == [False] * 24 + [True] * 6
    evening = ask(gfs, replace(past, at=INIT + timedelta(hours=9)))
    assert "temperatureLow" in evening["daily"]["data"][0]
