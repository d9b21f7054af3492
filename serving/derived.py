"""Pointwise physics: humidity, wind from components, how it feels, what falls and how deep it lies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.fire import fire_index
from storage.kernels import kernel

NONE, RAIN, SNOW, SLEET, ICE, MIXED = 0, 1, 2, 3, 4, 5
# Words of the Dark Sky answer. `sleet` is ice pellets, `ice` is freezing rain.
KIND_WORDS = ("none", "rain", "snow", "sleet", "ice", "mixed")
# mm/h. Below this it is the noise of a model, and not felt.
NOISE = 0.01
# Several kinds at once, before they are told as mixed: this, and 2 to the power of each kind.
SEVERAL = 64
_RAIN_AND_SNOW = SEVERAL + (1 << RAIN) + (1 << SNOW)

FREEZING = 273.15
# Dark Sky's visibility ends at ten miles.
VISIBILITY_LIMIT = 16_093.44

# GRIB2 code table 4.201 -> kind; codes beyond 12 are unknown. 2 thunderstorm, 11 drizzle are rain; 6 wet snow,
# 9 graupel are snow; 4 mixed ice, 8 ice pellets, 10 hail are sleet; 12 freezing drizzle is ice; 7 is rain and snow.
_KIND_OF_CODE = np.array(
    [NONE, RAIN, RAIN, ICE, SLEET, SNOW, SNOW, _RAIN_AND_SNOW, SLEET, SNOW, SLEET, RAIN, ICE], np.float64
)
# In the order of serving.quantities.KIND_NAMES after the code.
_KIND_OF_FLAG = np.array([SNOW, SLEET, ICE, RAIN], np.int64)


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

    rows: [5] rows of serving.quantities.KIND_NAMES, -1 absent. Where it says yes to several, SEVERAL with their bits.
    """
    if rows[0] >= 0:
        code = values[rows[0], time]
        if not math.isnan(code):
            number = round(code)
            return _KIND_OF_CODE[number] if 0 <= number < len(_KIND_OF_CODE) else math.nan
    told = math.nan
    bits = 0
    for flag in range(4):
        if rows[flag + 1] >= 0:
            value = values[rows[flag + 1], time]
            if value >= 0.5:
                bits |= 1 << _KIND_OF_FLAG[flag]
            elif value < 0.5:
                told = 0.0
    return kind_of_bits(bits) if bits else told


@kernel
def kind_of_bits(bits: int) -> float:
    """The kind of a single bit, SEVERAL with the bits of more."""
    for kind in range(RAIN, MIXED):
        if bits == 1 << kind:
            return float(kind)
    return float(SEVERAL + bits)


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
    if temperature <= FREEZING - 1.0:
        if kind == RAIN:
            return ICE
        if kind >= SEVERAL and int(kind) & (1 << RAIN):
            return kind_of_bits((int(kind) - SEVERAL - (1 << RAIN)) | (1 << ICE))
    return kind


@kernel
def shares(kind: float) -> tuple[float, float, float]:
    """How much of the water falls as rain, as snow and as ice; alike of each kind where several fall, as no model says
    of which there is more."""
    bits = 1 << int(kind) if kind < SEVERAL else int(kind) - SEVERAL
    rain, snow = (bits >> RAIN) & 1, (bits >> SNOW) & 1
    ice = ((bits >> SLEET) & 1) + ((bits >> ICE) & 1)
    count = max(rain + snow + ice, 1)
    return rain / count, snow / count, ice / count


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
    full: int,
    fire: bool,
    out: NDArray[np.float64],
) -> None:
    """Fill out[4, slot]: wind speed (m s-1), wind bearing (degrees it comes from), apparent temperature (K), fire index
    (0..100) if it is wanted, and cap visibility and complete cape in place; of slots from `full` on the speed only."""
    for n in range(len(temperature)):
        speed = math.hypot(eastward[n], northward[n])
        out[0, n] = speed
        if n >= full:
            continue
        out[1, n] = bearing(eastward[n], northward[n])
        out[2, n] = apparent_temperature(temperature[n], humidity[n], speed, solar[n])
        if fire:
            out[3, n] = fire_index(temperature[n], humidity[n], speed)
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
    Less than NOISE is told as none and of no kind; its amount is kept. Snow intensity is ten times its water, snow
    amount a depth by the density of new snow. `kind` is overwritten by what falls, NaN where nothing does.
    """
    for n in range(len(starts)):
        water = amount[n]
        intensity = water * 3600.0 / (ends[n] - starts[n])
        if math.isnan(intensity):
            intensity = rate[n]
        for k in range(8):
            out[k, n] = math.nan
        falls = kind_at(kind[n], temperature[n]) if intensity > 0.0 else 0.0
        if intensity < NOISE:
            intensity = 0.0
        out[0, n] = intensity
        kind[n] = min(falls, MIXED) if falls > 0.0 and intensity > 0.0 else math.nan
        if math.isnan(intensity):
            continue
        if math.isnan(falls):
            continue
        rain, snow, ice = shares(falls)
        out[1, n] = rain * intensity
        out[2, n] = snow * 10.0 * intensity
        out[3, n] = ice * intensity
        if math.isnan(water):
            continue
        depth = 0.0
        if snow > 0.0:
            air = temperature[n] if not math.isnan(temperature[n]) else FREEZING
            blow = wind[n] if not math.isnan(wind[n]) else 0.0
            depth = snow * water * 1000.0 / snow_density(air, blow)
        out[4, n] = rain * water
        out[5, n] = depth
        out[6, n] = ice * water
        out[7, n] = out[4, n] + out[5, n] + out[6, n]
