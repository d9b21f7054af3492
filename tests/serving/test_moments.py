"""Times that clients write: what moment each is, and what a 400 says about the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.bad_request import BadRequest
from serving.moments import EARLIEST, parse_moment

NOW = datetime(2026, 11, 24, 8, 42, 17, 250_000, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1700000000", moment(2023, 11, 14, 22, 13, 20)),
        ("+1700000000", moment(2023, 11, 14, 22, 13, 20)),
        ("1700000000.75", moment(2023, 11, 14, 22, 13, 20)),
        ("1", moment(1970, 1, 1, 0, 0, 1)),
        ("-100001", moment(1969, 12, 30, 20, 13, 19)),
        ("-15778476", moment(1969, 7, 2, 9, 5, 24)),
        ("-1", moment(2026, 11, 24, 8, 42, 16)),
        ("-3600", moment(2026, 11, 24, 7, 42, 17)),
        ("-100000", moment(2026, 11, 23, 4, 55, 37)),
        ("-30s", moment(2026, 11, 24, 8, 41, 47)),
        ("-2h", moment(2026, 11, 24, 6, 42, 17)),
        ("-3D", moment(2026, 11, 21, 8, 42, 17)),
        ("-86400S", moment(2026, 11, 23, 8, 42, 17)),
        ("-15778476s", moment(2026, 5, 25, 17, 47, 41)),
        ("2026-11-24T08:00:00Z", moment(2026, 11, 24, 8)),
        ("2026-11-24t08:00:00z", moment(2026, 11, 24, 8)),
        ("2026-11-24T08:00:00.000Z", moment(2026, 11, 24, 8)),
        ("2026-11-24T08:00:00+01:00", moment(2026, 11, 24, 7)),
        ("2026-11-24T00:00:00-05:00", moment(2026, 11, 24, 5)),
        ("2026-11-24T00:00:00-0500", moment(2026, 11, 24, 5)),
        ("2026-11-24T00:00:00-05", moment(2026, 11, 24, 5)),
        ("2026-11-24T05:45:00+05:45", moment(2026, 11, 24)),
        ("2026-11-24T08:00:00", moment(2026, 11, 24, 7)),
        ("2026-07-24T08:00:00", moment(2026, 7, 24, 6)),
        ("1940-01-01T01:00:00", moment(1940, 1, 1)),
    ],
)
def test_every_form_of_a_time_is_one_moment(text: str, told: datetime) -> None:
    assert parse_moment(text, BERLIN, NOW) == told
    assert parse_moment(text, BERLIN, NOW).tzinfo is UTC


def test_a_local_time_that_comes_twice_is_the_first_of_the_two() -> None:
    # Berlin's clocks went back from 03:00 to 02:00 at 01:00 UTC.
    assert parse_moment("2026-10-25T02:30:00", BERLIN, NOW) == moment(2026, 10, 25, 0, 30)
    assert parse_moment("2026-10-25T03:00:00", BERLIN, NOW) == moment(2026, 10, 25, 2)


def test_a_local_time_that_never_comes_is_counted_on_with_the_offset_before() -> None:
    # Clocks went on from 02:00 to 03:00: 02:30 by the old count is 03:30 by the new one.
    assert parse_moment("2026-03-29T02:30:00", BERLIN, NOW) == moment(2026, 3, 29, 1, 30)
    assert parse_moment("2026-03-29T03:30:00", BERLIN, NOW) == moment(2026, 3, 29, 1, 30)
    # Apia had no 30th of December 2011.
    apia = ZoneInfo("Pacific/Apia")
    assert parse_moment("2011-12-30T12:00:00", apia, NOW) == moment(2011, 12, 30, 22)


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(minutes=59), timedelta(hours=1)])
def test_up_to_an_hour_ahead_is_now(ahead: timedelta) -> None:
    for text in (f"{NOW + ahead:%Y-%m-%dT%H:%M:%S}Z", str(int((NOW + ahead).timestamp()))):
        assert parse_moment(text, BERLIN, NOW) == NOW.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is not a time: write Unix seconds"),
        ("yesterday", "'yesterday' is not a time"),
        ("+1h", "is not a time"),
        ("-1w", "is not a time"),
        ("1e9", "is not a time"),
        ("٣٦٠٠", "is not a time"),
        ("0", "the time '0' is none"),
        ("-0", "is none"),
        ("2026-11-24", "is not a time"),
        ("2026-11-24 08:00:00", "is not a time"),
        ("2026-11-24T08:00", "is not a time"),
        ("2026-11-24T08:00:00 01:00", "is not a time"),
        ("2026-02-30T08:00:00", "does not exist"),
        ("2026-13-01T08:00:00", "does not exist"),
        ("2026-11-24T24:00:00", "does not exist"),
        ("2026-11-24T08:00:00+24:00", "does not exist"),
        ("2026-11-24T08:00:00+01:60", "does not exist"),
        ("0001-01-01T00:00:00+05:00", "does not exist"),
        ("-999999999999d", "does not exist"),
        ("-99999999999999999999", "does not exist"),
        ("1700000000000", "in milliseconds write 1700000000"),
        ("2026-11-24T10:00:00Z", "still to come"),
        ("9999-12-31T23:59:59-05:00", "does not exist"),
        ("1939-12-31T23:59:59Z", "write one from 1940 on"),
        ("-1577847600", "1920-01-01T21:00:00Z, write one from 1940 on; .* write -1577847600s"),
        ("-36525d", "write one from 1940 on"),
        ("1" * 64, "too long"),
        ("2026-11-24T08:00:00Z\n", "is not a time"),
    ],
)
def test_what_is_no_time_is_told(text: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told) as error:
        parse_moment(text, BERLIN, NOW)
    assert str(error.value).isascii()
    assert len(str(error.value)) < 400


def test_a_second_more_than_an_hour_ahead_is_the_future() -> None:
    with pytest.raises(BadRequest, match="still to come"):
        parse_moment(str(int(NOW.timestamp()) + 3601), BERLIN, NOW)


@given(st.datetimes(datetime(1941, 1, 1), datetime(2026, 11, 1)), st.integers(-1439, 1439))
def test_offsets_are_honoured(wall: datetime, minutes: int) -> None:
    """Held against Python's own reader of ISO 8601."""
    written = wall.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_moment(written.isoformat(), BERLIN, NOW) == written == datetime.fromisoformat(written.isoformat())


_NEARLY = (
    r"[-+]?[0-9]{1,22}[.sShHdDx]?[0-9]{0,3}|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?[-+Z]?[0-9:]{0,6}"
)


@given(st.text(max_size=70) | st.from_regex(_NEARLY, fullmatch=True))
def test_any_text_is_a_moment_of_the_past_or_a_bad_request(text: str) -> None:
    try:
        told = parse_moment(text, BERLIN, NOW)
    except BadRequest:
        return
    assert EARLIEST <= told <= NOW
    assert told.microsecond == 0
