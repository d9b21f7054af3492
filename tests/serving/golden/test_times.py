"""Whatever is kept, the clock has to be right: hours, days and halves of the places that hurt, told by hand."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.serving.almanac import observer, sun_height
from tests.serving.golden.cases import CASE, CASES

pytestmark = pytest.mark.xdist_group("golden")
FORECASTS = [case.name for case in CASES if not case.name.startswith("no-model")]
HOUR = 3600

# Zone, hours from UTC now, midnight of today as the wall shows it, hours of that day.
CLOCKS = {
    "kathmandu": ("Asia/Kathmandu", 5.75, "2026-06-20T00:00+05:45", 24),
    "apia": ("Pacific/Apia", 13.0, "2026-06-21T00:00+13:00", 24),
    "reykjavik-in-june": ("Atlantic/Reykjavik", 0.0, "2026-06-20T00:00+00:00", 24),
    "north-pole": ("Etc/GMT", 0.0, "2026-06-20T00:00+00:00", 24),
    "south-pole": ("Antarctica/McMurdo", 12.0, "2026-06-21T00:00+12:00", 24),
    "180-degrees": ("Pacific/Fiji", 12.0, "2026-06-21T00:00+12:00", 24),
    "spring-night": ("Europe/Berlin", 1.0, "2026-03-29T00:00+01:00", 23),
    "autumn-night": ("Europe/Berlin", 2.0, "2026-10-25T00:00+02:00", 25),
    "lord-howe": ("Australia/Lord_Howe", 10.5, "2026-10-04T00:00+10:30", 23.5),
    "edge-of-hrrr": ("Etc/GMT+8", -8.0, "2026-06-20T00:00-08:00", 24),
    "beyond-hrrr": ("Etc/GMT+8", -8.0, "2026-06-20T00:00-08:00", 24),
    "one-model": ("America/Denver", -6.0, "2026-06-20T00:00-06:00", 24),
}


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_each_place_has_its_clock() -> None:
    assert list(CLOCKS) == FORECASTS


@pytest.mark.parametrize("name", FORECASTS)
def test_zone_offset_and_days(told: Any, name: str) -> None:
    answer = told(name)
    zone, offset, midnight, hours = CLOCKS[name]
    assert (answer["timezone"], answer["offset"]) == (zone, offset)
    starts = [day["time"] for day in answer["daily"]["data"]]
    first = seconds(midnight)
    assert starts == [first, *(first + round(hours * HOUR) + 24 * HOUR * n for n in range(7))]
    assert first <= CASE[name].now.timestamp() < starts[1]


@pytest.mark.parametrize("name", FORECASTS)
def test_minutes_and_hours_go_on_without_a_gap(told: Any, name: str) -> None:
    answer, now = told(name), int(CASE[name].now.timestamp())
    assert answer["currently"]["time"] == now
    assert [each["time"] for each in answer["minutely"]["data"]] == [now + 60 * n for n in range(61)]
    hours = [each["time"] for each in answer["hourly"]["data"]]
    assert hours == [hours[0] + HOUR * n for n in range(48)]
    assert 0 <= now - hours[0] < HOUR
    assert (hours[0] + HOUR * answer["offset"]) % HOUR == 0, "the first hour is whole on the wall"


def test_hours_of_kathmandu_start_a_quarter_past_and_those_of_lord_howe_at_half_past(told: Any) -> None:
    minutes = {name: {each["time"] % HOUR // 60 for each in told(name)["hourly"]["data"]} for name in FORECASTS}
    assert minutes.pop("kathmandu") == {15}
    assert minutes.pop("lord-howe") == {30}
    assert set(map(tuple, minutes.values())) == {(0,)}


@pytest.mark.parametrize(
    ("name", "wall"),
    [
        ("spring-night", ["01:00+01:00", "03:00+02:00", "04:00+02:00"]),
        ("autumn-night", ["02:00+02:00", "02:00+01:00", "03:00+01:00"]),
        ("lord-howe", ["01:00+10:30", "02:30+11:00", "03:30+11:00"]),
    ],
)
def test_hours_of_a_night_in_which_clocks_change(told: Any, name: str, wall: list[str]) -> None:
    date = CLOCKS[name][2][:11]
    assert [each["time"] for each in told(name)["hourly"]["data"][:3]] == [seconds(date + clock) for clock in wall]


@pytest.mark.parametrize("name", FORECASTS)
def test_halves_begin_at_four_and_at_five_on_the_wall(told: Any, name: str) -> None:
    answer = told(name)
    days = [day["time"] for day in answer["daily"]["data"]]
    halves = [half["time"] for half in answer["day_night"]["data"]]
    assert len(halves) == 16
    # The clock may have changed between midnight and four: then both are so many hours from the next midnight.
    for number, (day, following) in enumerate(pairwise([*days, days[-1] + 24 * HOUR])):
        short = 24 * HOUR - (following - day)
        assert halves[2 * number : 2 * number + 2] == [day + 4 * HOUR - short, day + 17 * HOUR - short]


@pytest.mark.parametrize("name", FORECASTS)
def test_the_sun_rises_and_sets_where_the_almanac_says_and_nowhere_else(told: Any, name: str) -> None:
    """PyEphem's sun is the truth: 50' below the horizon when it rises and sets, 6 degrees at dawn and at dusk."""
    answer = told(name)
    there = observer(answer["latitude"], answer["longitude"])
    for day in answer["daily"]["data"]:
        noon = solar_noon(day["time"], answer["longitude"])
        for level, morning, evening in ((-50 / 60, "sunriseTime", "sunsetTime"), (-6.0, "dawnTime", "duskTime")):
            for key, before in ((morning, True), (evening, False)):
                crossed = crosses(there, noon - 12 * HOUR if before else noon, level)
                assert (key in day) == crossed, (name, key, day["time"])
                if key in day:
                    assert sun_height(there, day[key]) == pytest.approx(level, abs=0.02)
                    assert before == (day[key] < noon)
                    assert abs(day[key] - noon) < 12.5 * HOUR


def solar_noon(midnight: int, longitude: float) -> float:
    """About the noon of a local day, by the mean sun."""
    middle = midnight + 12 * HOUR
    noon = middle // 86_400 * 86_400 + (12 - longitude / 15) * HOUR
    return min((noon + turn * 86_400 for turn in (-1, 0, 1)), key=lambda each: abs(each - middle))


def crosses(there: Any, start: float, level: float) -> bool:
    heights = [sun_height(there, start + minute * 60) > level for minute in range(0, 12 * 60 + 1, 4)]
    return any(earlier != later for earlier, later in pairwise(heights))


def test_what_the_almanac_says_of_these_places(told: Any) -> None:
    """The same, told by hand: polar day and night, a night that is never dark, a sunset after midnight."""
    events = ("dawnTime", "sunriseTime", "sunsetTime", "duskTime")
    has = {name: {key for day in told(name)["daily"]["data"] for key in events if key in day} for name in FORECASTS}
    assert has.pop("north-pole") == has.pop("south-pole") == set()
    assert has.pop("reykjavik-in-june") == {"sunriseTime", "sunsetTime"}
    assert set(map(frozenset, has.values())) == {frozenset(events)}
    today, tomorrow = told("reykjavik-in-june")["daily"]["data"][:2]
    # Calendars print 02:55 and 00:04.
    assert today["sunriseTime"] == pytest.approx(seconds("2026-06-20T02:55+00:00"), abs=90)
    assert today["sunsetTime"] == pytest.approx(seconds("2026-06-21T00:04+00:00"), abs=90)
    assert today["sunsetTime"] > tomorrow["time"]


def test_the_moon_is_a_quarter_old_on_21_june_2026_and_full_on_30_june(told: Any) -> None:
    """First quarter 2026-06-21T21:55Z, full moon 2026-06-29T23:57Z, as almanacs print them."""
    days = told("north-pole")["daily"]["data"]
    quarter, full = (datetime.fromisoformat(at).timestamp() for at in ("2026-06-21T21:55Z", "2026-06-29T23:57Z"))
    for day in days:
        middle = day["time"] + 12 * HOUR
        expected = 0.25 + 0.25 * (middle - quarter) / (full - quarter)
        assert math.isclose(day["moonPhase"], expected, abs_tol=0.015)


@pytest.mark.parametrize("name", FORECASTS)
def test_everything_that_is_told_is_of_its_day(told: Any, name: str) -> None:
    days = told(name)["daily"]["data"]
    ends = [day["time"] for day in days[1:]] + [days[-1]["time"] + 24 * HOUR]
    for day, end in zip(days, ends, strict=True):
        for key, value in day.items():
            if key.endswith(("MaxTime", "MinTime", "GustTime", "IndexTime")):
                assert day["time"] <= value < end, key
            if key.endswith("HighTime"):
                assert day["time"] + 5 * HOUR < value <= end - 6 * HOUR, key
            if key.endswith("LowTime"):
                assert end - 6 * HOUR < value <= end + 6 * HOUR, key
