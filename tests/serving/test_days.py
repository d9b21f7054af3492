"""Local days and hours of every zone: built from instants, without gap or overlap."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from serving.daily import day_hours
from serving.day_fields import Window
from serving.days import half_days, local_date, local_days, local_hour, offset_at
from serving.places import nautical_zone, timezone_at


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("America/Santiago", date(2026, 4, 4), 25),
        ("America/Havana", date(2026, 3, 8), 23),
    ],
)
def test_length_of_the_days_on_which_clocks_change(zone: str, day: date, hours: float) -> None:
    starts = local_days(zone, day, 2).starts
    assert (starts[1] - starts[0]) / 3600 == hours
    for start in starts:
        assert datetime.fromtimestamp(start, ZoneInfo(zone)).minute == 0
    assert datetime.fromtimestamp(starts[0], ZoneInfo(zone)).date() == day


def test_a_skipped_date_is_no_day() -> None:
    starts = local_days("Pacific/Apia", date(2011, 12, 29), 2).starts
    dates = [datetime.fromtimestamp(start, ZoneInfo("Pacific/Apia")).date() for start in starts]
    assert dates == [date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


def on_the_wall(zone: str, instants: tuple[int, ...]) -> list[str]:
    return [datetime.fromtimestamp(instant, ZoneInfo(zone)).strftime("%d %H:%M") for instant in instants]


def test_halves_of_a_day_begin_at_four_and_at_five_on_the_wall() -> None:
    halves = half_days("Europe/Berlin", date(2026, 3, 28), 2)
    assert on_the_wall("Europe/Berlin", halves) == ["28 04:00", "28 17:00", "29 04:00", "29 17:00", "30 04:00"]
    assert [(later - earlier) / 3600 for earlier, later in itertools.pairwise(halves)] == [13, 10, 13, 11]


def test_an_hour_that_no_clock_shows_is_the_moment_of_the_jump() -> None:
    """Casey, 2018-10-07: at 04:00 the clocks were set to 07:00."""
    zone, day = "Antarctica/Casey", date(2018, 10, 7)
    jump = int(datetime(2018, 10, 6, 20, tzinfo=UTC).timestamp())
    assert local_days(zone, day, 1).mornings[0] == half_days(zone, day, 1)[0] == jump
    assert on_the_wall(zone, half_days(zone, day, 1)) == ["07 07:00", "07 17:00", "08 04:00"]


def test_a_clock_set_back_across_midnight_makes_no_second_day() -> None:
    """St John's, 2010-11-07: from 00:01 back to 23:01. The day had begun by then."""
    zone, half_past = "America/St_Johns", datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert half_past.astimezone(ZoneInfo(zone)).strftime("%d %H:%M") == "06 23:30"
    assert local_date(zone, half_past) == date(2010, 11, 7)
    start, end = local_days(zone, date(2010, 11, 7), 1).starts
    assert start <= half_past.timestamp() < end
    assert end - start == 25 * 3600


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham"])
@pytest.mark.parametrize("first", [date(2026, 3, 27), date(2026, 4, 2), date(2026, 9, 25), date(2026, 10, 2)])
def test_hours_fill_the_days_and_their_windows(zone: str, first: date) -> None:
    hours = day_hours(zone, first, 8)
    assert (hours.ends[:-1] == hours.starts[1:]).all()
    assert (hours.ends > hours.starts).all()
    tz = ZoneInfo(zone)
    told = [datetime.fromtimestamp(int(start), tz) for start in hours.starts]
    for day in range(8):
        low, high = hours.windows[Window.DAY, :, day]
        assert hours.starts[low] == hours.midnights[day]
        assert hours.ends[high - 1] == hours.midnights[day + 1]
        assert {moment.date() for moment in told[low:high]} == {first + timedelta(days=day)}
        low, high = hours.windows[Window.DAYTIME, :, day]
        assert {(6, 0) < (moment.hour, moment.minute) <= (18, 0) for moment in told[low:high]} == {True}
        assert 11 <= high - low <= 13
        low, high = hours.windows[Window.OVERNIGHT, :, day]
        assert all((m.hour, m.minute) > (18, 0) or (m.hour, m.minute) <= (6, 0) for m in told[low:high])
        assert 11 <= high - low <= 13


@pytest.mark.parametrize(
    ("zone", "now", "hour"),
    [
        ("Europe/Berlin", datetime(2026, 11, 24, 15, 40, 59, 999, tzinfo=UTC), datetime(2026, 11, 24, 15, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 11, 24, 15, 40, tzinfo=UTC), datetime(2026, 11, 24, 15, 15, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 11, 24, 15, 20, tzinfo=UTC), datetime(2026, 11, 24, 14, 30, tzinfo=UTC)),
        ("Etc/GMT", datetime(1969, 12, 31, 23, 30, tzinfo=UTC), datetime(1969, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_the_hour_that_the_wall_clock_shows(zone: str, now: datetime, hour: datetime) -> None:
    assert local_hour(zone, now) == hour.timestamp()


def test_offset_and_date() -> None:
    now = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert offset_at("Asia/Kathmandu", int(now.timestamp())) == 5.75 * 3600
    assert local_date("Asia/Kathmandu", now) == date(2026, 11, 25)
    assert local_date("America/New_York", now) == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [(52.52, 13.405, "Europe/Berlin"), (40.71, -74.01, "America/New_York"), (27.72, 85.32, "Asia/Kathmandu")],
)
def test_zone_of_a_place(lat: float, lon: float, name: str) -> None:
    assert timezone_at(lat, lon) == name


def test_every_place_has_a_zone_with_rules() -> None:
    for lat in range(-90, 91, 15):
        for lon in range(-180, 181, 15):
            assert ZoneInfo(timezone_at(lat, lon)).key


def test_nautical_zones_have_the_sign_turned() -> None:
    assert nautical_zone(-150.0) == "Etc/GMT+10"
    assert nautical_zone(30.0) == "Etc/GMT-2"
    assert nautical_zone(3.0) == "Etc/GMT"
    assert ZoneInfo(nautical_zone(-150.0)).utcoffset(datetime(2026, 1, 1)) == timedelta(hours=-10)
