"""Bodies in the sky of a place: where they stand hour by hour, and when they pass a height.

Positions are of the whole Earth, so a day's table is made once and serves every place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from storage.kernels import kernel

Positions = Callable[[int, int], NDArray[np.float64]]
"""(first, hours) -> the positions of a Track."""

DAY = 86_400.0
HOUR = 3600.0
J2000 = 946_728_000.0  # 2000-01-01T12:00Z
# How fast the Earth turns against the equinox, radians per second.
TURN = math.radians(360.98564736629) / DAY


@dataclass(frozen=True)
class Track:
    """Where a body stands, every hour from `first` (Unix seconds) on.

    sidereal: apparent sidereal time at Greenwich at `first`, radians; positions: [hour, 4] unit vector to the equinox,
    to 90 degrees east of it and to the north pole, and the sine of the geocentric height at which the body rises,
    0 for a body whose heights are chosen by the caller.
    """

    first: int
    sidereal: float
    positions: NDArray[np.float64]

    def search(
        self, find: Callable[..., None], starts: NDArray[np.int64], lat: float, lon: float, out: NDArray[np.float64]
    ) -> None:
        """Fill out, events x [day], Unix seconds, NaN = none, as a kernel finds them: find(positions, first, sidereal,
        starts, lat, lon, out), places in radians there. starts: [day + 1] Unix seconds; lat, lon: degrees.
        """
        out.fill(np.nan)
        find(self.positions, self.first, self.sidereal, starts, math.radians(lat), math.radians(lon), out)


@lru_cache(maxsize=512)
def track_of(positions: Positions, first: int, hours: int) -> Track:
    """The track of a body whose positions these are, every hour from `first` (Unix seconds) on."""
    return Track(first, sidereal_time(float(first)), positions(first, hours))


def span_of(begin: int, last: int) -> tuple[int, int]:
    """(first, hours) of a track that holds two instants (Unix seconds): whole UTC days with a day's margin on both
    sides, so that few tables serve every zone."""
    first = (begin // 86_400 - 1) * 86_400
    return first, ((last // 86_400 + 2) * 86_400 - first) // 3600 + 1


@kernel
def centuries(instant: float) -> float:
    """Julian centuries since J2000 of Unix seconds."""
    return (instant - J2000) / DAY / 36_525.0


@kernel
def nutation(t: float) -> float:
    """Of the longitude, radians: the leading term, right to 1.5 arc seconds."""
    return math.radians(-0.00478) * math.sin(math.radians(125.04 - 1934.136 * t))


@kernel
def obliquity(t: float) -> float:
    """The true tilt of the ecliptic, radians. Meeus (22.2), with the leading term of nutation."""
    mean = 23.4392911 - t * (0.0130042 + t * (1.64e-7 - 5.036e-7 * t))
    return math.radians(mean + 0.00256 * math.cos(math.radians(125.04 - 1934.136 * t)))


@kernel
def sidereal_time(instant: float) -> float:
    """Apparent sidereal time at Greenwich, radians, not reduced to one turn. Meeus (12.4)."""
    t = centuries(instant)
    days = (instant - J2000) / DAY
    mean = math.radians(280.46061837 + 0.000387933 * t * t + (360.98564736629 * days) % 360.0)
    return mean + nutation(t) * math.cos(obliquity(t))


@kernel
def height(
    positions: NDArray[np.float64], first: int, sidereal: float, instant: float, sine: float, cosine: float, lon: float
) -> float:
    """Sine of the body's height less that of its rise. sine, cosine: of the latitude; lon: radians."""
    seconds = instant - first
    place = seconds / HOUR
    i = min(max(int(place), 0), len(positions) - 2)
    part = place - i
    x = positions[i, 0] + part * (positions[i + 1, 0] - positions[i, 0])
    y = positions[i, 1] + part * (positions[i + 1, 1] - positions[i, 1])
    z = positions[i, 2] + part * (positions[i + 1, 2] - positions[i, 2])
    rise = positions[i, 3] + part * (positions[i + 1, 3] - positions[i, 3])
    angle = sidereal + TURN * seconds + lon
    return sine * z + cosine * (x * math.cos(angle) + y * math.sin(angle)) - rise


@kernel
def crossing(
    positions: NDArray[np.float64],
    first: int,
    sidereal: float,
    low: float,
    high: float,
    level: float,
    lat: float,
    lon: float,
) -> float:
    """When the height passes `level` between two instants; NaN where both lie on one side. lat, lon: radians."""
    sine, cosine = math.sin(lat), math.cos(lat)
    a = height(positions, first, sidereal, low, sine, cosine, lon) - level
    b = height(positions, first, sidereal, high, sine, cosine, lon) - level
    if a * b > 0.0:
        return math.nan
    side = 0
    middle = low
    # Regula falsi, Illinois variant: the end that stays is halved, so that it can't stall.
    for _ in range(60):
        middle = (low * b - high * a) / (b - a) if b != a else 0.5 * (low + high)
        c = height(positions, first, sidereal, middle, sine, cosine, lon) - level
        if abs(c) < 1e-9 or high - low < 0.01:
            break
        if a * c > 0.0:
            low, a = middle, c
            if side == -1:
                b *= 0.5
            side = -1
        else:
            high, b = middle, c
            if side == 1:
                a *= 0.5
            side = 1
    return middle
