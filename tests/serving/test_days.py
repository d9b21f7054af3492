"""Local days and hours of every zone: built from instants, without gap or overlap."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from serving.daily import day_hours
from serving.days import local_date, local_days, local_hour, offset_at
from serving.fields import Window
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
        ("America/Havana", date(2026, 11, 1), 25),
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


def test_every_zone_every_day_of_a_year_has_neither_gap_nor_overlap() -> None:
    first = date(2026, 1, 1)
    for zone in sorted(available_timezones() - {"localtime"}):
        starts = local_days(zone, first, 366).starts
        lengths = {later - earlier for earlier, later in itertools.pairwise(starts)}
        assert all(20 * 3600 <= length <= 28 * 3600 for length in lengths), (zone, lengths)
        for number in range(0, 366, 61):
            told = datetime.fromtimestamp(starts[number], ZoneInfo(zone))
            assert told.date() == first + timedelta(days=number), zone


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
