"""The sun: where it stands, when it crosses a height, how daylight spreads over hours.

Meeus, Astronomical Algorithms (2nd ed.), chapters 12 and 25: 0.002 degrees, half a second, from 1980 to 2030. The hour
angle comes from right ascension and sidereal time, not from a fitted equation of time.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from serving.sky import DAY, TURN, Track, centuries, crossing, nutation, obliquity, sidereal_time, span_of, track_of
from storage.kernels import kernel

# Refraction of 34' at the horizon and the sun's radius of 16'.
SIN_RISE = math.sin(math.radians(-50.0 / 60.0))
SIN_CIVIL_TWILIGHT = math.sin(math.radians(-6.0))
STEP = 900
# Between steps so far apart the sun's place is interpolated.
_BLOCK = 24
# How far twilight reaches: the weight of the sun at the horizon is half of this.
_TWILIGHT = 0.02


@kernel
def sun_longitude(t: float) -> float:
    """Ecliptic longitude as seen, mean equinox of date, radians, of centuries since J2000.

    Meeus, chapter 25, with the pull of Venus, Jupiter and the moon from his Astronomical Formulae, chapter 18.
    """
    anomaly = math.radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    centre = (
        math.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + math.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + math.sin(3 * anomaly) * 0.000289
    )
    # Those count centuries from 1900.
    c = t + 1.0
    pull = (
        0.00134 * math.cos(math.radians(153.23 + 22518.7541 * c))
        + 0.00154 * math.cos(math.radians(216.57 + 45037.5082 * c))
        + 0.00200 * math.cos(math.radians(312.69 + 32964.3577 * c))
        + 0.00179 * math.sin(math.radians(350.74 + 445267.1142 * c - 0.00144 * c * c))
        + 0.00178 * math.sin(math.radians(231.19 + 20.20 * c))
    )
    return math.radians(280.46646 + t * (36000.76983 + 0.0003032 * t) + centre + pull - 0.00569)


@kernel
def sun(instant: float) -> tuple[float, float]:
    """(declination, hour angle at Greenwich) in radians at Unix seconds."""
    t = centuries(instant)
    longitude = sun_longitude(t) + nutation(t)
    tilt = obliquity(t)
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    return declination, (sidereal_time(instant) - ascension) % (2.0 * math.pi)


@kernel
def sine_of_elevation(instant: float, lat: float, lon: float) -> float:
    """Sine of the sun's geometric elevation; latitude and longitude in degrees, instant in Unix seconds."""
    declination, hour_angle = sun(instant)
    phi = math.radians(lat)
    return math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(
        hour_angle + math.radians(lon)
    )


@kernel
def _positions(first: int, hours: int) -> NDArray[np.float64]:
    out = np.zeros((hours, 4))
    for n in range(hours):
        t = centuries(first + 3600.0 * n)
        longitude = sun_longitude(t) + nutation(t)
        tilt = obliquity(t)
        out[n, 0] = math.cos(longitude)
        out[n, 1] = math.cos(tilt) * math.sin(longitude)
        out[n, 2] = math.sin(tilt) * math.sin(longitude)
    return out


def sun_track(begin: int, last: int) -> Track:
    """The sun every hour from an instant to another one, Unix seconds, and longer."""
    return track_of(_positions, *span_of(begin, last))


@kernel
def noon_near(positions: NDArray[np.float64], first: int, sidereal: float, instant: float, lon: float) -> float:
    """The upper transit of the sun closest to an instant; lon: radians."""
    noon = instant
    for _ in range(2):
        i = min(max(round((noon - first) / 3600.0), 0), len(positions) - 1)
        angle = sidereal + TURN * (noon - first) + lon - math.atan2(positions[i, 1], positions[i, 0])
        # A mean solar day is a turn against the sun.
        noon -= ((angle + math.pi) % (2.0 * math.pi) - math.pi) * DAY / (2.0 * math.pi)
    return noon


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
    for day in range(len(starts) - 1):
        noon = noon_near(positions, first, sidereal, 0.5 * (starts[day] + starts[day + 1]), lon)
        before = noon - 0.5 * DAY
        after = noon + 0.5 * DAY
        out[0, day] = crossing(positions, first, sidereal, before, noon, SIN_CIVIL_TWILIGHT, lat, lon)
        out[1, day] = crossing(positions, first, sidereal, before, noon, SIN_RISE, lat, lon)
        out[2, day] = crossing(positions, first, sidereal, noon, after, SIN_RISE, lat, lon)
        out[3, day] = crossing(positions, first, sidereal, noon, after, SIN_CIVIL_TWILIGHT, lat, lon)


def sun_events(track: Track, starts: NDArray[np.int64], lat: float, lon: float, out: NDArray[np.float64]) -> None:
    """Fill out[4, day] with dawn, sunrise, sunset and dusk: the crossings before and after the noon nearest to each
    day's middle.

    starts: [day + 1], Unix seconds of the local midnights, which the sun's track holds; latitude and longitude in
    degrees. NaN where the sun does not cross. An evening's sunset belongs to its day even where it falls after
    midnight.
    """
    track.search(_events, starts, lat, lon, out)


def daylight(first: int, count: int, lat: float, lon: float) -> NDArray[np.float64]:
    """[count] running integral of the daylight weight from `first` on, every STEP seconds.

    The weight is the sine of the elevation by day with a smooth tail through twilight that never reaches zero, so
    that any interval's mean can be spread by it and the mean is kept.
    """
    out = np.empty(count)
    _daylight(_suns(first, -(-count // _BLOCK)), lat, lon, out)
    return out


@lru_cache(maxsize=128)
def _suns(first: int, blocks: int) -> NDArray[np.float64]:
    """[block + 1, 2] declination and hour angle at Greenwich where each block of steps begins: every place has them."""
    table = np.empty((blocks + 1, 2))
    _fill_suns(float(first), table)
    return table


@kernel
def _fill_suns(first: float, table: NDArray[np.float64]) -> None:
    for block in range(len(table)):
        table[block, 0], table[block, 1] = sun(first + block * _BLOCK * STEP)


@kernel
def _daylight(suns: NDArray[np.float64], lat: float, lon: float, out: NDArray[np.float64]) -> None:
    """The sun's declination and hour angle are interpolated between the blocks' beginnings: 0.02 degrees at most."""
    count = len(out)
    high, wide, lam = math.sin(math.radians(lat)), math.cos(math.radians(lat)), math.radians(lon)
    total = 0.0
    previous = 0.0
    for block in range(len(suns) - 1):
        declination, hour_angle = suns[block, 0], suns[block, 1]
        turn = (suns[block + 1, 1] - hour_angle) % (2.0 * math.pi) / _BLOCK
        tilt = (suns[block + 1, 0] - declination) / _BLOCK
        # Sine and cosine of both angles are carried on from step to step: turned by as much each time.
        turning, stepping = complex(math.cos(turn), math.sin(turn)), complex(math.cos(tilt), math.sin(tilt))
        angle = complex(math.cos(hour_angle + lam), math.sin(hour_angle + lam))
        delta = complex(math.cos(declination), math.sin(declination))
        for i in range(block * _BLOCK, min((block + 1) * _BLOCK, count)):
            sine = high * delta.imag + wide * delta.real * angle.real
            weight = 0.5 * (sine + math.sqrt(sine * sine + _TWILIGHT * _TWILIGHT))
            if i:
                total += 0.5 * (previous + weight) * STEP
            out[i] = total
            previous = weight
            angle *= turning
            delta *= stepping
