"""Pointwise physics: humidity, wind from components, how it feels, what falls and how deep it lies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.kernels import kernel

NONE, RAIN, SNOW, SLEET, ICE, MIXED = 0, 1, 2, 3, 4, 5
# Words of the Dark Sky answer. `sleet` is ice pellets, `ice` is freezing rain.
KIND_WORDS = ("none", "rain", "snow", "sleet", "ice", "mixed")

FREEZING = 273.15
# Dark Sky's visibility ends at ten miles.
VISIBILITY_LIMIT = 16_093.44

# GRIB2 code table 4.201 -> kind; codes beyond 12 are unknown. 2 thunderstorm, 7 rain and snow, 11 drizzle are rain;
# 6 wet snow, 9 graupel are snow; 4 mixed ice, 8 ice pellets, 10 hail are sleet; 12 freezing drizzle is ice.
_KIND_OF_CODE = np.array([NONE, RAIN, RAIN, ICE, SLEET, SNOW, SNOW, RAIN, SLEET, SNOW, SLEET, RAIN, ICE], np.float64)
# In the order of serving.quantities.KIND_NAMES after the code.
_KIND_OF_FLAG = np.array([SNOW, SLEET, ICE, RAIN], np.float64)


@kernel
def saturation_pressure(temperature: float) -> float:
    """Saturation vapour pressure over water, Pa, of K. IFS documentation (cycle 49r1), part IV, equation 7.5.

    Over water also below freezing: that is what the 2 m dew point and relative humidity of IFS and GFS mean.
    """
    return 611.21 * math.exp(17.502 * (temperature - 273.16) / (temperature - 32.19))


@kernel
def relative_humidity(temperature: float, dew: float) -> float:
    """Relative humidity, 0..1, from air temperature and dew point in K."""
    return saturation_pressure(dew) / saturation_pressure(temperature)


@kernel
def dew_point(temperature: float, humidity: float) -> float:
    """Dew point in K from temperature in K and relative humidity 0..1; NaN for air without vapour."""
    if not humidity > 0.0:
        return math.nan
    x = math.log(humidity * saturation_pressure(temperature) / 611.21)
    return (17.502 * 273.16 - 32.19 * x) / (17.502 - x)


@kernel
def apparent_temperature(temperature: float, humidity: float, wind: float, solar: float) -> float:
    """Steadman's apparent temperature (1994), K, with the sun where `solar` (W m-2) is known, else in the shade.

    temperature: K; humidity: 0..1; wind: m s-1 at 10 m. Of the global flux a tenth is absorbed by the body.
    Constants and vapour pressure as the Australian Bureau of Meteorology publishes them.
    """
    celsius = temperature - FREEZING
    vapour = humidity * 6.105 * math.exp(17.27 * celsius / (237.7 + celsius))
    if math.isnan(solar):
        return temperature + 0.33 * vapour - 0.70 * wind - 4.00
    return temperature + 0.348 * vapour - 0.70 * wind + 0.70 * (0.10 * solar) / (wind + 10.0) - 4.25


@kernel
def snow_density(temperature: float, wind: float) -> float:
    """Density of new snow, kg m-3, of air temperature (K) and wind (m s-1). Jordan, Andreas, Makshtas (1999).

    Held above 275.65 K at that temperature's value, and never below 50.
    """
    drift = 0.008 * wind**1.7
    if temperature <= 260.15:
        density = 500.0 * (1.0 - 0.904 * math.exp(-drift))
    else:
        warm = min(temperature, 275.65)
        density = 500.0 * (1.0 - 0.951 * math.exp(-1.4 * (278.15 - warm) ** -1.15 - drift))
    return max(density, 50.0)


@kernel
def kind_of_flags(values: NDArray[np.float32], rows: NDArray[np.int64], time: int) -> float:
    """The kind that a store tells at one lead, from its type code or its yes/no flags; NaN where it tells none.

    rows: [5] rows of serving.quantities.KIND_NAMES, -1 absent. Several flags: snow, pellets, freezing rain, rain.
    """
    if rows[0] >= 0:
        code = values[rows[0], time]
        if not math.isnan(code):
            number = round(code)
            return _KIND_OF_CODE[number] if 0 <= number < len(_KIND_OF_CODE) else math.nan
    told = math.nan
    for flag in range(4):
        if rows[flag + 1] >= 0:
            value = values[rows[flag + 1], time]
            if value >= 0.5:
                return _KIND_OF_FLAG[flag]
            if value < 0.5:
                told = 0.0
    return told


@kernel
def kind_at(kind: float, temperature: float) -> float:
    """What falls, given that something does: the told kind, else by temperature (K).

    Untold: rain from 1 C on, snow up to -1 C, sleet between. Rain at or below -1 C freezes where it lands: ice.
    """
    if not kind > 0.0:
        if math.isnan(temperature):
            return math.nan
        if temperature >= FREEZING + 1.0:
            return RAIN
        return SNOW if temperature <= FREEZING - 1.0 else SLEET
    if kind == RAIN and temperature <= FREEZING - 1.0:
        return ICE
    return kind


@kernel
def derive_weather(
    temperature: NDArray[np.float64],
    humidity: NDArray[np.float64],
    eastward: NDArray[np.float64],
    northward: NDArray[np.float64],
    solar: NDArray[np.float64],
    visibility: NDArray[np.float64],
    cape: NDArray[np.float64],
    cape_unstable: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fill out[3, slot]: wind speed (m s-1), wind bearing (degrees it comes from), apparent temperature (K), and cap
    visibility and complete cape in place."""
    for n in range(len(temperature)):
        speed = math.hypot(eastward[n], northward[n])
        out[0, n] = speed
        out[1, n] = bearing(eastward[n], northward[n])
        out[2, n] = apparent_temperature(temperature[n], humidity[n], speed, solar[n])
        if visibility[n] > VISIBILITY_LIMIT:
            visibility[n] = VISIBILITY_LIMIT
        if math.isnan(cape[n]):
            cape[n] = cape_unstable[n]


@kernel
def bearing(eastward: float, northward: float) -> float:
    """Where the wind comes from, degrees clockwise of north in [0, 360); NaN in a calm."""
    if math.hypot(eastward, northward) < 0.05:
        return math.nan
    degrees = math.degrees(math.atan2(-eastward, -northward)) % 360.0
    return 0.0 if degrees >= 359.5 else degrees


@kernel
def derive_precipitation(
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    amount: NDArray[np.float64],
    rate: NDArray[np.float64],
    kind: NDArray[np.float64],
    temperature: NDArray[np.float64],
    wind: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fill out[8, slot]: intensity, rain, snow, ice intensity (mm/h), liquid, snow, ice amount and their sum (mm).

    Intensity is the slot's own amount per hour; only where no store gives amounts it is the model's instant rate.
    Snow intensity is ten times its water, snow amount a depth by the density of new snow. `kind` is overwritten by
    what falls, NaN where nothing does.
    """
    for n in range(len(starts)):
        water = amount[n]
        intensity = water * 3600.0 / (ends[n] - starts[n])
        if math.isnan(intensity):
            intensity = rate[n]
        for k in range(8):
            out[k, n] = math.nan
        out[0, n] = intensity
        if math.isnan(intensity):
            kind[n] = math.nan
            continue
        falls = kind_at(kind[n], temperature[n]) if intensity > 0.0 else 0.0
        kind[n] = falls if falls > 0.0 else math.nan
        if math.isnan(falls):
            continue
        out[1, n] = intensity if falls == RAIN else 0.0
        out[2, n] = 10.0 * intensity if falls == SNOW else 0.0
        out[3, n] = intensity if falls in (SLEET, ICE, MIXED) else 0.0
        if math.isnan(water):
            continue
        depth = 0.0
        if falls == SNOW:
            air = temperature[n] if not math.isnan(temperature[n]) else FREEZING
            blow = wind[n] if not math.isnan(wind[n]) else 0.0
            depth = water * 1000.0 / snow_density(air, blow)
        out[4, n] = water if falls == RAIN else 0.0
        out[5, n] = depth
        out[6, n] = water if falls in (SLEET, ICE, MIXED) else 0.0
        out[7, n] = out[4, n] + out[5, n] + out[6, n]
