"""The blocks of data points of an answer, from its columns to their bytes. A block that is not wanted is not made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from serving import daily
from serving.blocks import told_fields
from serving.day_night import summarise_halves
from serving.fields import COLUMN
from serving.icons import fill_icons
from serving.options import ForecastOptions, Icons
from serving.places import Place
from serving.provenance import Trail
from serving.response import formats_of, icon_in_json, write_points
from serving.span_icons import days_icon, minutes_icon, span_icon
from serving.statistics import fill_fallen
from serving.timeline import Timeline

# The icon of the hours is that of so many of them, in so many parts.
AHEAD, PARTS = 24, 4
Piece = bytes | memoryview
_ICON = COLUMN["icon"]
_ONE = np.zeros(1, dtype=np.int64)
_AMOUNTS = np.array([COLUMN[name] for name in ("liquid_amount", "snow_amount", "ice_amount")])


class Body:
    """What the blocks are made of. columns: [column, slot], rows of serving.fields.COLUMNS, icons still missing; trail:
    who told what, where the client wants to know."""

    def __init__(
        self,
        columns: NDArray[np.float64],
        timeline: Timeline,
        place: Place,
        options: ForecastOptions,
        trail: Trail | None = None,
    ) -> None:
        self.columns = columns
        self.timeline = timeline
        self.place = place
        self.options = options
        self.trail = trail
        self._formats = formats_of(options)
        self._pirate = options.icons is Icons.PIRATE

    def written(self) -> list[Piece]:
        """`,"currently":{...}` and so on, in the order of the contract, in pieces: no byte is moved before they are
        joined."""
        if self.timeline.minutes:
            self._fill_icons(self.timeline.now, 1, False)
        if self.timeline.hours:
            self._fill_icons(self.timeline.hourly, self.timeline.hours, True)
        pieces: list[Piece] = []
        for block in self._formats:
            pieces.append(b',"%s":' % block.encode())
            pieces += _WRITERS[block](self)
        return pieces

    def _fill_icons(self, first: int, count: int, warns: bool) -> None:
        timeline, place, icons = self.timeline, self.place, self.columns[_ICON]
        starts, lat, lon = timeline.slots.starts, place.lat, place.lon
        fill_icons(self.columns, icons, starts, timeline.sun, first, count, lat, lon, self._pirate, warns)

    def _data(self, block: str, icon: bytes, matrix: NDArray[np.float64], first: int, count: int) -> list[Piece]:
        """A block that is a list, of `count` slots from the first on. matrix: [field, item] of it, or the columns."""
        layout, items = self._formats[block]
        points = items + (first if matrix is self.columns else 0)
        return [
            b'{%s"data":[' % icon,
            write_points(layout, matrix, points),
            b"]%s}" % self._told_by(block, first, count),
        ]

    def _told_by(self, block: str, first: int, count: int) -> bytes:
        """`,"provenance":{...}` of a block that so many slots tell; nothing where nobody asks."""
        if self.trail is None:
            return b""
        fields = told_fields(block, self.options)
        return b',"provenance":' + orjson.dumps(self.trail.of_block(fields, first, count))

    def _icon(self, number: float) -> bytes:
        return icon_in_json(number, self.options.missing)

    def _currently(self) -> list[Piece]:
        now = self.timeline.now
        point = self.columns[:, now : now + 1].copy()
        if self.timeline.today is not None:
            fallen_today(self.columns, self.timeline, point)
        written = write_points(self._formats["currently"].layout, point, _ONE)
        return [written[:-1], self._told_by("currently", now, 1), b"}"]

    def _minutely(self) -> list[Piece]:
        now, minutes = self.timeline.now, self.timeline.minutes
        icon = minutes_icon(self.columns, now, minutes, self.columns[_ICON, now], self._pirate)
        return self._data("minutely", self._icon(icon), self.columns, now, minutes)

    def _hourly(self) -> list[Piece]:
        first = self.timeline.hourly
        parts = _parts_of(first, min(AHEAD, self.timeline.hours))
        icon = span_icon(self.columns, first, parts[-1], parts, False, self._pirate)
        return self._data("hourly", self._icon(icon), self.columns, first, self.timeline.hours)

    def _day_night(self) -> list[Piece]:
        assert self.timeline.days is not None
        summary = summarise_halves(
            self.columns, self.timeline.days, self._pirate, self._formats["day_night"].layout.columns
        )
        return self._data("day_night", b"", summary, 0, len(self.timeline.days.starts))

    def _daily(self) -> list[Piece]:
        assert self.timeline.days is not None
        summary = daily.summarise(
            self.columns,
            self.timeline.days,
            self.place.lat,
            self.place.lon,
            self._pirate,
            self._formats["daily"].layout.columns,
        )
        icon = days_icon(summary[daily.ICON], summary[daily.KIND], self._pirate)
        return self._data("daily", self._icon(icon), summary, 0, len(self.timeline.days.starts))


_WRITERS: Mapping[str, Callable[[Body], list[Piece]]] = {
    "currently": Body._currently,
    "minutely": Body._minutely,
    "hourly": Body._hourly,
    "day_night": Body._day_night,
    "daily": Body._daily,
}


@lru_cache(maxsize=256)
def _parts_of(first: int, count: int) -> NDArray[np.int64]:
    """Where the PARTS of so many hours begin, and where the last one ends."""
    parts = np.array([first + count * part // PARTS for part in range(PARTS + 1)])
    # Kernels are compiled for what cannot be written, as the parts of days can't.
    parts.setflags(write=False)
    return parts


def fallen_today(columns: NDArray[np.float64], timeline: Timeline, point: NDArray[np.float64]) -> None:
    """Put the rain, snow and ice since local midnight into a point of now; missing unless every hour is known."""
    assert timeline.today is not None
    slots = timeline.slots
    fill_fallen(columns, _AMOUNTS, slots.starts, slots.ends, *timeline.today, timeline.now, point)
