"""What follows from the merged quantities, into the columns behind them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.derived import derive_precipitation, derive_weather
from serving.fields import COLUMN, PRECIPITATION, WEATHER
from storage.kernels import kernel

_TEMPERATURE, _HUMIDITY, _SOLAR = COLUMN["temperature"], COLUMN["humidity"], COLUMN["solar"]
_EASTWARD, _NORTHWARD = COLUMN["eastward_wind"], COLUMN["northward_wind"]
_VISIBILITY, _CAPE, _CAPE_UNSTABLE = COLUMN["visibility"], COLUMN["cape"], COLUMN["cape_unstable"]
_AMOUNT, _RATE, _KIND, _SPREAD = COLUMN["amount"], COLUMN["rate"], COLUMN["kind"], COLUMN["amount_spread"]
_ERROR, _TIME = COLUMN["intensity_error"], COLUMN["time"]
_WEATHER, _PRECIPITATION = COLUMN[WEATHER[0]], COLUMN[PRECIPITATION[0]]
_WEATHER_END, _PRECIPITATION_END = _WEATHER + len(WEATHER), _PRECIPITATION + len(PRECIPITATION)


@kernel
def derive(
    columns: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64], full: int, fire: bool
) -> None:
    """Fill what serving.fields.COLUMNS has beside the quantities, icons apart.

    columns: [column, slot] in SI; starts, ends: [slot] Unix seconds; full: of how many slots, the first ones, more is
    told than what falls; fire: whether anybody wants the fire index.
    """
    weather = columns[_WEATHER:_WEATHER_END]
    derive_weather(
        columns[_TEMPERATURE],
        columns[_HUMIDITY],
        columns[_EASTWARD],
        columns[_NORTHWARD],
        columns[_SOLAR],
        columns[_VISIBILITY],
        columns[_CAPE],
        columns[_CAPE_UNSTABLE],
        full,
        fire,
        weather,
    )
    derive_precipitation(
        starts,
        ends,
        columns[_AMOUNT],
        columns[_RATE],
        columns[_KIND],
        columns[_TEMPERATURE],
        weather[0],
        columns[_PRECIPITATION:_PRECIPITATION_END],
    )
    for n in range(len(starts)):
        columns[_ERROR, n] = columns[_SPREAD, n] * 3600.0 / (ends[n] - starts[n])
        columns[_TIME, n] = starts[n]
