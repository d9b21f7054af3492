"""Sun and moon: where they stand, when the sun crosses a height, how daylight spreads over hours.

Meeus, Astronomical Algorithms (2nd ed.), chapters 12, 25 and 47 with their leading terms: 0.01 degrees for the sun,
0.3 for the moon. The hour angle comes from right ascension and sidereal time, not from a fitted equation of time.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.kernels import kernel

DAY = 86_400.0
J2000 = 946_728_000.0  # 2000-01-01T12:00Z
# Refraction of 34' at the horizon and the sun's radius of 16'.
SIN_RISE = math.sin(math.radians(-50.0 / 60.0))
SIN_CIVIL_TWILIGHT = math.sin(math.radians(-6.0))
STEP = 900
# How far twilight reaches: the weight of the sun at the horizon is half of this.
_TWILIGHT = 0.02
# A mean solar day in degrees of hour angle per second.
_TURN = 360.0 / DAY


@kernel
def sun(instant: float) -> tuple[float, float]:
    """(declination, hour angle at Greenwich) in radians at Unix seconds."""
    days = (instant - J2000) / DAY
    t = days / 36525.0
    rad = math.pi / 180.0
    omega = (125.04 - 1934.136 * t) * rad
    anomaly = (357.52911 + t * (35999.05029 - 0.0001537 * t)) * rad
    centre = (
        math.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + math.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + math.sin(3 * anomaly) * 0.000289
    )
    longitude = 280.46646 + t * (36000.76983 + 0.0003032 * t) + centre - 0.00569 - 0.00478 * math.sin(omega)
    tilt = (23.4392911 - t * (0.0130042 + t * (1.64e-7 - 5.036e-7 * t)) + 0.00256 * math.cos(omega)) * rad
    lam = longitude * rad
    declination = math.asin(math.sin(tilt) * math.sin(lam))
    ascension = math.atan2(math.cos(tilt) * math.sin(lam), math.cos(lam))
    sidereal = (280.46061837 + 360.98564736629 * days + 0.000387933 * t * t) * rad
    return declination, (sidereal - ascension) % (2.0 * math.pi)


@kernel
def sine_of_elevation(instant: float, lat: float, lon: float) -> float:
    """Sine of the sun's geometric elevation; latitude and longitude in degrees, instant in Unix seconds."""
    declination, hour_angle = sun(instant)
    phi = math.radians(lat)
    return math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(
        hour_angle + math.radians(lon)
    )


@kernel
def noon_near(instant: float, lon: float) -> float:
    """The upper transit of the sun closest to an instant."""
    noon = instant
    for _ in range(2):
        _, hour_angle = sun(noon)
        degrees = (math.degrees(hour_angle) + lon + 180.0) % 360.0 - 180.0
        noon -= degrees / _TURN
    return noon


@kernel
def crossing(low: float, high: float, level: float, lat: float, lon: float) -> float:
    """When the sine of the elevation passes `level` between two instants; NaN where both lie on one side."""
    a = sine_of_elevation(low, lat, lon) - level
    b = sine_of_elevation(high, lat, lon) - level
    if a * b > 0.0:
        return math.nan
    side = 0
    middle = low
    # Regula falsi, Illinois variant: the end that stays is halved, so that it can't stall.
    for _ in range(60):
        middle = (low * b - high * a) / (b - a) if b != a else 0.5 * (low + high)
        c = sine_of_elevation(middle, lat, lon) - level
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


@kernel
def sun_events(starts: NDArray[np.int64], lat: float, lon: float) -> NDArray[np.float64]:
    """[dawn, sunrise, sunset, dusk] x [day]: the crossings before and after the noon nearest to each day's middle.

    starts: [day + 1], Unix seconds of the local midnights. NaN where the sun does not cross. An evening's sunset
    belongs to its day even where it falls after midnight.
    """
    days = len(starts) - 1
    out = np.empty((4, days))
    for day in range(days):
        noon = noon_near(0.5 * (starts[day] + starts[day + 1]), lon)
        before = noon - 0.5 * DAY
        after = noon + 0.5 * DAY
        out[0, day] = crossing(before, noon, SIN_CIVIL_TWILIGHT, lat, lon)
        out[1, day] = crossing(before, noon, SIN_RISE, lat, lon)
        out[2, day] = crossing(noon, after, SIN_RISE, lat, lon)
        out[3, day] = crossing(noon, after, SIN_CIVIL_TWILIGHT, lat, lon)
    return out


@kernel
def daylight(first: int, count: int, lat: float, lon: float) -> NDArray[np.float64]:
    """[count] running integral of the daylight weight from `first` on, every STEP seconds.

    The weight is the sine of the elevation by day with a smooth tail through twilight that never reaches zero, so
    that any interval's mean can be spread by it and the mean is kept.
    """
    out = np.empty(count)
    phi = math.radians(lat)
    block = 24
    total = 0.0
    previous = 0.0
    declination, hour_angle = sun(float(first))
    for start in range(0, count, block):
        next_declination, next_hour_angle = sun(float(first + (start + block) * STEP))
        turn = (next_hour_angle - hour_angle) % (2.0 * math.pi)
        for i in range(start, min(start + block, count)):
            part = (i - start) / block
            delta = declination + part * (next_declination - declination)
            angle = hour_angle + part * turn + math.radians(lon)
            sine = math.sin(phi) * math.sin(delta) + math.cos(phi) * math.cos(delta) * math.cos(angle)
            weight = 0.5 * (sine + math.sqrt(sine * sine + _TWILIGHT * _TWILIGHT))
            if i:
                total += 0.5 * (previous + weight) * STEP
            out[i] = total
            previous = weight
        declination, hour_angle = next_declination, next_hour_angle
    return out


@kernel
def moon_phase(instant: float) -> float:
    """The moon's elongation east of the sun as a share of the circle: 0 new, 0.25 first quarter, 0.5 full."""
    t = (instant - J2000) / DAY / 36525.0
    rad = math.pi / 180.0
    elongation = (297.8501921 + 445267.1114034 * t) * rad
    anomaly_sun = (357.5291092 + 35999.0502909 * t) * rad
    anomaly = (134.9633964 + 477198.8675055 * t) * rad
    node = (93.2720950 + 483202.0175233 * t) * rad
    moon = (
        6.288774 * math.sin(anomaly)
        + 1.274027 * math.sin(2 * elongation - anomaly)
        + 0.658314 * math.sin(2 * elongation)
        + 0.213618 * math.sin(2 * anomaly)
        - 0.185116 * math.sin(anomaly_sun)
        - 0.114332 * math.sin(2 * node)
        + 0.058793 * math.sin(2 * elongation - 2 * anomaly)
        + 0.057066 * math.sin(2 * elongation - anomaly_sun - anomaly)
        + 0.053322 * math.sin(2 * elongation + anomaly)
        + 0.045758 * math.sin(2 * elongation - anomaly_sun)
    )
    centre = 1.914602 * math.sin(anomaly_sun) + 0.019993 * math.sin(2 * anomaly_sun)
    return ((elongation / rad + moon - centre) / 360.0) % 1.0
