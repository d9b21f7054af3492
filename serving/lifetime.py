"""Of which moment an answer is, and until when it holds.

Answers do not flow: one that tells of now is of the minute that runs, any other one of the hour that runs. Between two
turns of the clock equal questions have equal answers, which clients and caches may keep.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from serving.days import HOUR, offset_at
from serving.options import ForecastOptions
from serving.places import Place

MINUTE = 60
_QUARTER = 900


class Moment(NamedTuple):
    """start: the answer is told as of it; end: from here on it is another one, whatever comes. Unix seconds."""

    start: int
    end: int

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.start, UTC)


def moment_of(place: Place, options: ForecastOptions, now: datetime, turns: Iterable[int]) -> Moment:
    """The moment that holds `now`. turns: when what answers at the place turns late, stale or ends, Unix seconds."""
    instant = int(now.timestamp() // 1)
    if options.at is None and (options.wants("currently") or options.wants("minutely")):
        start = instant - instant % MINUTE
        return Moment(start, start + MINUTE)
    offset = offset_at(place.timezone, instant)
    local, utc = instant - (instant + offset) % HOUR, instant - instant % HOUR
    start, end = max(local, utc), min(local, utc) + HOUR
    if offset_at(place.timezone, start) != offset:
        # Lord Howe's clocks leap at half past an hour of UTC.
        start = instant - instant % _QUARTER
    for turn in turns:
        if turn <= instant:
            start = max(start, turn)
        else:
            end = min(end, turn)
    return Moment(start, end)
