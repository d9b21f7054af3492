"""Pointwise physics of the simulated weather."""

from __future__ import annotations

import numpy as np

from deployments.simulator.climate import FREEZING, Field

RAIN, FREEZING_RAIN, SNOW, WET_SNOW, RAIN_AND_SNOW, ICE_PELLETS = 1, 3, 5, 6, 7, 8
"""GRIB2 code table 4.201."""


def saturation(temperature: Field) -> Field:
    """Saturation vapour pressure over water, Pa, of K: Buck's form as the IFS documents it (part IV, eq. 7.5)."""
    return 611.21 * np.exp(17.502 * (temperature - 273.16) / (temperature - 32.19))


def rise(values: Field) -> Field:
    """0 up to zero, then steeper and steeper, without a kink."""
    above = np.maximum(values, 0.0)
    return above * np.sqrt(above)


def part(values: Field) -> Field:
    """A smooth step from 0 to 1 around zero."""
    return 0.5 + 0.5 * np.tanh(values)


def precipitation_kind(temperature: Field, warm: Field) -> Field:
    """Code table 4.201 of what would fall, by temperature at the ground (K) and warmth above it (-1 to 1)."""
    cold = temperature - FREEZING
    nose = (warm > 0.35) & (cold > -7.0)
    kinds = [
        (cold >= 1.5, RAIN),
        (nose & (cold < 0.0) & (warm > 0.6), FREEZING_RAIN),
        (nose & (cold < 0.5), ICE_PELLETS),
        (cold >= 0.8, RAIN_AND_SNOW),
        (cold >= 0.0, WET_SNOW),
    ]
    return np.select([where for where, _ in kinds], [float(code) for _, code in kinds], float(SNOW))


def reflectivity(millimetres: Field) -> Field:
    """dBZ of rain in mm per hour: Z = 200 R^1.6 (Marshall and Palmer); at least -20, as NCEP writes no echo."""
    return np.maximum(10.0 * np.log10(200.0 * np.maximum(millimetres, 1e-6) ** 1.6), -20.0)


def snow_density(water: Field) -> Field:
    """kg m-3 of snow that holds `water`, kg m-2: fresh it has 100, under its own weight up to 400."""
    return 100.0 + 300.0 * np.tanh(water / 150.0)


def apparent_temperature(temperature: Field, dew_point: Field, speed: Field) -> Field:
    """Steadman's apparent temperature in the shade, K (1994, as the Bureau of Meteorology publishes it)."""
    return temperature + 0.33 * saturation(dew_point) / 100.0 - 0.70 * speed - 4.0


def sunshine(sine: Field, cloud: Field) -> Field:
    """Shortwave flux, W m-2, by the sine of the sun's elevation (0 at night) and cloud 0 to 1.

    Haurwitz' clear sky (1945), less with cloud (Kasten and Czeplak 1980).
    """
    clear = 1_098.0 * sine * np.exp(-0.057 / np.maximum(sine, 1e-3))
    return clear * (1.0 - 0.75 * cloud**3.4)
