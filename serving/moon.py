"""The moon: where it stands, its phase, when it rises and sets.

Meeus, Astronomical Algorithms (2nd ed.), chapter 47, with the terms of a thousandth of a degree and more: 0.005
degrees. Rise and set as chapter 15 and the almanacs define them: the upper limb in the horizon, refraction 34'.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.sky import Track, centuries, crossing, height, nutation, obliquity, span_of, track_of
from serving.sun import sun_longitude
from storage.kernels import kernel

# Terrestrial less universal time, s: 69.2 in 2026, within 2 of that since 2016 and within 45 since 1940.
DELTA_T = 69.0
_EARTH_RADIUS = 6378.14
_MEAN_DISTANCE = 385_000.56
_REFRACTION = math.radians(34.0 / 60.0)
# How far a height changes within the half hour around its turn, at most.
_GRAZE = 0.01

# Table 47.A: multiples of D, M, M' and F, then the terms of longitude (1e-6 degrees, sine) and distance (m, cosine).
_LONGITUDE = np.array(
    [
        (0, 0, 1, 0, 6288774, -20905355), (2, 0, -1, 0, 1274027, -3699111), (2, 0, 0, 0, 658314, -2955968),
        (0, 0, 2, 0, 213618, -569925), (0, 1, 0, 0, -185116, 48888), (0, 0, 0, 2, -114332, -3149),
        (2, 0, -2, 0, 58793, 246158), (2, -1, -1, 0, 57066, -152138), (2, 0, 1, 0, 53322, -170733),
        (2, -1, 0, 0, 45758, -204586), (0, 1, -1, 0, -40923, -129620), (1, 0, 0, 0, -34720, 108743),
        (0, 1, 1, 0, -30383, 104755), (2, 0, 0, -2, 15327, 10321), (0, 0, 1, 2, -12528, 0),
        (0, 0, 1, -2, 10980, 79661), (4, 0, -1, 0, 10675, -34782), (0, 0, 3, 0, 10034, -23210),
        (4, 0, -2, 0, 8548, -21636), (2, 1, -1, 0, -7888, 24208), (2, 1, 0, 0, -6766, 30824),
        (1, 0, -1, 0, -5163, -8379), (1, 1, 0, 0, 4987, -16675), (2, -1, 1, 0, 4036, -12831),
        (2, 0, 2, 0, 3994, -10445), (4, 0, 0, 0, 3861, -11650), (2, 0, -3, 0, 3665, 14403),
        (0, 1, -2, 0, -2689, -7003), (2, 0, -1, 2, -2602, 0), (2, -1, -2, 0, 2390, 10056),
        (1, 0, 1, 0, -2348, 6322), (2, -2, 0, 0, 2236, -9884), (0, 1, 2, 0, -2120, 5751),
        (0, 2, 0, 0, -2069, 0), (2, -2, -1, 0, 2048, -4950), (2, 0, 1, -2, -1773, 4130),
        (2, 0, 0, 2, -1595, 0), (4, -1, -1, 0, 1215, -3958), (0, 0, 2, 2, -1110, 0),
    ],
    dtype=np.float64,
)  # fmt: skip
# Table 47.B: the same multiples, then the terms of latitude (1e-6 degrees, sine).
_LATITUDE = np.array(
    [
        (0, 0, 0, 1, 5128122), (0, 0, 1, 1, 280602), (0, 0, 1, -1, 277693), (2, 0, 0, -1, 173237),
        (2, 0, -1, 1, 55413), (2, 0, -1, -1, 46271), (2, 0, 0, 1, 32573), (0, 0, 2, 1, 17198),
        (2, 0, 1, -1, 9266), (0, 0, 2, -1, 8822), (2, -1, 0, -1, 8216), (2, 0, -2, -1, 4324),
        (2, 0, 1, 1, 4200), (2, 1, 0, -1, -3359), (2, -1, -1, 1, 2463), (2, -1, 0, 1, 2211),
        (2, -1, -1, -1, 2065), (0, 1, -1, -1, -1870), (4, 0, -1, -1, 1828), (0, 1, 0, 1, -1794),
        (0, 0, 0, 3, -1749), (0, 1, -1, 1, -1565), (1, 0, 0, 1, -1491), (0, 1, 1, 1, -1475),
        (0, 1, 1, -1, -1410), (0, 1, 0, -1, -1344), (1, 0, 0, -1, -1335), (0, 0, 3, 1, 1107),
        (4, 0, 0, -1, 1021),
    ],
    dtype=np.float64,
)  # fmt: skip


@kernel
def moon(instant: float) -> tuple[float, float, float]:
    """(ecliptic longitude, latitude in radians, distance in km), geocentric, mean equinox of date, at Unix seconds."""
    t = centuries(instant + DELTA_T)
    rad = math.pi / 180.0
    mean = (218.3164477 + t * (481267.88123421 - 0.0015786 * t)) * rad
    elongation = (297.8501921 + t * (445267.1114034 - 0.0018819 * t)) * rad
    sun = (357.5291092 + t * (35999.0502909 - 0.0001536 * t)) * rad
    anomaly = (134.9633964 + t * (477198.8675055 + 0.0087414 * t)) * rad
    node = (93.2720950 + t * (483202.0175233 - 0.0036539 * t)) * rad
    # The Earth's orbit loses eccentricity: terms with the sun's anomaly shrink.
    round_ = 1.0 - t * (0.002516 + 0.0000074 * t)
    longitude = 3958.0 * math.sin((119.75 + 131.849 * t) * rad) + 1962.0 * math.sin(mean - node)
    distance = 0.0
    for n in range(len(_LONGITUDE)):
        d, m, a, f, sine, cosine = _LONGITUDE[n]
        angle = d * elongation + m * sun + a * anomaly + f * node
        weight = 1.0 if m == 0.0 else (round_ if abs(m) == 1.0 else round_ * round_)
        longitude += weight * sine * math.sin(angle)
        distance += weight * cosine * math.cos(angle)
    latitude = -2235.0 * math.sin(mean)
    for n in range(len(_LATITUDE)):
        d, m, a, f, sine = _LATITUDE[n]
        weight = 1.0 if m == 0.0 else round_
        latitude += weight * sine * math.sin(d * elongation + m * sun + a * anomaly + f * node)
    return mean + longitude * 1e-6 * rad, latitude * 1e-6 * rad, _MEAN_DISTANCE + distance * 1e-3


@kernel
def moon_phase(instant: float) -> float:
    """The moon's elongation east of the sun as a share of the circle: 0 new, 0.25 first quarter, 0.5 full."""
    longitude, _, _ = moon(instant)
    return ((longitude - sun_longitude(centuries(instant + DELTA_T))) / (2.0 * math.pi)) % 1.0


@kernel
def fill_phases(starts: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """The phase at the middle of each day into out[day]; starts: [day + 1] Unix seconds."""
    for day in range(len(out)):
        out[day] = moon_phase(0.5 * (starts[day] + starts[day + 1]))


@kernel
def _positions(first: int, hours: int) -> NDArray[np.float64]:
    out = np.empty((hours, 4))
    for n in range(hours):
        instant = first + 3600.0 * n
        longitude, latitude, distance = moon(instant)
        t = centuries(instant)
        longitude += nutation(t)
        tilt = obliquity(t)
        y = math.cos(latitude) * math.sin(longitude)
        z = math.sin(latitude)
        out[n, 0] = math.cos(latitude) * math.cos(longitude)
        out[n, 1] = math.cos(tilt) * y - math.sin(tilt) * z
        out[n, 2] = math.sin(tilt) * y + math.cos(tilt) * z
        # Parallax lowers the moon, refraction and its radius of 0.2725 parallaxes raise its limb.
        out[n, 3] = math.sin(0.7275 * math.asin(_EARTH_RADIUS / distance) - _REFRACTION)
    return out


@kernel
def _turning(low: float, high: float, a: float, middle: float, b: float) -> float:
    """Where the parabola through three heights, the second half way, turns; NaN if not between `low` and `high`."""
    bend = a - 2.0 * middle + b
    shift = 0.25 * (a - b) / bend if bend != 0.0 else 1.0
    return 0.5 * (low + high) + shift * (high - low) if abs(shift) < 0.5 else math.nan


@kernel
def _events(
    positions: NDArray[np.float64],
    first: int,
    sidereal: float,
    starts: NDArray[np.int64],
    lat: float,
    lon: float,
    out: NDArray[np.float64],
) -> None:
    sine, cosine = math.sin(lat), math.cos(lat)
    for day in range(len(starts) - 1):
        low = float(starts[day])
        a = height(positions, first, sidereal, low, sine, cosine, lon)
        while low < starts[day + 1]:
            high = min(low + 3600.0, float(starts[day + 1]))
            b = height(positions, first, sidereal, high, sine, cosine, lon)
            middle, m = high, b
            if a * b > 0.0 and min(abs(a), abs(b)) < _GRAZE:
                half = height(positions, first, sidereal, 0.5 * (low + high), sine, cosine, lon)
                turn = _turning(low, high, a, half, b)
                peak = math.nan if math.isnan(turn) else height(positions, first, sidereal, turn, sine, cosine, lon)
                if a * peak < 0.0:
                    middle, m = turn, peak
            if a * m <= 0.0:
                event = 0 if m > a else 1
                if math.isnan(out[event, day]):
                    out[event, day] = crossing(positions, first, sidereal, low, middle, 0.0, lat, lon)
            low, a = middle, m


def moon_track(begin: int, last: int) -> Track:
    """The moon every hour from an instant to another one, Unix seconds, and longer."""
    return track_of(_positions, *span_of(begin, last))


def moon_events(track: Track, starts: NDArray[np.int64], lat: float, lon: float, out: NDArray[np.float64]) -> None:
    """Fill out[2, day] with moonrise and moonset: the first of each in a local day; NaN where there is none.

    starts: [day + 1], Unix seconds of the local midnights, which the moon's track holds; latitude and longitude in
    degrees. About once a month a day has no moonrise, and one no moonset; near the poles there is none for days.
    """
    track.search(_events, starts, lat, lon, out)
