"""From the height of a model's ground to that of a place: how warm it is there, and how heavy the air.

Temperatures fall by LAPSE a metre, the standard atmosphere's rate (ICAO Doc 7488). Relative humidity is kept, and the
dew point follows from it: it stays at or below the temperature. Pressure follows from the hydrostatic equation in air
of that lapse rate.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from serving.derived import dew_point, relative_humidity
from storage.kernels import kernel
from storage.schema import StoreSchema

LAPSE = 0.0065
"""K m-1."""
# Gravity over the gas constant of dry air and the lapse rate.
POWER = 9.80665 / (287.053 * LAPSE)

_SHIFTED = (
    "air_temperature_2m",
    "air_temperature_p10_2m",
    "air_temperature_p50_2m",
    "air_temperature_p90_2m",
    "apparent_temperature_2m",
)


def at_height(values: NDArray[np.float32], schema: StoreSchema, rise: float) -> NDArray[np.float32]:
    """A copy of `values` [variable, time] as of a place that lies `rise` m above the model's ground."""
    lifted = values.copy()
    _lift(lifted, *_rows_of(schema.names), rise)
    return lifted


@lru_cache(maxsize=64)
def _rows_of(names: tuple[str, ...]) -> tuple[int, int, int, NDArray[np.int64]]:
    """The rows of temperature, dew point and surface pressure, -1 of what is not there, and of all that is shifted."""
    row_of = {name: row for row, name in enumerate(names)}
    temperature, dew, pressure = (
        row_of.get(name, -1) for name in ("air_temperature_2m", "dew_point_temperature_2m", "air_pressure_surface")
    )
    return temperature, dew, pressure, np.array([row_of[name] for name in _SHIFTED if name in row_of], np.int64)


@kernel
def _lift(
    values: NDArray[np.float32], temperature: int, dew: int, pressure: int, shifted: NDArray[np.int64], rise: float
) -> None:
    """In place. Rows of -1 are not there. Where the temperature is missing, dew point and pressure get missing, too."""
    change = -LAPSE * rise
    for time in range(values.shape[1]):
        warmth = float(values[temperature, time]) if temperature >= 0 else math.nan
        if dew >= 0:
            humidity = relative_humidity(warmth, float(values[dew, time]))
            values[dew, time] = dew_point(warmth + change, humidity)
        if pressure >= 0:
            values[pressure, time] *= (1.0 + change / warmth) ** POWER
    for row in shifted:
        for time in range(values.shape[1]):
            values[row, time] += change
