"""Storms of a store against what NumPy finds in ecCodes' own maps, by haversines from a cell to all points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.grids import Cell
from storage.reader import Store
from tasks.check_joint import Mismatch
from tasks.course import FLOAT32
from tasks.storm import BEARING, DISTANCE, EARTH, REACH, STEP, THRESHOLD
from tasks.truth import Map, maps
from tasks.wanted import StagedMessage, Wanted

OFF = STEP / 2 + 200.0
"""Metres that a distance may be off: rounding, and coordinates, which GRIB1 gives in thousandths of a degree."""
TURN = 0.5
"""Degrees that a bearing is rounded by."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """A map as seen from a place. away: m, towards: degrees, [y, x].

    storm: certainly; doubtful: a storm as far as packing tells; unknown: certainly nobody knows what is there, or
    beyond. Bool [y, x]; the rest is clear.
    """

    away: NDArray[np.float64]
    towards: NDArray[np.float64]
    storm: Bools
    doubtful: Bools
    unknown: Bools

    def problem(self, distance: float, bearing: float) -> str | None:
        """In words, how what a store says contradicts this."""
        storm, unknown = self._nearest(self.storm), self._nearest(self.unknown)
        told = f"the store says {distance / 1000:.6g} km at {bearing:g} degrees"
        if math.isnan(distance):
            if storm + OFF < min(unknown, self._nearest(self.doubtful), REACH) or not math.isnan(bearing):
                return f"the nearest storm is {storm / 1000:.6g} km away; {told}"
            return None
        there = (np.abs(self.away - distance) <= OFF) & (self.storm | self.doubtful)
        if distance > min(storm, unknown, REACH) + OFF or not there.any():
            return f"the nearest storm is {storm / 1000:.6g} km away, the nearest gap {unknown / 1000:.6g} km; {told}"
        turns = np.abs((self.towards[there] - bearing + 180.0) % 360.0 - 180.0)
        if math.isnan(bearing) if distance else not math.isnan(bearing):
            return f"only within a storm there is no bearing; {told}"
        if distance and turns.min() > TURN + math.degrees(OFF / distance):
            return f"no storm that far away lies there; {told}"
        return None

    def _nearest(self, points: Bools) -> float:
        return float(self.away[points].min(initial=math.inf))


def check_storms(
    store: Store, wanted: Wanted, messages: Sequence[StagedMessage], cells: Sequence[Cell]
) -> Iterator[tuple[int, Mismatch | None]]:
    """For each message of the storms' source, how many values were compared, and the first that is wrong.

    Raises DecodeError.
    """
    distance, bearing = store.index[DISTANCE], store.index[BEARING]
    for message, found in zip(messages, maps(messages), strict=True):
        time = store.schema.lead_times.index(message.lead)
        wrong = None
        for cell in cells:
            series = store.point(cell)
            held = float(series[distance][time]), float(series[bearing][time])
            problem = seen(found, *store.schema.grid.latlon(cell), wanted.factor).problem(*held)
            if problem:
                wrong = Mismatch(DISTANCE, message, cell, problem)
                break
        yield 2 * len(cells), wrong


def seen(found: Map, lat: float, lon: float, factor: float) -> Seen:
    """A map as seen from its point nearest to a place in degrees. factor: kg m-2 s-1 of its values' unit."""
    apart = np.maximum(np.abs(found.lats - lat), np.abs((found.lons - lon + 180.0) % 360.0 - 180.0))
    here = np.unravel_index(apart.argmin(), apart.shape)
    lats, lons = np.radians(found.lats), np.radians(found.lons)
    lat, turn = lats[here], lons - lons[here]
    haversine = np.sin((lats - lat) / 2) ** 2 + math.cos(lat) * np.cos(lats) * np.sin(turn / 2) ** 2
    east = np.sin(turn) * np.cos(lats)
    north = math.cos(lat) * np.sin(lats) - math.sin(lat) * np.cos(lats) * np.cos(turn)
    rates = found.values * factor
    slack = found.step * abs(factor) + FLOAT32 * THRESHOLD
    storm, doubtful = rates > THRESHOLD + slack, np.abs(rates - THRESHOLD) <= slack
    return Seen(
        away=2 * EARTH * np.arcsin(np.sqrt(np.minimum(haversine, 1.0))),
        towards=np.degrees(np.arctan2(east, north)) % 360.0,
        storm=storm,
        doubtful=doubtful,
        unknown=(np.isnan(rates) | _ends(found)) & ~storm & ~doubtful,
    )


def _ends(found: Map) -> Bools:
    """The points beyond which a map does not go on."""
    lats, lons = found.lats, found.lons
    ends = np.ones(lats.shape, np.bool_)
    ends[1:-1, 1:-1] = False
    around = (lats == lats[:, :1]).all() and abs(lats.shape[1] * ((lons[0, 1] - lons[0, 0]) % 360.0) - 360.0) < 0.01
    if around:
        ends[1:-1] = False
        for row, next_row in ((0, 1), (-1, -2)):
            ends[row] = abs(lats[row, 0]) + abs(lats[row, 0] - lats[next_row, 0]) <= 90.0
    return ends
