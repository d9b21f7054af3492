"""Made weather: smooth numbers for every place and moment, single-valued at the poles, from formulas of one line.

Nothing of it comes from the code that is tested. All functions take degrees and Unix seconds, as arrays that are
broadcast against each other, and tell SI units.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Instant = Callable[[Numbers, Numbers, Numbers], Numbers]

DAY = 86_400.0
TURN = 2 * np.pi
FALLS = 0.4
"""mm/h that the waves of rain stay short of 0 on average."""


def sun(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    """Sine of the sun's height, by a circular orbit."""
    tilt = _tilt(time)
    hour = TURN * (time / DAY % 1.0) + np.radians(lon) - np.pi
    return np.sin(np.radians(lat)) * np.sin(tilt) + np.cos(np.radians(lat)) * np.cos(tilt) * np.cos(hour)


def _tilt(time: Numbers) -> Numbers:
    return np.radians(23.44) * np.sin(TURN * (time / DAY - 79.0) / 365.2422)


def wave(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    """-1..1, once around in 21.6 hours: where it is high clouds and rain are."""
    east = np.cos(np.radians(lat)) * np.sin(np.radians(lon))
    return np.sin(TURN * time / DAY / 0.9 + 2 * east + 3 * np.sin(np.radians(lat)))


def temperature(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    north, flat = np.sin(np.radians(lat)), np.cos(np.radians(lat))
    season = 15 * np.sin(_tilt(time)) / np.sin(np.radians(23.44)) * north
    day = 5 * flat * np.sin(TURN * (time / DAY % 1.0) + np.radians(lon) - 0.75 * np.pi)
    return (
        303 - 50 * north**2 + 6 * flat * np.cos(2 * np.radians(lon)) + season + day + 3 * np.sin(TURN * time / DAY / 5)
    )


def dew_point(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return temperature(lat, lon, time) - 0.5 - 6 * (1 - cloud_cover(lat, lon, time) / 100)


def humidity(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    """%, by Magnus' formula."""
    exponents = [17.625 * c / (243.04 + c) for c in (f(lat, lon, time) - 273.15 for f in (temperature, dew_point))]
    return 100 * np.exp(exponents[1] - exponents[0])


def wind(lat: Numbers, lon: Numbers, time: Numbers) -> tuple[Numbers, Numbers]:
    """(eastward, northward): the level part of one arrow in space, which turns; it blows across both poles."""
    angle = TURN * time / DAY / 3
    arrow = (8 * np.cos(angle), 8 * np.sin(angle), 3.0)
    phi, lam = np.radians(lat), np.radians(lon)
    east = -arrow[0] * np.sin(lam) + arrow[1] * np.cos(lam)
    south = arrow[0] * np.cos(lam) + arrow[1] * np.sin(lam)
    return east + 0 * phi, arrow[2] * np.cos(phi) - south * np.sin(phi)


def gust(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 1.4 * np.hypot(*wind(lat, lon, time)) + 1


def pressure(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 101_325 + 1500 * np.cos(np.radians(lat)) * np.sin(np.radians(lon) + TURN * time / DAY / 4)


def cloud_cover(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 50 + 50 * wave(lat, lon, time)


def rain(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    """mm/h of water, whatever it falls as."""
    return np.maximum(0.0, 2 * wave(lat, lon, time) - FALLS)


def is_frozen(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    """1 where snow falls; 0.5 where it is mixed with rain."""
    warmth = temperature(lat, lon, time)
    return np.where(warmth < 273.15, 1.0, np.where(warmth < 274.65, 0.5, 0.0))


def cape(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return (
        3000 * np.cos(np.radians(lat)) ** 4 * np.maximum(0.0, np.sin(TURN * (time / DAY % 1.0) + np.radians(lon) - 2.6))
    )


def visibility(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 24_000 - 23_400 * np.maximum(0.0, wave(lat, lon, time + 3 * 3600)) ** 2


def ozone(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 290 + 60 * np.sin(np.radians(lat)) ** 2 + 5 * np.sin(TURN * time / DAY / 3) + 0 * lon


def sunlight(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 1000 * np.maximum(0.0, sun(lat, lon, time)) * (1 - 0.006 * cloud_cover(lat, lon, time))


def ultraviolet(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 18 * np.maximum(0.0, sun(lat, lon, time)) ** 1.5 * (1 - 0.006 * cloud_cover(lat, lon, time))


def smoke(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 2e-8 * (1.2 + np.sin(TURN * time / DAY / 2 + np.radians(lon)) + 0 * lat)


def storm_distance(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    """m; 0 where it rains hard, NaN where no storm is near."""
    distance = 400_000 * (1.5 - FALLS - wave(lat, lon, time)).clip(0.0)
    return np.where(distance > 700_000, np.nan, distance)


def storm_bearing(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    return 180 + 170 * np.sin(TURN * time / DAY + np.radians(lon) * np.cos(np.radians(lat)))


def chance(lat: Numbers, lon: Numbers, time: Numbers) -> Numbers:
    """%."""
    return 50 * (1 + wave(lat, lon, time))


INSTANTS: dict[str, Instant] = {
    "air_temperature_2m": temperature,
    "dew_point_temperature_2m": dew_point,
    "apparent_temperature_2m": lambda *at: temperature(*at) - 1.5,
    "relative_humidity_2m": humidity,
    "eastward_wind_10m": lambda *at: wind(*at)[0],
    "northward_wind_10m": lambda *at: wind(*at)[1],
    "wind_gust_surface": gust,
    "air_pressure_mean_sea_level": pressure,
    "air_pressure_surface": lambda *at: pressure(*at) - 4000,
    "visibility_surface": visibility,
    "cloud_cover_atmosphere": cloud_cover,
    "ozone_column_atmosphere": ozone,
    "smoke_mass_density_8m": smoke,
    "cape_surface": cape,
    "cape_most_unstable": lambda *at: 1.2 * cape(*at),
    "precipitation_rate_surface": lambda *at: rain(*at) / 3600,
    "categorical_rain_surface": lambda *at: (rain(*at) > 0) & (is_frozen(*at) < 1),
    "categorical_snow_surface": lambda *at: (rain(*at) > 0) & (is_frozen(*at) > 0),
    "categorical_ice_pellets_surface": lambda *at: 0 * rain(*at),
    "categorical_freezing_rain_surface": lambda *at: 0 * rain(*at),
    # Code table 4.201: 1 rain, 5 snow, 7 rain and snow.
    "precipitation_type_surface": lambda *at: np.where(
        rain(*at) > 0, np.choose((2 * is_frozen(*at)).astype(int), (1, 7, 5)), 0
    ),
    "storm_distance_surface": storm_distance,
    "storm_bearing_surface": lambda *at: np.where(storm_distance(*at) > 0, storm_bearing(*at), np.nan),
    "downward_shortwave_flux_instant_surface": sunlight,
}
"""Catalogue name -> what is true at an instant."""

MEANS: dict[str, Instant] = {
    "downward_shortwave_flux_surface": sunlight,
    "downward_uvb_flux_surface": ultraviolet,
    "precipitation_probability_surface": chance,
}
"""Catalogue name -> what is averaged over an interval."""
SUMS: dict[str, Instant] = {
    "precipitation_amount_surface": rain,
    "precipitation_amount_spread_surface": lambda *at: 0.3 * rain(*at) + 0.02,
}
"""Catalogue name -> what is summed over the hours of an interval."""
HIGHEST: dict[str, Instant] = {"wind_gust_10m": gust}
"""Catalogue name -> of what the highest of an interval is told."""
PARTS = 12
"""In so many parts an interval is looked at."""


def values_of(name: str, lat: Numbers, lon: Numbers, time: float, hours: float) -> Numbers:
    """What a store holds of a variable at a lead. hours: of the interval that ends there; NaN where there is none."""
    if name in INSTANTS:
        return np.asarray(INSTANTS[name](lat, lon, np.float64(time)), np.float64)
    if not hours:
        return np.full(np.broadcast_shapes(lat.shape, lon.shape), np.nan)
    middles = time - 3600 * hours * (np.arange(PARTS) + 0.5) / PARTS
    if name in HIGHEST:
        return np.max([HIGHEST[name](lat, lon, middle) for middle in middles], axis=0)
    told = MEANS.get(name) or SUMS[name]
    mean = np.mean([told(lat, lon, middle) for middle in middles], axis=0)
    return mean * hours if name in SUMS else mean
