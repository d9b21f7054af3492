"""Icons against answers recorded of another service that speaks the contract, and at the edges of its thresholds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.derived import KIND_WORDS, MIXED, RAIN, SNOW
from serving.fields import COLUMN, COLUMNS
from serving.icons import ICON_WORDS, PLAIN_ICON_WORDS, fill_icons, point_icon
from serving.span_icons import days_icon, minutes_icon, span_icon
from serving.sun import sun_track

# Their factors, not the exact ones: m/s, mm/h, m and mm in a unit of theirs.
FACTORS = {"us": (2.234, 0.0394, 1609.344, 25.4), "uk": (2.234, 1.0, 1609.344, 10.0), "si": (1.0, 1.0, 1000.0, 10.0)}
RECORDED = ["peer_ottawa_si_v2_full.json", "peer_denver_us_v2.json", "peer_london_uk_v2.json"]
CALM: dict[str, float] = {
    "intensity": 0.0,
    "snow_intensity": 0.0,
    "wind_speed": 2.0,
    "visibility": 16_000.0,
    "temperature": 285.0,
    "dew_point": 280.0,
    "cloud_cover": 0.0,
    "cape": 0.0,
}


def columns_of(slots: list[dict[str, float]]) -> NDArray[np.float64]:
    """[column, slot]; what a slot does not name is missing."""
    columns = np.full((len(COLUMNS), len(slots)), np.nan)
    for n, slot in enumerate(slots):
        for name, value in slot.items():
            columns[COLUMN[name], n] = value
    return columns


def icon(night: bool = False, pirate: bool = False, warns: bool = True, **slot: float) -> str | None:
    number = point_icon(columns_of([CALM | slot]), 0, night, pirate, warns)
    return None if math.isnan(number) else ICON_WORDS[int(number)]


def as_slot(point: dict[str, Any], units: str) -> dict[str, float]:
    """A recorded point in SI, as far as icons are made of it."""
    speed, rate, distance, depth = FACTORS[units]
    celsius = [(point[name] - 32) / 1.8 if units == "us" else point[name] for name in ("temperature", "dewPoint")]
    kind = KIND_WORDS.index(point["precipType"])
    return {
        "time": point["time"],
        "intensity": point["precipIntensity"] / rate,
        "snow_intensity": point["snowIntensity"] / rate,
        "kind": kind or math.nan,
        "wind_speed": point["windSpeed"] / speed,
        "visibility": point["visibility"] * distance,
        "temperature": celsius[0] + 273.15,
        "dew_point": celsius[1] + 273.15,
        "cloud_cover": point["cloudCover"],
        "cape": point["cape"],
        "liquid_amount": point.get("liquidAccumulation", math.nan) * depth,
        "snow_amount": point.get("snowAccumulation", math.nan) * depth,
        "ice_amount": point.get("iceAccumulation", math.nan) * depth,
        "probability": point["precipProbability"],
    }


@pytest.mark.parametrize("name", RECORDED)
def test_plain_icons_of_hours_and_of_now_are_those_that_were_recorded(shared_data: Path, name: str) -> None:
    answer = json.loads((shared_data / "darksky_json" / name).read_text())
    points = [*answer["hourly"]["data"], answer["currently"]]
    columns = columns_of([as_slot(point, answer["flags"]["units"]) for point in points])
    icons = np.full(len(points), np.nan)
    starts = columns[COLUMN["time"]].astype(np.int64)
    track = sun_track(int(starts.min()), int(starts.max()))
    fill_icons(columns, icons, starts, track, 0, len(points), answer["latitude"], answer["longitude"], False, True)
    assert [ICON_WORDS[int(number)] for number in icons] == [point["icon"] for point in points]


@pytest.mark.parametrize(
    ("slot", "plain", "pirate"),
    [
        ({}, "clear-day", "clear-day"),
        ({"cloud_cover": 0.125}, "clear-day", "clear-day"),
        ({"cloud_cover": 0.126}, "clear-day", "mostly-clear-day"),
        ({"cloud_cover": 0.376}, "partly-cloudy-day", "partly-cloudy-day"),
        ({"cloud_cover": 0.626}, "partly-cloudy-day", "mostly-cloudy-day"),
        ({"cloud_cover": 0.876}, "cloudy", "cloudy"),
        ({"wind_speed": 6.71}, "wind", "breezy"),
        ({"wind_speed": 10.0}, "wind", "wind"),
        ({"wind_speed": 17.89}, "wind", "dangerous-wind"),
        ({"visibility": 900.0, "dew_point": 283.0}, "fog", "fog"),
        ({"visibility": 900.0, "dew_point": 282.5}, "fog", "mist"),
        ({"visibility": 4000.0, "dew_point": 281.0}, "fog", "haze"),
        ({"visibility": 900.0, "dew_point": 283.0, "wind_speed": 7.0}, "wind", "breezy"),
        ({"visibility": 5000.0}, "clear-day", "clear-day"),
        ({"intensity": 0.02, "kind": RAIN}, "rain", "drizzle"),
        ({"intensity": 0.4, "kind": RAIN}, "rain", "light-rain"),
        ({"intensity": 2.5, "kind": RAIN}, "rain", "rain"),
        ({"intensity": 10.0, "kind": RAIN}, "rain", "heavy-rain"),
        ({"intensity": 0.13, "snow_intensity": 1.3, "kind": SNOW}, "snow", "light-snow"),
        ({"intensity": 1.0, "kind": 3}, "sleet", "light-sleet"),
        ({"intensity": 0.1, "kind": 4}, "sleet", "freezing-drizzle"),
        ({"intensity": 1.0, "kind": MIXED}, "sleet", "mixed"),
        ({"intensity": 1.0}, None, "precipitation"),
        ({"intensity": 0.019, "kind": RAIN}, "clear-day", "possible-rain-day"),
        ({"intensity": 0.019, "kind": 4}, "clear-day", "possible-freezing-rain-day"),
        ({"intensity": 1.0, "kind": RAIN, "cape": 2500.0}, "thunderstorm", "thunderstorm"),
        ({"intensity": 1.0, "kind": RAIN, "cape": 1250.0}, "rain", "possible-thunderstorm-day"),
        ({"cape": 4000.0}, "clear-day", "clear-day"),
        ({"intensity": 1.0, "kind": RAIN, "probability": 0.24}, "clear-day", "possible-rain-day"),
        ({"visibility": 4000.0, "smoke": 25e-9}, "fog", "smoke"),
        ({"visibility": 4000.0, "smoke": 24e-9}, "fog", "haze"),
        ({"cloud_cover": math.nan}, None, None),
        ({"cloud_cover": math.nan, "wind_speed": 7.0}, "wind", "breezy"),
        ({"intensity": math.nan}, None, None),
    ],
)
def test_icons_at_the_edges_of_the_thresholds(slot: dict[str, float], plain: str, pirate: str) -> None:
    assert icon(**slot) == plain
    assert icon(pirate=True, **slot) == pirate
    assert plain is None or plain in PLAIN_ICON_WORDS


def test_nights_have_their_own_words() -> None:
    assert icon(night=True) == "clear-night"
    assert icon(night=True, pirate=True, intensity=0.01, kind=RAIN) == "possible-rain-night"


def test_now_does_not_tell_of_a_thunderstorm_that_is_only_possible() -> None:
    thunder = {"intensity": 1.0, "kind": RAIN, "cape": 2000.0}
    assert icon(pirate=True, warns=False, **thunder) == "light-rain"


def test_the_plain_set_is_dark_skys() -> None:
    assert set(PLAIN_ICON_WORDS) == {
        "clear-day", "clear-night", "partly-cloudy-day", "partly-cloudy-night", "cloudy", "rain", "snow", "sleet",
        "wind", "fog", "thunderstorm",
    }  # fmt: skip


def span(slots: list[dict[str, float]], pirate: bool = False) -> str | None:
    """The icon of hours in four parts."""
    columns = columns_of(slots)
    parts = np.linspace(0, len(slots), 5).astype(np.int64)
    number = span_icon(columns, 0, len(slots), parts, False, pirate)
    return None if math.isnan(number) else ICON_WORDS[int(number)]


DRY = CALM | {"liquid_amount": 0.0, "snow_amount": 0.0, "ice_amount": 0.0}


def test_days_that_were_recorded(shared_data: Path) -> None:
    answer = json.loads((shared_data / "darksky_json" / RECORDED[0]).read_text())
    hours = {point["time"]: as_slot(point, "si") for point in answer["hourly"]["data"]}
    days = [day for day in answer["daily"]["data"] if all(day["time"] + 3600 * n in hours for n in range(28))]
    assert len(days) == 6
    for day in days:
        slots = [hours[day["time"] + 3600 * n] for n in range(28)]
        parts = np.array([4, 12, 17, 22, 28])
        number = span_icon(columns_of(slots), 0, 24, parts, False, False)
        assert ICON_WORDS[int(number)] == day["icon"], day["summary"]


def test_halves_of_days_that_were_recorded(shared_data: Path) -> None:
    answer = json.loads((shared_data / "darksky_json" / RECORDED[0]).read_text())
    hours = {point["time"]: as_slot(point, "si") for point in answer["hourly"]["data"]}
    told = 0
    for number, half in enumerate(answer["day_night"]["data"]):
        night = number % 2 == 1
        parts = np.array([0, 5, 11] if night else [0, 8, 13])
        times = [half["time"] + 3600 * n for n in range(parts[-1])]
        if all(time in hours for time in times):
            columns = columns_of([hours[time] for time in times])
            icon = span_icon(columns, 0, len(times), parts, night, False)
            assert ICON_WORDS[int(icon)] == half["icon"], half["summary"]
            told += 1
    assert told == 14


def test_what_falls_in_a_day_has_to_add_up() -> None:
    rain = DRY | {"intensity": 0.1, "kind": RAIN, "liquid_amount": 0.11}
    assert span([rain] * 10 + [DRY] * 14) == "rain"
    assert span([rain] * 9 + [DRY] * 15) == "clear-day"
    assert span([rain] * 9 + [DRY] * 15, pirate=True) == "possible-rain-day"
    snow = DRY | {"intensity": 0.1, "snow_intensity": 1.0, "kind": SNOW, "snow_amount": 1.0}
    assert span([snow] * 5 + [DRY] * 19) == "snow"
    assert span([rain | {"cape": 3000.0}] * 10 + [DRY] * 14) == "thunderstorm"
    assert span([rain | {"probability": 0.2}] * 10 + [DRY] * 14) == "clear-day"
    assert span([rain | {"probability": 0.2}] * 9 + [rain | {"probability": 0.25}] + [DRY] * 14) == "rain"


def test_wind_and_fog_of_a_day_have_to_last() -> None:
    wind, fog = DRY | {"wind_speed": 12.0}, DRY | {"visibility": 500.0, "dew_point": 284.0}
    assert span([wind] * 3 + [DRY] * 21) == "wind"
    assert span([DRY] * 4 + [wind] * 2 + [wind] * 2 + [DRY] * 16) == "clear-day", "two hours of each part"
    assert span([fog] * 3 + [wind] * 21) == "fog"


def test_the_sky_of_a_day_is_that_of_most_parts() -> None:
    half, full = DRY | {"cloud_cover": 0.5}, DRY | {"cloud_cover": 1.0}
    assert span([half] * 12 + [full] * 6 + [DRY] * 6) == "partly-cloudy-day"
    assert span([half] * 6 + [full] * 6 + [DRY] * 12) == "clear-day"
    assert span([DRY] * 12 + [full] * 12) == "cloudy", "the cloudiest of equals"


def test_a_day_of_which_too_little_is_known_has_no_icon() -> None:
    nothing = dict.fromkeys(DRY, math.nan)
    assert span([DRY] * 18 + [nothing] * 6) == "clear-day"
    assert span([DRY] * 17 + [nothing] * 7) is None
    assert span([DRY | {"cloud_cover": math.nan}] * 24) is None


def number(word: str) -> float:
    return float(ICON_WORDS.index(word))


def test_minutes_tell_what_falls_in_most_of_them() -> None:
    def minutes(*kinds: float, **more: float) -> str:
        slots = [CALM | more | ({"intensity": 0.5, "kind": kind} if kind else {}) for kind in kinds]
        return ICON_WORDS[int(minutes_icon(columns_of(slots), 0, len(slots), number("cloudy"), True))]

    assert minutes(0, 0, 0) == "cloudy"
    assert minutes(0, RAIN, RAIN, SNOW) == "light-rain"
    assert minutes(RAIN, SNOW, 3, 0) == "mixed"
    assert minutes(0, 0, RAIN, cape=2600.0) == "thunderstorm"


def test_days_tell_what_falls_on_any_of_them_else_the_most_frequent() -> None:
    def days(*words: str, kinds: tuple[float, ...] = (), pirate: bool = False) -> str | None:
        icons = np.array([number(word) if word else math.nan for word in words])
        told = np.array(kinds or (math.nan,) * len(words))
        found = days_icon(icons, told, pirate)
        return None if math.isnan(found) else ICON_WORDS[int(found)]

    assert days("wind", "clear-day", "wind") == "wind"
    assert days("clear-day", "wind", "") == "clear-day"
    assert days("", "") is None
    assert days("wind", "rain", "wind", kinds=(math.nan, RAIN, math.nan)) == "rain"
    assert days("snow", "rain", "wind", kinds=(SNOW, RAIN, math.nan)) == "sleet"
    assert days("light-rain", "drizzle", "possible-snow-day", kinds=(RAIN, RAIN, SNOW), pirate=True) == "light-rain"
    assert days("rain", "thunderstorm", kinds=(RAIN, RAIN)) == "thunderstorm"
