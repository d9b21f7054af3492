"""Moments as clients write them: Unix seconds, offsets from now, the clock on the wall, ISO 8601 with an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from serving.bad_request import BadRequest, shown

EARLIEST = datetime(1940, 1, 1, tzinfo=UTC)
"""No reanalysis that is served begins before it: ERA5 is the one that reaches back furthest."""
SOON = timedelta(hours=1)
"""So far ahead a moment is still now: clocks differ, and requests take their time."""
LONGEST_OFFSET = 100_000
"""Negative seconds are an offset up to here, and Unix seconds of the years before 1970 beyond."""
LAST_SECOND = 253_402_300_799
"""Of the year 9999."""
LONGEST_TEXT = 63

_SECONDS = re.compile(r"([+-]?[0-9]{1,20})(?:\.[0-9]*)?")
_OFFSET = re.compile(r"-([0-9]{1,12})([sShHdD])")
_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,][0-9]{1,9})?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})?)?"
)
_UNITS = {"s": 1, "h": 3600, "d": 86_400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS = (
    "write Unix seconds (1700000000), an offset from now (-3600, -36h, -7d) or a date and time "
    "(2026-11-24T08:00:00 on the place's clock, 2026-11-24T08:00:00Z, 2026-11-24T08:00:00+01:00)"
)


def parse_moment(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The moment, UTC, whole seconds, not after `now`; raises BadRequest.

    Without an offset a date and time is what the clock of `zone` shows. As RFC 5545 (3.3.5) has it, a time that it
    shows twice is the first of the two, and one that it never shows is counted on with the offset that held before.
    Up to an hour ahead is now.
    """
    try:
        moment = _moment(text, zone, now)
    except (ValueError, OverflowError) as error:
        if isinstance(error, BadRequest):
            raise
        raise BadRequest(f"the time {shown(text)} does not exist ({error}): {_FORMS}") from error
    if moment < EARLIEST:
        hint = f"; if it is meant as an offset from now write {text}s" if _SECONDS.fullmatch(text) else ""
        raise BadRequest(f"the time {shown(text)} is {moment:%Y-%m-%dT%H:%M:%SZ}, write one from 1940 on{hint}")
    if moment <= now:
        return moment
    if moment - now <= SOON:
        return now.astimezone(UTC).replace(microsecond=0)
    raise BadRequest(
        f"the time {shown(text)} is {moment:%Y-%m-%dT%H:%M:%SZ}, which is still to come: a forecast is asked for "
        "without a time, and tells up to eight days"
    )


def _moment(text: str, zone: tzinfo, now: datetime) -> datetime:
    """Raises BadRequest, ValueError, OverflowError."""
    if len(text) > LONGEST_TEXT:
        raise BadRequest(f"the time {shown(text)} is too long: {_FORMS}")
    if match := _SECONDS.fullmatch(text):
        return _counted(text, int(match[1]), now)
    if match := _OFFSET.fullmatch(text):
        return (
            (now - timedelta(seconds=int(match[1]) * _UNITS[match[2].lower()])).astimezone(UTC).replace(microsecond=0)
        )
    if match := _ISO.fullmatch(text):
        return _written(match, zone)
    raise BadRequest(f"{shown(text)} is not a time: {_FORMS}")


def _counted(text: str, seconds: int, now: datetime) -> datetime:
    if not seconds:
        raise BadRequest(f"the time {shown(text)} is none: {_FORMS}")
    if -LONGEST_OFFSET <= seconds < 0:
        return (now + timedelta(seconds=seconds)).astimezone(UTC).replace(microsecond=0)
    if seconds > LAST_SECOND:
        raise BadRequest(
            f"the time {shown(text)} lies after the year 9999: if it is in milliseconds write {seconds // 1000}"
        )
    return _EPOCH + timedelta(seconds=seconds)


def _written(match: re.Match[str], zone: tzinfo) -> datetime:
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    if match[7]:
        zone = UTC
    elif match[8]:
        minutes = int(match[9]) * 60 + int(match[10] or 0)
        if int(match[10] or 0) > 59:
            raise ValueError("minutes of an offset are 00 to 59")
        zone = timezone(timedelta(minutes=-minutes if match[8] == "-" else minutes))
    return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
