"""The sun against PyEphem at every latitude and season, astral, and published examples."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import astral
import astral.sun
import ephem
import numpy as np
import pytest
from numpy.typing import NDArray

from serving.sun import STEP, daylight, sine_of_elevation, sun, sun_events, sun_track
from tests.serving.almanac import crossings, midnights, moment, observer, seconds, sun_height, year

PLACES = {
    "Europe/Berlin": (52.52, 13.405),
    "America/New_York": (40.71, -74.01),
    "Asia/Kathmandu": (27.72, 85.32),
    "Pacific/Auckland": (-36.85, 174.76),
    "America/Bogota": (4.71, -74.07),
    "Australia/Lord_Howe": (-31.55, 159.08),
    "Africa/Johannesburg": (-33.92, 18.42),
}


def crossed(starts: NDArray[np.int64], lat: float, lon: float) -> NDArray[np.float64]:
    """[dawn, sunrise, sunset, dusk] x [day]."""
    told = np.empty((4, len(starts) - 1))
    sun_events(sun_track(int(starts[0]), int(starts[-1])), starts, lat, lon, told)
    return told


def events(zone: str, day: date, lat: float, lon: float) -> list[float]:
    starts = midnights(zone, day, 1)
    return [float(row[0]) for row in crossed(starts, lat, lon)]


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


@pytest.mark.parametrize("lat", [-90, -80, -67.4, -66.5, -45, -20, 0, 25, 50, 65, 66.5, 67.4, 70, 85, 90])
def test_every_event_of_the_almanac_is_told_and_no_other(lat: float) -> None:
    """All latitudes, all seasons. What a hundredth of a degree decides (a graze) is held to the height alone."""
    lon = 7.5
    there = observer(lat, lon)
    starts = year()
    told = crossed(starts, lat, lon)
    for day in range(0, 365, 7):
        noon = float(starts[day]) + 43_200 - lon * 240
        samples = noon + 2400 * np.arange(-18, 19)
        heights = [sun_height(there, float(sample)) for sample in samples]
        for half, events in ((slice(0, 19), told[:2, day]), (slice(18, 37), told[2:, day][::-1])):
            for ours, level in zip(events, (-6.0, -50 / 60), strict=True):
                rising, setting = crossings(heights[half], level)
                if not math.isnan(ours):
                    assert abs(sun_height(there, ours) - level) < 0.006, (lat, day)
                    assert abs(ours - noon) < 45_000
                truth = rising if half.start == 0 else setting
                if bool(truth) == math.isnan(ours):
                    assert min(abs(height - level) for height in heights) < 0.1, (lat, day)


@pytest.mark.parametrize(("zone", "limit"), [(zone, 2) for zone in PLACES] + [("Atlantic/Reykjavik", 6)])
def test_sunrise_and_sunset_are_those_of_the_almanac(zone: str, limit: float) -> None:
    """Of the sun's centre at -50', to the second in middle latitudes."""
    lat, lon = (PLACES | {"Atlantic/Reykjavik": (64.15, -21.94)})[zone]
    there = observer(lat, lon)
    there.horizon = math.radians(-50 / 60)
    starts = midnights(zone, date(2026, 1, 1), 365)
    _, rises, sets, _ = crossed(starts, lat, lon)
    for day in range(0, 365, 9):
        for ours, next_event in ((rises[day], there.next_rising), (sets[day], there.next_setting)):
            there.date = moment(float(ours) - 3600)
            assert ours == pytest.approx(seconds(next_event(ephem.Sun(), use_center=True)), abs=limit)


def test_events_agree_with_the_published_example_of_nrel() -> None:
    """Reda and Andreas, Solar Position Algorithm (NREL/TP-560-34302), appendix: Golden, Colorado, 2003-10-17."""
    tz = timezone(timedelta(hours=-7))
    lat, lon = 39.742476, -105.1786
    _, rise, _, _ = events("Etc/GMT+7", date(2003, 10, 17), lat, lon)
    _, _, fall, _ = events("Etc/GMT+7", date(2003, 10, 16), lat, lon)
    assert rise == pytest.approx(datetime(2003, 10, 17, 6, 12, 43, tzinfo=tz).timestamp(), abs=1)
    assert fall == pytest.approx(datetime(2003, 10, 16, 17, 20, 19, tzinfo=tz).timestamp(), abs=1)
    sine = sine_of_elevation(datetime(2003, 10, 17, 12, 30, 30, tzinfo=tz).timestamp(), lat, lon)
    assert np.degrees(np.arcsin(sine)) == pytest.approx(39.872, abs=0.003)


def test_declination_of_the_published_example_of_meeus() -> None:
    """Astronomical Algorithms, example 25.b: 1992-10-13, 0 h dynamical time, with all of VSOP87."""
    declination, _ = sun(datetime(1992, 10, 13, tzinfo=UTC).timestamp() - 59)
    assert np.degrees(declination) == pytest.approx(-(7 + 47 / 60 + 1.74 / 3600), abs=0.0005)


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
            starts = midnights("Etc/GMT", date(2026, month, 15), 1)
            for event, degrees in zip(crossed(starts, lat, 7.5)[:, 0], (-6, -50 / 60, -50 / 60, -6), strict=True):
                if not np.isnan(event):
                    height = np.degrees(np.arcsin(sine_of_elevation(event, lat, 7.5)))
                    assert height == pytest.approx(degrees, abs=1e-3)


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
