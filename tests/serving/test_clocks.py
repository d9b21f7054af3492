"""Days on which clocks change, minute by minute around the change: nothing is missing from an answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from serving.forecast import ForecastOptions, Place, build_forecast
from serving.units import System

ZONES = {
    "America/New_York": (40.7, -74.0),
    "America/St_Johns": (47.6, -52.7),
    "Europe/Berlin": (52.5, 13.4),
    "Australia/Lord_Howe": (-31.5, 159.1),
    "Pacific/Chatham": (-44.0, -176.5),
    "America/Santiago": (-33.4, -70.7),
}


def changes(zone: str) -> list[datetime]:
    """The moments of 2026 at which a zone's clocks change, UTC."""
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(365 * 24)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    return [hour for hour, (before, after) in zip(hours[1:], pairwise(offsets), strict=True) if before != after]


@pytest.mark.parametrize("zone", ZONES)
def test_an_answer_is_whole_at_every_moment_around_a_change_of_clocks(weather_store: Any, zone: str) -> None:
    """For a day, hour 0 was missing and no sun rose in every zone whose clocks had changed."""
    place = Place(*ZONES[zone], zone)
    moments = changes(zone)
    assert len(moments) == 2
    for change in moments:
        store = weather_store("gfs", (change - timedelta(days=2)).replace(hour=0, minute=0))
        for minutes in (-1440, -181, -61, -1, 0, 1, 29, 59, 61, 119, 181, 1440):
            now = change + timedelta(minutes=minutes)
            answer = build_forecast(place, [store], ForecastOptions(System.SI), now)
            body = json.loads(answer.body)
            assert "temperature" in body["currently"]
            assert len(body["hourly"]["data"]) == 48
            assert 0 <= now.timestamp() - body["hourly"]["data"][0]["time"] < 3600
            for hour in body["hourly"]["data"]:
                assert {"temperature", "windSpeed", "humidity", "pressure"} <= hour.keys()
            days = body["daily"]["data"]
            assert len(days) == 8
            assert days[0]["time"] <= now.timestamp() < days[1]["time"]
            for day in days:
                assert day["time"] < day["sunriseTime"] < day["sunsetTime"] < day["time"] + 25 * 3600
                assert {"temperatureMin", "temperatureMax"} <= day.keys()


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
    options = ForecastOptions(System.SI, extend_hourly=True)
    answer = json.loads(build_forecast(Place(lat, lon, zone), [store], options, now).body)
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
