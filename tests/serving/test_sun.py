"""The sun and the moon against astral, and against published examples and eclipses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import astral
import astral.sun
import numpy as np
import pytest

from serving.days import local_days
from serving.sun import STEP, daylight, moon_phase, sine_of_elevation, sun, sun_events

PLACES = {
    "Europe/Berlin": (52.52, 13.405),
    "America/New_York": (40.71, -74.01),
    "Asia/Kathmandu": (27.72, 85.32),
    "Pacific/Auckland": (-36.85, 174.76),
    "America/Bogota": (4.71, -74.07),
    "Australia/Lord_Howe": (-31.55, 159.08),
    "Africa/Johannesburg": (-33.92, 18.42),
}


def events(zone: str, day: date, lat: float, lon: float) -> list[float]:
    starts = np.array(local_days(zone, day, 1).starts, dtype=np.int64)
    return [float(row[0]) for row in sun_events(starts, lat, lon)]


@pytest.mark.parametrize("zone", PLACES)
@pytest.mark.parametrize("day", [date(2026, 1, 5), date(2026, 3, 29), date(2026, 6, 21), date(2026, 11, 1)])
def test_events_agree_with_astral(zone: str, day: date) -> None:
    """At the same height. Astral's own sunrise stands a little higher: its refraction at the horizon is not 34'."""
    lat, lon = PLACES[zone]
    observer = astral.Observer(lat, lon, 0.0)
    rising, setting = astral.SunDirection.RISING, astral.SunDirection.SETTING
    low, twilight = 90 + 50 / 60, 96.0
    wanted = ((twilight, rising), (low, rising), (low, setting), (twilight, setting))
    for ours, (zenith, direction) in zip(events(zone, day, lat, lon), wanted, strict=True):
        candidates = [
            astral.sun.time_of_transit(observer, day + timedelta(days=shift), zenith, direction, with_refraction=False)
            for shift in (-1, 0, 1)
        ]
        assert min(abs(ours - theirs.timestamp()) for theirs in candidates) < 10


@pytest.mark.parametrize("zone", PLACES)
def test_sunrise_and_sunset_are_near_those_astral_prints(zone: str) -> None:
    lat, lon = PLACES[zone]
    day, tz = date(2026, 6, 21), ZoneInfo(zone)
    truth = [getattr(astral.sun, name)(astral.Observer(lat, lon), day, tzinfo=tz) for name in ("sunrise", "sunset")]
    for ours, theirs in zip(events(zone, day, lat, lon)[1:3], truth, strict=True):
        assert ours == pytest.approx(theirs.timestamp(), abs=45)


def test_events_agree_with_the_published_example_of_nrel() -> None:
    """Reda and Andreas, Solar Position Algorithm (NREL/TP-560-34302), appendix: Golden, Colorado, 2003-10-17."""
    tz = timezone(timedelta(hours=-7))
    lat, lon = 39.742476, -105.1786
    _, rise, _, _ = events("Etc/GMT+7", date(2003, 10, 17), lat, lon)
    _, _, fall, _ = events("Etc/GMT+7", date(2003, 10, 16), lat, lon)
    assert rise == pytest.approx(datetime(2003, 10, 17, 6, 12, 43, tzinfo=tz).timestamp(), abs=3)
    assert fall == pytest.approx(datetime(2003, 10, 16, 17, 20, 19, tzinfo=tz).timestamp(), abs=3)
    sine = sine_of_elevation(datetime(2003, 10, 17, 12, 30, 30, tzinfo=tz).timestamp(), lat, lon)
    assert np.degrees(np.arcsin(sine)) == pytest.approx(39.872, abs=0.003)


def test_declination_of_the_published_example_of_meeus() -> None:
    """Astronomical Algorithms, example 25.a: 1992-10-13, 0 h dynamical time."""
    declination, _ = sun(datetime(1992, 10, 13, tzinfo=UTC).timestamp() - 59)
    assert np.degrees(declination) == pytest.approx(-7.78507, abs=0.001)


def test_no_sunrise_in_polar_day_and_polar_night() -> None:
    for day in (date(2026, 6, 21), date(2026, 12, 21)):
        _, rise, fall, _ = events("Europe/Oslo", day, 69.65, 18.96)
        assert np.isnan(rise)
        assert np.isnan(fall)
    dawn, _, _, dusk = events("Europe/Oslo", date(2026, 12, 21), 69.65, 18.96)
    assert dawn < dusk
    for pole in (90.0, -90.0):
        assert all(np.isnan(event) for event in events("Etc/GMT", date(2026, 6, 21), pole, 0.0))


def test_a_sunset_after_midnight_belongs_to_its_evening() -> None:
    _, rise, fall, _ = events("Atlantic/Reykjavik", date(2026, 6, 21), 64.15, -21.94)
    assert datetime.fromtimestamp(rise, UTC).date() == date(2026, 6, 21)
    assert datetime.fromtimestamp(fall, UTC).date() == date(2026, 6, 22)
    assert fall - rise == pytest.approx(21.1 * 3600, abs=900)


def test_every_event_lies_at_its_height() -> None:
    for lat in np.linspace(-65, 65, 27):
        for month in range(1, 13):
            starts = np.array(local_days("Etc/GMT", date(2026, month, 15), 1).starts, dtype=np.int64)
            for event, degrees in zip(sun_events(starts, lat, 7.5)[:, 0], (-6, -50 / 60, -50 / 60, -6), strict=True):
                if not np.isnan(event):
                    height = np.degrees(np.arcsin(sine_of_elevation(event, lat, 7.5)))
                    assert height == pytest.approx(degrees, abs=1e-3)


@pytest.mark.parametrize(
    ("instant", "phase"),
    [
        # Greatest eclipse: the sun's at new moon, the moon's at full moon (NASA GSFC).
        (datetime(2024, 4, 8, 18, 17, tzinfo=UTC), 0.0),
        (datetime(2026, 2, 17, 12, 12, tzinfo=UTC), 0.0),
        (datetime(2026, 8, 12, 17, 46, tzinfo=UTC), 0.0),
        (datetime(2025, 9, 7, 18, 12, tzinfo=UTC), 0.5),
        (datetime(2026, 3, 3, 11, 34, tzinfo=UTC), 0.5),
        (datetime(2026, 8, 28, 4, 13, tzinfo=UTC), 0.5),
    ],
)
def test_moon_is_new_or_full_at_eclipses(instant: datetime, phase: float) -> None:
    off = (moon_phase(instant.timestamp()) - phase + 0.5) % 1 - 0.5
    assert abs(off) < 0.003


def test_daylight_is_even_at_night_and_follows_the_sun_by_day() -> None:
    first = int(datetime(2026, 6, 21, tzinfo=UTC).timestamp())
    sums = daylight(first, 97, 40.0, 0.0)
    weights = np.diff(sums) / STEP
    middles = first + STEP * (np.arange(96) + 0.5)
    sines = np.array([sine_of_elevation(float(t), 40.0, 0.0) for t in middles])
    day = sines > 0.2
    np.testing.assert_allclose(weights[day], sines[day], atol=2e-3)
    assert (weights > 0).all()
    assert (weights[sines < -0.2] < 1e-3).all()


def test_declination_keeps_to_the_tropics() -> None:
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    noon = [sine_of_elevation(day.timestamp(), 90.0, 0.0) for day in days]
    assert np.degrees(np.arcsin(max(noon))) == pytest.approx(23.436, abs=0.01)
    assert np.degrees(np.arcsin(min(noon))) == pytest.approx(-23.436, abs=0.01)
