"""The fields of a data point, in the order they are written: where each comes from, its dimension, its decimals.

Fields of a day and of its halves are in serving.day_fields.
"""

from __future__ import annotations

from dataclasses import dataclass

from serving import quantities
from serving.units import Dimension

# What serving.derived adds to the merged quantities, in the order its kernels fill.
WEATHER = ("wind_speed", "wind_bearing", "apparent_temperature", "fire_index")
PRECIPITATION = (
    "intensity",
    "rain_intensity",
    "snow_intensity",
    "ice_intensity",
    "liquid_amount",
    "snow_amount",
    "ice_amount",
    "total_amount",
)
# What serving.deriving and the blocks add last.
ADDED = ("intensity_error", "icon", "time")
COLUMNS = (*quantities.NAMES, *WEATHER, *PRECIPITATION, *ADDED)
COLUMN = {name: index for index, name in enumerate(COLUMNS)}

TOLD_ONLY = frozenset({"feels_like", "wind_gust", "pressure", "surface_pressure", "uv_index", "ozone", "fire_index"})
"""Columns of which nothing else is made: they are neither sought nor made for an answer that has no field for them."""

TEXT = -1

STATION_PRESSURE = "stationPressure"


@dataclass(frozen=True)
class Field:
    """One key of a data point.

    decimals: TEXT where the column's number is a word of the vocabulary (serving.words). version: of the contract, from
    which on it is told. extra: the name in `extraVars` that it is told for only. past: whether an answer of the Time
    Machine tells it without `tmextra`.
    """

    name: str
    column: str
    dimension: Dimension = Dimension.NONE
    decimals: int = 2
    version: int = 1
    extra: str | None = None
    past: bool = True

    def is_told(self, version: int, extra: frozenset[str], past: bool) -> bool:
        """Whether an answer of this version, with these names in `extraVars`, has the field.

        past: whether it has what the Time Machine leaves out, too.
        """
        return self.version <= version and (self.extra is None or self.extra in extra) and (self.past or past)


_TIME = Field("time", "time", decimals=0)
_ICON = Field("icon", "icon", decimals=TEXT)
_STORM = (
    Field("nearestStormDistance", "storm_distance", Dimension.DISTANCE, past=False),
    Field("nearestStormBearing", "storm_bearing", decimals=0, past=False),
)
_INTENSITY = Field("precipIntensity", "intensity", Dimension.INTENSITY, 4)
_CHANCE = (
    Field("precipProbability", "probability", past=False),
    Field("precipIntensityError", "intensity_error", Dimension.INTENSITY, 4, past=False),
)
_KIND = Field("precipType", "kind", decimals=TEXT)
_RAIN = Field("rainIntensity", "rain_intensity", Dimension.INTENSITY, 4, version=2)
_SNOW = Field("snowIntensity", "snow_intensity", Dimension.INTENSITY, 4, version=2)
_ICE = Field("iceIntensity", "ice_intensity", Dimension.INTENSITY, 4, version=2)
SKY = (
    Field("temperature", "temperature", Dimension.TEMPERATURE),
    Field("apparentTemperature", "apparent_temperature", Dimension.TEMPERATURE),
    Field("dewPoint", "dew_point", Dimension.TEMPERATURE),
    Field("humidity", "humidity", past=False),
    Field("pressure", "pressure", Dimension.PRESSURE),
    Field("windSpeed", "wind_speed", Dimension.SPEED),
    Field("windGust", "wind_gust", Dimension.SPEED),
    Field("windBearing", "wind_bearing", decimals=0),
    Field("cloudCover", "cloud_cover"),
    Field("uvIndex", "uv_index", past=False),
    Field("visibility", "visibility", Dimension.DISTANCE, past=False),
)
_SMOKE = Field("smoke", "smoke", Dimension.DENSITY, version=2)
_FIRE = Field("fireIndex", "fire_index", version=2)
_FEELS_LIKE = Field("feelsLike", "feels_like", Dimension.TEMPERATURE, version=2)
_ENERGY = (
    Field("solar", "solar", version=2, past=False),
    Field("cape", "cape", decimals=0, version=2, past=False),
)
_STATION = Field(STATION_PRESSURE, "surface_pressure", Dimension.PRESSURE, extra=STATION_PRESSURE)

# Of the columns of the minute that is now. The amounts since midnight replace the minute's own.
CURRENTLY = (
    _TIME,
    _ICON,
    *_STORM,
    _INTENSITY,
    *_CHANCE,
    _KIND,
    _RAIN,
    _SNOW,
    _ICE,
    *SKY,
    Field("ozone", "ozone"),
    _SMOKE,
    _FIRE,
    _FEELS_LIKE,
    Field("currentDayIce", "ice_amount", Dimension.AMOUNT, 4, version=2),
    Field("currentDayLiquid", "liquid_amount", Dimension.AMOUNT, 4, version=2),
    Field("currentDaySnow", "snow_amount", Dimension.AMOUNT, 4, version=2),
    *_ENERGY,
    _STATION,
)

MINUTELY = (
    _TIME,
    _INTENSITY,
    *_CHANCE,
    _KIND,
    _RAIN,
    _SNOW,
    Field("sleetIntensity", "ice_intensity", Dimension.INTENSITY, 4, version=2),
)

HOURLY = (
    _TIME,
    _ICON,
    _INTENSITY,
    *_CHANCE,
    Field("precipAccumulation", "total_amount", Dimension.AMOUNT, 4),
    _KIND,
    _RAIN,
    _SNOW,
    _ICE,
    *SKY,
    Field("ozone", "ozone", past=False),
    _SMOKE,
    Field("liquidAccumulation", "liquid_amount", Dimension.AMOUNT, 4, version=2),
    Field("snowAccumulation", "snow_amount", Dimension.AMOUNT, 4, version=2),
    Field("iceAccumulation", "ice_amount", Dimension.AMOUNT, 4, version=2),
    *_STORM,
    _FIRE,
    _FEELS_LIKE,
    *_ENERGY,
    _STATION,
)
