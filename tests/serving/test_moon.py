"""The moon against PyEphem at every latitude, and against published examples and eclipses."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import ephem
import numpy as np
import pytest
from numpy.typing import NDArray

from serving.moon import moon, moon_events, moon_phase, moon_track
from tests.serving.almanac import crossings, midnights, moment, moon_height, observer, seconds, year

SAMPLE = 1200


def events(starts: NDArray[np.int64], lat: float, lon: float) -> NDArray[np.float64]:
    """[moonrise, moonset] x [day]."""
    told = np.empty((2, len(starts) - 1))
    moon_events(moon_track(int(starts[0]), int(starts[-1])), starts, lat, lon, told)
    return told


def test_position_of_the_published_example_of_meeus() -> None:
    """Astronomical Algorithms, example 47.a: 1992-04-12, 0 h dynamical time, which was 69 s ahead in our count."""
    longitude, latitude, distance = moon(datetime(1992, 4, 12, tzinfo=UTC).timestamp() - 69)
    assert math.degrees(longitude) % 360 == pytest.approx(133.162655, abs=0.005)
    assert math.degrees(latitude) == pytest.approx(-3.229126, abs=0.005)
    assert distance == pytest.approx(368_409.7, abs=40)


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
    assert abs(off) < 0.001


@pytest.mark.parametrize(
    ("following", "phase"),
    [
        (ephem.next_new_moon, 0.0),
        (ephem.next_first_quarter_moon, 0.25),
        (ephem.next_full_moon, 0.5),
        (ephem.next_last_quarter_moon, 0.75),
    ],
)
def test_quarters_come_when_the_almanac_says(following, phase: float) -> None:
    when = ephem.Date("2024/1/1")
    for _ in range(50):
        when = following(when)
        off = (moon_phase(seconds(when)) - phase + 0.5) % 1 - 0.5
        # A minute is 0.00002 of the circle.
        assert abs(off) < 0.00005


@pytest.mark.parametrize("lat", [-90, -75, -66.5, -40, -15, 0, 25, 55, 66.5, 70, 80, 90])
def test_every_rise_and_set_of_the_almanac_is_told_and_no_other(lat: float) -> None:
    """Days of which half an hour around midnight or around a graze decides are held to the height alone."""
    lon = 7.5
    there = observer(lat, lon)
    starts = year()
    told = events(starts, lat, lon)
    for day in range(0, 365, 17):
        samples = np.arange(starts[day], starts[day + 1] + 1, SAMPLE)
        heights = [moon_height(there, float(sample)) for sample in samples]
        for ours, truth in zip(told[:, day], crossings(heights), strict=True):
            if not math.isnan(ours):
                assert starts[day] <= ours <= starts[day + 1]
                assert abs(moon_height(there, ours)) < 0.012, (lat, day)
            if truth:
                assert samples[truth[0] - 1] - 20 <= ours <= samples[truth[0]] + 20, (lat, day)
            elif not math.isnan(ours):
                # Between two samples: a graze.
                assert min(abs(height) for height in heights) < 0.05, (lat, day)


@pytest.mark.parametrize(
    ("zone", "lat", "lon"),
    [
        ("Europe/Berlin", 52.52, 13.405),
        ("Australia/Lord_Howe", -31.55, 159.08),
    ],
)
def test_rise_and_set_of_local_days_agree_to_seconds(zone: str, lat: float, lon: float) -> None:
    starts = midnights(zone, date(2026, 1, 1), 365)
    rises, sets = events(starts, lat, lon)
    there = observer(lat, lon)
    there.horizon = math.radians(-34 / 60)
    for ours, next_event in ((rises, there.next_rising), (sets, there.next_setting)):
        missing = np.flatnonzero(np.isnan(ours))
        assert 10 <= len(missing) <= 14, "the moon passes once less than the sun in each of its months"
        for day in sorted({*range(0, 365, 6), *missing.tolist()}):
            there.date = moment(float(starts[day]))
            truth, told = seconds(next_event(ephem.Moon())), ours[day]
            if math.isnan(told):
                assert truth > starts[day + 1] - 10
            else:
                assert told == pytest.approx(truth, abs=6)


def test_near_the_poles_days_pass_without_moonrise() -> None:
    starts = midnights("Etc/GMT", date(2026, 6, 1), 28)
    rises, sets = events(starts, 85.0, 0.0)
    assert 1 <= np.isfinite(rises).sum() <= 8
    assert 1 <= np.isfinite(sets).sum() <= 8
