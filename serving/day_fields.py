"""The fields of a local day and of its two halves, in the order they are written: statistics of columns over hours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from serving.fields import SKY, STATION_PRESSURE, TEXT, Field
from serving.units import Dimension


class Statistic(IntEnum):
    """What a field tells of its column's hours. HIGH_OR_LOW: the maximum by day, the minimum by night."""

    MEAN = 0
    SUM = 1
    MAXIMUM = 2
    MAXIMUM_TIME = 3
    MINIMUM = 4
    MINIMUM_TIME = 5
    BEARING = 6
    KIND = 7
    GIVEN = 8
    HIGH_OR_LOW = 9


class Window(IntEnum):
    """Which hours of a local day: all of it, after 06:00 up to 18:00, after 18:00 up to 06:00 of the next."""

    DAY = 0
    DAYTIME = 1
    OVERNIGHT = 2


@dataclass(frozen=True)
class DayField(Field):
    """A field of a day: a statistic of a column over a window. GIVEN fields are filled by name (sun, moon, icon)."""

    statistic: Statistic = Statistic.MEAN
    window: Window = Window.DAY


def _given(name: str, decimals: int = 0, version: int = 1) -> DayField:
    return DayField(name, "time", decimals=decimals, version=version, statistic=Statistic.GIVEN)


def _of(field: Field, statistic: Statistic = Statistic.MEAN) -> DayField:
    """The field of a point as a statistic."""
    return DayField(
        field.name, field.column, field.dimension, field.decimals, field.version, field.extra, field.past, statistic
    )


def _with_time(field: DayField) -> tuple[DayField, DayField]:
    """An extreme, and when it is reached."""
    return field, DayField(
        f"{field.name}Time",
        field.column,
        decimals=0,
        version=field.version,
        past=field.past,
        statistic=Statistic(field.statistic + 1),
        window=field.window,
    )


def _extreme(
    name: str,
    column: str,
    dimension: Dimension = Dimension.NONE,
    decimals: int = 2,
    version: int = 1,
    past: bool = True,
    statistic: Statistic = Statistic.MAXIMUM,
    window: Window = Window.DAY,
) -> tuple[DayField, DayField]:
    return _with_time(DayField(name, column, dimension, decimals, version, None, past, statistic, window))


def _sum(name: str, column: str, version: int = 1) -> DayField:
    return DayField(name, column, Dimension.AMOUNT, 4, version, statistic=Statistic.SUM)


def _intensity(name: str, column: str) -> tuple[DayField, DayField]:
    return (
        DayField(name, column, Dimension.INTENSITY, 4, version=2),
        DayField(f"{name}Max", column, Dimension.INTENSITY, 4, version=2, statistic=Statistic.MAXIMUM),
    )


def _high_low(name: str, column: str) -> tuple[DayField, ...]:
    kelvin = Dimension.TEMPERATURE
    return (
        *_extreme(f"{name}High", column, kelvin, window=Window.DAYTIME),
        *_extreme(f"{name}Low", column, kelvin, statistic=Statistic.MINIMUM, window=Window.OVERNIGHT),
    )


def _range(name: str, column: str) -> tuple[DayField, ...]:
    kelvin = Dimension.TEMPERATURE
    return (
        *_extreme(f"{name}Min", column, kelvin, statistic=Statistic.MINIMUM),
        *_extreme(f"{name}Max", column, kelvin),
    )


_MEANS = {field.name: _of(field) for field in SKY}
_GUST = _of(next(field for field in SKY if field.name == "windGust"), Statistic.MAXIMUM)
_UV = _of(next(field for field in SKY if field.name == "uvIndex"), Statistic.MAXIMUM)
_BEARING = DayField("windBearing", "eastward_wind", decimals=0, statistic=Statistic.BEARING)
_ICON = DayField("icon", "time", decimals=TEXT, statistic=Statistic.GIVEN)
_MEAN_INTENSITY = DayField("precipIntensity", "intensity", Dimension.INTENSITY, 4)
_MOST_INTENSITY = DayField("precipIntensityMax", "intensity", Dimension.INTENSITY, 4, statistic=Statistic.MAXIMUM)
_PROBABILITY = DayField("precipProbability", "probability", past=False, statistic=Statistic.MAXIMUM)
_KIND = DayField("precipType", "kind", decimals=TEXT, statistic=Statistic.KIND)
_KINDS = (
    *_intensity("rainIntensity", "rain_intensity"),
    *_intensity("snowIntensity", "snow_intensity"),
    *_intensity("iceIntensity", "ice_intensity"),
)
_AMOUNTS = (
    _sum("liquidAccumulation", "liquid_amount", 2),
    _sum("snowAccumulation", "snow_amount", 2),
    _sum("iceAccumulation", "ice_amount", 2),
)
_OZONE = DayField("ozone", "ozone")
_STATION = DayField(STATION_PRESSURE, "surface_pressure", Dimension.PRESSURE, extra=STATION_PRESSURE)

DAILY: tuple[DayField, ...] = (
    _given("time"),
    _ICON,
    _given("dawnTime", version=2),
    _given("sunriseTime"),
    _given("sunsetTime"),
    _given("duskTime", version=2),
    _given("moonriseTime", version=2),
    _given("moonsetTime", version=2),
    _given("moonPhase", 2),
    _MEAN_INTENSITY,
    *_with_time(_MOST_INTENSITY),
    _PROBABILITY,
    _sum("precipAccumulation", "total_amount"),
    _KIND,
    *_KINDS,
    *_high_low("temperature", "temperature"),
    *_high_low("apparentTemperature", "apparent_temperature"),
    _MEANS["dewPoint"],
    _MEANS["humidity"],
    _MEANS["pressure"],
    _MEANS["windSpeed"],
    *_with_time(_GUST),
    _BEARING,
    _MEANS["cloudCover"],
    *_with_time(_UV),
    _MEANS["visibility"],
    _OZONE,
    *_range("temperature", "temperature"),
    *_range("apparentTemperature", "apparent_temperature"),
    *_extreme("smokeMax", "smoke", Dimension.DENSITY, version=2),
    *_AMOUNTS,
    *_extreme("fireIndexMax", "fire_index", version=2),
    *_extreme("solarMax", "solar", version=2, past=False),
    *_extreme("capeMax", "cape", decimals=0, version=2, past=False),
    _STATION,
)

DAY_NIGHT: tuple[DayField, ...] = (
    _given("time"),
    _ICON,
    _MEAN_INTENSITY,
    _MOST_INTENSITY,
    *_KINDS,
    _PROBABILITY,
    _sum("precipAccumulation", "total_amount"),
    _KIND,
    _of(SKY[0], Statistic.HIGH_OR_LOW),
    _of(SKY[1], Statistic.HIGH_OR_LOW),
    _MEANS["dewPoint"],
    _MEANS["humidity"],
    _MEANS["pressure"],
    _MEANS["windSpeed"],
    _GUST,
    _BEARING,
    _MEANS["cloudCover"],
    _UV,
    _MEANS["visibility"],
    _OZONE,
    DayField("smoke", "smoke", Dimension.DENSITY, version=2),
    *_AMOUNTS,
    DayField("fireIndex", "fire_index", version=2),
    DayField("solar", "solar", version=2),
    DayField("cape", "cape", decimals=0, version=2),
    _STATION,
)
