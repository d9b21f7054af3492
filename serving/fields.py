"""The fields of an answer, in the order they are written: where each comes from, its dimension, its decimals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from serving import quantities
from serving.units import Dimension

# What serving.derived adds to the merged quantities, in the order its kernels fill.
WEATHER = ("wind_speed", "wind_bearing", "apparent_temperature")
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
COLUMNS = (*quantities.NAMES, *WEATHER, *PRECIPITATION, "time")
COLUMN = {name: index for index, name in enumerate(COLUMNS)}

TEXT = -1


class Statistic(IntEnum):
    """What a daily field tells of its column's hours."""

    MEAN = 0
    SUM = 1
    MAXIMUM = 2
    MAXIMUM_TIME = 3
    MINIMUM = 4
    MINIMUM_TIME = 5
    BEARING = 6
    KIND = 7
    GIVEN = 8


class Window(IntEnum):
    """Which hours of a local day: all of it, after 06:00 up to 18:00, after 18:00 up to 06:00 of the next."""

    DAY = 0
    DAYTIME = 1
    OVERNIGHT = 2


@dataclass(frozen=True)
class Field:
    """One key of a data point. `decimals` TEXT: the column's number is a word of serving.derived.KIND_WORDS."""

    name: str
    column: str
    dimension: Dimension = Dimension.NONE
    decimals: int = 2


@dataclass(frozen=True)
class DailyField(Field):
    """A field of a day: a statistic of a column over a window. GIVEN fields are filled by name (sun and moon)."""

    statistic: Statistic = Statistic.MEAN
    window: Window = Window.DAY


_TIME = Field("time", "time", decimals=0)
_INTENSITIES = (
    Field("rainIntensity", "rain_intensity", Dimension.INTENSITY, 4),
    Field("snowIntensity", "snow_intensity", Dimension.INTENSITY, 4),
    Field("iceIntensity", "ice_intensity", Dimension.INTENSITY, 4),
)
_SKY = (
    Field("temperature", "temperature", Dimension.TEMPERATURE),
    Field("apparentTemperature", "apparent_temperature", Dimension.TEMPERATURE),
    Field("dewPoint", "dew_point", Dimension.TEMPERATURE),
    Field("humidity", "humidity"),
    Field("pressure", "pressure", Dimension.PRESSURE),
    Field("windSpeed", "wind_speed", Dimension.SPEED),
    Field("windGust", "wind_gust", Dimension.SPEED),
    Field("windBearing", "wind_bearing", decimals=0),
    Field("cloudCover", "cloud_cover"),
    Field("uvIndex", "uv_index"),
    Field("visibility", "visibility", Dimension.DISTANCE),
    Field("ozone", "ozone"),
)
_KIND = Field("precipType", "kind", decimals=TEXT)
_PRECIP_INTENSITY = Field("precipIntensity", "intensity", Dimension.INTENSITY, 4)
_ENERGY = (
    Field("feelsLike", "feels_like", Dimension.TEMPERATURE),
    Field("solar", "solar"),
    Field("cape", "cape", decimals=0),
)

# Of the columns of the minute that is now. The amounts since midnight replace the minute's own.
CURRENTLY = (
    _TIME,
    _PRECIP_INTENSITY,
    _KIND,
    *_INTENSITIES,
    *_SKY,
    _ENERGY[0],
    Field("currentDayIce", "ice_amount", Dimension.AMOUNT, 4),
    Field("currentDayLiquid", "liquid_amount", Dimension.AMOUNT, 4),
    Field("currentDaySnow", "snow_amount", Dimension.AMOUNT, 4),
    *_ENERGY[1:],
)

HOURLY = (
    _TIME,
    _PRECIP_INTENSITY,
    Field("precipAccumulation", "total_amount", Dimension.AMOUNT, 4),
    _KIND,
    *_INTENSITIES,
    *_SKY,
    Field("liquidAccumulation", "liquid_amount", Dimension.AMOUNT, 4),
    Field("snowAccumulation", "snow_amount", Dimension.AMOUNT, 4),
    Field("iceAccumulation", "ice_amount", Dimension.AMOUNT, 4),
    *_ENERGY,
)


def _given(name: str, decimals: int = 0) -> DailyField:
    return DailyField(name, "time", decimals=decimals, statistic=Statistic.GIVEN)


def _mean(field: Field) -> DailyField:
    return DailyField(field.name, field.column, field.dimension, field.decimals)


def _extreme(
    name: str,
    column: str,
    dimension: Dimension = Dimension.NONE,
    decimals: int = 2,
    statistic: Statistic = Statistic.MAXIMUM,
    window: Window = Window.DAY,
) -> tuple[DailyField, DailyField]:
    time = Statistic(statistic + 1)
    return (
        DailyField(name, column, dimension, decimals, statistic, window),
        DailyField(f"{name}Time", column, decimals=0, statistic=time, window=window),
    )


def _sum(name: str, column: str) -> DailyField:
    return DailyField(name, column, Dimension.AMOUNT, 4, Statistic.SUM)


def _intensity(name: str, column: str) -> tuple[DailyField, DailyField]:
    return (
        DailyField(name, column, Dimension.INTENSITY, 4),
        DailyField(f"{name}Max", column, Dimension.INTENSITY, 4, Statistic.MAXIMUM),
    )


def _high_low(name: str, column: str) -> tuple[DailyField, ...]:
    kelvin = Dimension.TEMPERATURE
    return (
        *_extreme(f"{name}High", column, kelvin, window=Window.DAYTIME),
        *_extreme(f"{name}Low", column, kelvin, statistic=Statistic.MINIMUM, window=Window.OVERNIGHT),
    )


def _range(name: str, column: str) -> tuple[DailyField, ...]:
    kelvin = Dimension.TEMPERATURE
    return (
        *_extreme(f"{name}Min", column, kelvin, statistic=Statistic.MINIMUM),
        *_extreme(f"{name}Max", column, kelvin),
    )


_MEANS = {field.name: _mean(field) for field in _SKY}

DAILY: tuple[DailyField, ...] = (
    _given("time"),
    _given("dawnTime"),
    _given("sunriseTime"),
    _given("sunsetTime"),
    _given("duskTime"),
    _given("moonPhase", 2),
    DailyField("precipIntensity", "intensity", Dimension.INTENSITY, 4),
    *_extreme("precipIntensityMax", "intensity", Dimension.INTENSITY, 4),
    _sum("precipAccumulation", "total_amount"),
    DailyField("precipType", "kind", decimals=TEXT, statistic=Statistic.KIND),
    *_intensity("rainIntensity", "rain_intensity"),
    *_intensity("snowIntensity", "snow_intensity"),
    *_intensity("iceIntensity", "ice_intensity"),
    *_high_low("temperature", "temperature"),
    *_high_low("apparentTemperature", "apparent_temperature"),
    _MEANS["dewPoint"],
    _MEANS["humidity"],
    _MEANS["pressure"],
    _MEANS["windSpeed"],
    DailyField("windGust", "wind_gust", Dimension.SPEED, statistic=Statistic.MAXIMUM),
    DailyField("windGustTime", "wind_gust", decimals=0, statistic=Statistic.MAXIMUM_TIME),
    DailyField("windBearing", "eastward_wind", decimals=0, statistic=Statistic.BEARING),
    _MEANS["cloudCover"],
    *_extreme("uvIndex", "uv_index"),
    _MEANS["visibility"],
    *_range("temperature", "temperature"),
    *_range("apparentTemperature", "apparent_temperature"),
    _sum("liquidAccumulation", "liquid_amount"),
    _sum("snowAccumulation", "snow_amount"),
    _sum("iceAccumulation", "ice_amount"),
    *_extreme("solarMax", "solar"),
    *_extreme("capeMax", "cape", decimals=0),
)
