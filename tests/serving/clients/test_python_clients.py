"""Clients of Dark Sky and of Pirate Weather from PyPI, unchanged but for the host: they find what they look for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import requests

with warnings.catch_warnings():
    # One of them compares numbers by identity.
    warnings.simplefilter("ignore", SyntaxWarning)
    import darksky
import forecastio
import pirateweather
import requests_forecast

from tests.serving.clients.conftest import NOW

pytestmark = pytest.mark.xdist_group("clients")

BERLIN, DENVER = (52.52, 13.405), (39.74, -104.99)
DAYBREAK = datetime(2026, 6, 20, tzinfo=UTC) - timedelta(hours=2)
"""Midnight of NOW's day in Berlin."""


def stamp(moment: datetime) -> int:
    return int(moment.timestamp())


# The clients make naive times: some in UTC, some in the zone of the machine.
in_utc: Callable[[datetime], int] = lambda naive: stamp(naive.replace(tzinfo=UTC))  # noqa: E731


@pytest.mark.filterwarnings("ignore:.*utcfromtimestamp")
def test_python_forecastio(asked: list[str]) -> None:
    forecast = forecastio.load_forecast("key", *BERLIN, units="si")
    assert asked == ["https://api.darksky.net/forecast/key/52.52,13.405?units=si&lang=en"]
    assert forecast.offset() == 2.0
    assert forecast.alerts() == []
    now = forecast.currently()
    assert in_utc(now.time) == stamp(NOW)
    assert -20 < now.temperature < 40
    assert now.icon.split("-")[0] in {"clear", "partly", "cloudy", "rain", "wind", "fog", "snow"}
    assert len(forecast.minutely().data) == 61
    assert [point.utime for point in forecast.hourly().data] == [
        stamp(NOW) // 3600 * 3600 + 3600 * n for n in range(48)
    ]
    days = forecast.daily().data
    assert [in_utc(day.time) for day in days] == [stamp(DAYBREAK) + 86_400 * n for n in range(8)]
    assert all(day.time < day.sunriseTime < day.sunsetTime for day in days)
    assert all(day.temperatureMin <= day.temperatureHigh <= day.temperatureMax for day in days)
    assert forecast.http_headers["X-Response-Time"]
    forecast.update()
    assert forecast.json["currently"]["temperature"] == now.temperature
    with pytest.raises(forecastio.utils.PropertyUnavailable):
        _ = now.nearestStormHeight


def test_python_forecastio_asks_for_blocks_when_it_needs_them(asked: list[str]) -> None:
    forecast = forecastio.load_forecast("key", *DENVER, units="us", lazy=True)
    assert set(forecast.json) == {"latitude", "longitude", "timezone", "offset"}
    assert len(forecast.hourly().data) == 48
    assert 0 < forecast.currently().temperature < 110
    assert len(asked) == 3
    assert "currently" in forecast.json


def test_python_forecastio_asks_for_the_past(asked: list[str]) -> None:
    for moment in (datetime(2026, 6, 20, 6), datetime(2026, 6, 20, 4, tzinfo=UTC)):
        forecast = forecastio.load_forecast("key", *BERLIN, moment)
        assert forecast.currently().utime == stamp(datetime(2026, 6, 20, 4, tzinfo=UTC))
        assert [point.utime for point in forecast.hourly().data] == [stamp(DAYBREAK) + 3600 * n for n in range(24)]
    with pytest.raises(requests.HTTPError, match="400"):
        forecastio.load_forecast("key", 91, 0)


def test_darkskylib(asked: list[str]) -> None:
    with darksky.forecast("key", *BERLIN, units="si", extend="hourly") as berlin:
        assert asked == ["https://api.darksky.net/forecast/key/52.52,13.405?units=si&extend=hourly"]
        assert berlin.temperature == berlin.currently.temperature == berlin["currently"]["temperature"]
        assert (berlin.timezone, berlin.offset, len(berlin.hourly)) == ("Europe/Berlin", 2.0, 168)
        assert [hour.temperature for hour in berlin.hourly] == [
            hour["temperature"] for hour in berlin["hourly"]["data"]
        ]
        assert berlin.daily[0].sunriseTime < berlin.daily[0].sunsetTime
        assert berlin.flags.units == "si"
        assert "gfs" in berlin.flags.sources
        assert berlin.response_headers["Content-Encoding"] == "gzip"
        berlin.refresh(units="us", exclude="minutely,hourly")
        assert berlin.flags.units == "us"
    past = darksky.forecast("key", *BERLIN, time="2026-06-20T06:00:00")
    assert past.currently.time == stamp(datetime(2026, 6, 20, 4, tzinfo=UTC))


def test_python_pirateweather(asked: list[str]) -> None:
    more = {"include": "day_night_forecast", "extraVars": "stationPressure", "icon": "pirate", "aqiunits": "us"}
    forecast = pirateweather.load_forecast("key", *BERLIN, units="si", version=2, extend="hourly", **more)
    assert asked[0].startswith("https://api.pirateweather.net/forecast/key/52.52,13.405?units=si&lang=en&version=2")
    now = forecast.currently()
    assert now.utime == stamp(NOW)
    for field in ("feelsLike", "rainIntensity", "currentDayLiquid", "fireIndex", "solar", "cape", "stationPressure"):
        assert isinstance(getattr(now, field), (int, float)), field
    assert now.smoke is None, "HRRR alone tells of smoke"
    assert (len(forecast.hourly().data), len(forecast.day_night().data)) == (168, 16)
    assert all(day.dawnTime < day.d["sunriseTime"] for day in forecast.daily().data)
    flags = forecast.flags()
    assert (flags.units, flags.nearestCountry) == ("si", "Germany")
    assert flags.nearestCity
    assert set(flags.sources) == set(flags.sourceTimes)
    assert forecast.alerts() == []


def test_python_pirateweather_asks_the_time_machine(asked: list[str]) -> None:
    forecast = pirateweather.load_forecast("key", *BERLIN, datetime(2026, 6, 20, 6), units="si")
    assert asked == [
        "https://timemachine.pirateweather.net/forecast/key/52.52,13.405,2026-06-20T06:00:00?units=si&lang=en"
    ]
    assert forecast.currently().utime == stamp(datetime(2026, 6, 20, 4, tzinfo=UTC))
    assert len(forecast.hourly().data) == 24
    assert len(forecast.daily().data) == 1


@pytest.mark.filterwarnings("ignore:.*utcfromtimestamp")
def test_requests_forecast(asked: list[str]) -> None:
    forecast = requests_forecast.Forecast("key", *DENVER, units="ca")
    assert str(forecast.timezone) == "America/Denver"
    now = forecast.currently()
    assert now.time == NOW
    assert now["humidity"] == pytest.approx(100 * requests.get(asked[0]).json()["currently"]["humidity"])
    assert len(forecast.hourly().data) == 48
    assert forecast.daily().icon
    past = requests_forecast.Forecast("key", *DENVER, time=datetime.fromtimestamp(stamp(NOW) - 3600))
    assert past.currently().time == NOW - timedelta(hours=1)
