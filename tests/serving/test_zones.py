"""Every zone and every change of its clocks in three years: days, halves and hours without gap or overlap."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
import tzfpy

from serving.daily import day_hours
from serving.days import half_days, local_date, local_days, local_hour, offset_at
from serving.places import zone as zone_of

FIRST, LAST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
NAMES = sorted(available_timezones() - {"localtime"})


def offset(name: str, when: datetime) -> timedelta:
    told = when.astimezone(ZoneInfo(name)).utcoffset()
    assert told is not None
    return told


@cache
def changes(name: str) -> tuple[tuple[datetime, timedelta], ...]:
    """(when, offset from then on) of each change of the clocks, sought day by day and then to the minute."""
    found = [(FIRST, offset(name, FIRST))]
    for number in range((LAST - FIRST).days):
        low, high = FIRST + timedelta(number), FIRST + timedelta(number + 1)
        if offset(name, low) == offset(name, high):
            continue
        before = offset(name, low)
        while high - low > timedelta(minutes=1):
            middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
            low, high = (middle, high) if offset(name, middle) == before else (low, middle)
        found.append((high, offset(name, high)))
    return tuple(found)


def alike() -> list[str]:
    """One zone of each set whose clocks show the same all three years."""
    ordered = sorted(NAMES, key=lambda name: repr(changes(name)))
    return [next(group) for _, group in groupby(ordered, key=lambda name: repr(changes(name)))]


def test_every_change_is_seen() -> None:
    lengths = {len(changes(name)) - 1 for name in NAMES}
    assert {0, 6} <= lengths
    assert len(changes("Africa/Casablanca")) > 5, "Ramadan had two of its own a year until 2026"
    jumps = {after - before for name in NAMES for (_, before), (_, after) in pairwise(changes(name))}
    assert timedelta(minutes=30) in jumps, "Lord Howe"
    assert timedelta(hours=2) in jumps, "Troll"


def test_days_halves_and_hours_of_every_zone_and_change() -> None:
    """Days all three years; the hours of a forecast and its wall clock at each change."""
    for name in alike():
        rules = ZoneInfo(name)
        starts = local_days(name, FIRST.date(), 1096).starts
        jumps = {when.astimezone(rules).date(): None for when, _ in changes(name)[1:]}
        told = [datetime.fromtimestamp(start, rules) for start in starts]
        assert [moment.date() for moment in told] == [FIRST.date() + timedelta(n) for n in range(1097)], name
        for moment, (start, end) in zip(told, pairwise(starts), strict=False):
            ordinary = moment.date() not in jumps and moment.date() + timedelta(1) not in jumps
            assert end - start == 86_400 if ordinary else 21 * 3600 <= end - start <= 27 * 3600, (name, moment)
        shown = [datetime.fromtimestamp(start - 1, rules).date() for start in starts[1:]]
        for day, before in zip(told, shown, strict=False):
            assert before in (day.date(), day.date() + timedelta(1)), (name, day)
        for change, _ in changes(name)[1:]:
            hold_around(name, rules, change)


def hold_around(name: str, rules: ZoneInfo, change: datetime) -> None:
    """What an answer is made of, asked from a day before a change of clocks to a day after it."""
    for minutes in (-1441, -61, -31, -1, 0, 1, 29, 30, 59, 61, 119, 121, 1441):
        now = change + timedelta(minutes=minutes)
        instant = now.timestamp()
        today = local_date(name, now)
        start, end = local_days(name, today, 1).starts
        assert start <= instant < end, (name, now)
        hour = local_hour(name, now)
        assert 0 <= instant - hour < 3600, (name, now)
        assert (hour + offset_at(name, int(instant))) % 3600 == 0, (name, now)
    first = local_date(name, change) - timedelta(1)
    days = local_days(name, first, 4)
    halves = half_days(name, first, 4)
    assert all(earlier < later for earlier, later in pairwise(halves)), (name, change)
    for day in range(4):
        assert days.starts[day] <= halves[2 * day] < halves[2 * day + 1] < days.starts[day + 1], (name, change)
        wall = [datetime.fromtimestamp(half, rules) for half in halves[2 * day : 2 * day + 2]]
        for moment, wanted in zip(wall, (4, 17), strict=True):
            if (moment.hour, moment.minute) != (wanted, 0):
                assert datetime.fromtimestamp(moment.timestamp() - 1, rules).hour < wanted, (name, change)
    hours = day_hours(name, first, 4)
    assert (hours.ends[:-1] == hours.starts[1:]).all(), (name, change)
    assert ((hours.ends > hours.starts) & (hours.ends - hours.starts <= 3600)).all(), (name, change)
    assert set(hours.midnights.tolist()) <= set(hours.starts.tolist()), (name, change)


def test_every_zone_that_a_place_may_lie_in_has_rules() -> None:
    names = tzfpy.timezonenames()
    assert len(names) > 400
    for name in names:
        assert zone_of(name).utcoffset(FIRST.replace(tzinfo=None)) is not None, name


@pytest.mark.parametrize(
    ("name", "first", "dates"),
    [
        ("Pacific/Apia", date(2011, 12, 29), [29, 31]),
        ("Pacific/Kwajalein", date(1993, 8, 20), [20, 22]),
        ("Africa/Monrovia", date(1972, 1, 6), [6, 7]),
        ("America/Nuuk", date(2026, 10, 24), [24, 25]),
        ("Asia/Gaza", date(2026, 3, 27), [27, 28]),
    ],
)
def test_days_of_zones_that_did_more_than_change_an_hour(name: str, first: date, dates: list[int]) -> None:
    starts = local_days(name, first, 2).starts
    assert [datetime.fromtimestamp(start, ZoneInfo(name)).day for start in starts[:2]] == dates
    assert all(earlier < later for earlier, later in pairwise(starts))
