"""What stays: land, mountains and the mean state of the air over the year, as smooth functions of the place.

Only the pattern is Earth's (continents and ranges as bell-shaped humps, monthly means to a few degrees), so that a
forecast for a place looks like that place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]

GRAVITY = 9.80665
GAS_CONSTANT = 287.05
EARTH_RADIUS = 6_371_229.0
LAPSE = 0.0055
"""Cooling with the height of the ground, K m-1."""
SHORE = 0.15
"""How continental the land is at its coasts."""
FREEZING = 273.15
HOURS_PER_YEAR = 8_765.82


class Hump(NamedTuple):
    """A bell over (lat, lon), degrees, with its half widths in degrees of arc north-south and east-west."""

    lat: float
    lon: float
    high: float
    wide: float
    weight: float


LAND = (
    Hump(51, 20, 11, 24, 1.1),
    Hump(58, 90, 16, 48, 1.3),
    Hump(32, 95, 14, 26, 1.2),
    Hump(20, 20, 15, 30, 1.3),
    Hump(-10, 25, 20, 13, 1.2),
    Hump(46, -100, 15, 22, 1.3),
    Hump(63, -110, 10, 30, 1.1),
    Hump(-12, -60, 18, 14, 1.2),
    Hump(-40, -68, 13, 5, 0.8),
    Hump(-25, 134, 9, 16, 1.3),
    Hump(-90, 0, 18, 400, 1.4),
    Hump(73, -42, 9, 11, 1.2),
)

# Weights are metres.
MOUNTAINS = (
    Hump(33, 88, 5, 13, 4_400),
    Hump(47, 100, 6, 12, 1_100),
    Hump(33, 55, 5, 9, 1_200),
    Hump(46.5, 9.5, 1.8, 5, 1_300),
    Hump(64, 13, 5, 4, 500),
    Hump(42, -110, 10, 7, 1_900),
    Hump(-18, -67, 15, 4, 3_000),
    Hump(3, 36, 10, 6, 1_200),
    Hump(-28, 27, 6, 6, 1_000),
    Hump(73, -42, 8, 9, 2_300),
    Hump(-90, 0, 16, 400, 2_900),
)


def _humps(rows: tuple[Hump, ...], lat: Field, lon: Field) -> Field:
    total = np.zeros(np.broadcast_shapes(lat.shape, lon.shape))
    across = np.cos(np.radians(lat))
    for row in rows:
        east = (lon - row.lon + 180.0) % 360.0 - 180.0
        total += row.weight * np.exp(-(((lat - row.lat) / row.high) ** 2) - (east * across / row.wide) ** 2)
    return total


def land(lat: Field, lon: Field) -> Field:
    """How continental the place is, 0 (ocean) to 1; degrees, broadcast against each other."""
    return np.tanh(_humps(LAND, lat, lon)) ** 2


def terrain(lat: Field, lon: Field) -> Field:
    """Height of the ground, m."""
    return _humps(MOUNTAINS, lat, lon)


def season(time: float) -> float:
    """1 in the northern midsummer of the air (20 July), -1 half a year later; time in hours since 2000-01-01."""
    return float(np.cos(2.0 * np.pi * (time - 201 * 24.0) / HOURS_PER_YEAR))


def spring(time: float) -> float:
    """1 in the northern spring of the ozone layer (5 April), -1 half a year later."""
    return float(np.cos(2.0 * np.pi * (time - 95 * 24.0) / HOURS_PER_YEAR))


def zonal_pressure(lat: Field) -> Field:
    """Mean sea level pressure of a latitude, Pa: equatorial trough, subtropical highs, subpolar lows."""
    away = np.abs(lat)
    return (
        101_250.0
        + 750.0 * np.exp(-(((away - 32.0) / 13.0) ** 2))
        - 250.0 * np.exp(-((lat / 14.0) ** 2))
        - 650.0 * np.exp(-(((lat - 61.0) / 13.0) ** 2))
        - 2_000.0 * np.exp(-(((lat + 64.0) / 13.0) ** 2))
    )


class Yearly(NamedTuple):
    """What the seasons change: `mean` + `swing` x a wave of one year, 1 at its highest in the north."""

    mean: Field
    swing: Field

    def at(self, wave: float) -> Field:
        return self.mean + self.swing * wave


def temperature_over_the_year(lat: Field, inland: Field, height: Field) -> Yearly:
    """Daily mean 2 m temperature without weather, K, by `season`."""
    square = np.sin(np.radians(lat)) ** 2
    mean = 300.15 - 19.0 * square - 30.0 * square**2 - LAPSE * height
    return Yearly(mean, (2.5 + 15.0 * inland) * np.tanh(lat / 22.0))


def snow_water(temperature: Yearly, time: float) -> Field:
    """Water in the snow on the ground by the cold of the last weeks, kg m-2."""
    cold = FREEZING - temperature.at(season(time - 35 * 24.0))
    return np.minimum(7.0 * np.maximum(cold, 0.0), 300.0)


def ozone_over_the_year(lat: Field) -> Yearly:
    """Mean column of a latitude, DU, by `spring`: least over the tropics, most over the poles in their spring."""
    square = np.sin(np.radians(lat)) ** 2
    return Yearly(265.0 + 75.0 * square, 35.0 * square * np.tanh(lat / 15.0))
