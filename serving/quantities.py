"""What an answer is made of before it is derived: each quantity, the catalogue names that can fill it, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from storage.variables import Interpolation, Statistic, Variable, variable


class Method(IntEnum):
    """How the merge kernel reads a quantity from a store's rows."""

    ABSENT = 0
    LINEAR = 1
    NEAREST = 2
    SHARE = 3
    HOLD_MEAN = 4
    HOLD_MINIMUM = 5
    HOLD_MAXIMUM = 6
    SOLAR = 7
    VECTOR = 8
    HUMIDITY_FROM_DEW_POINT = 9
    DEW_POINT_FROM_HUMIDITY = 10
    PRECIPITATION_KIND = 11


_HOLD = {
    Statistic.MINIMUM: Method.HOLD_MINIMUM,
    Statistic.MAXIMUM: Method.HOLD_MAXIMUM,
}
_METHODS = {
    Interpolation.LINEAR: Method.LINEAR,
    Interpolation.NEAREST: Method.NEAREST,
    Interpolation.SHARE: Method.SHARE,
    Interpolation.SOLAR: Method.SOLAR,
}


def method_of(row: Variable) -> Method:
    """The method that the catalogue asks for."""
    if row.interpolation is Interpolation.HOLD:
        return _HOLD.get(row.statistic, Method.HOLD_MEAN)
    return _METHODS[row.interpolation]


@dataclass(frozen=True)
class Recipe:
    """One way to fill a quantity: the catalogue names it needs, all of them unless the method says otherwise."""

    names: tuple[str, ...]
    method: Method
    factor: float = 1.0


@dataclass(frozen=True)
class Quantity:
    """A column of the merge. Of its recipes a store uses the first whose variables it holds."""

    name: str
    recipes: tuple[Recipe, ...]


def _plain(name: str, *names: str, factor: float = 1.0) -> Quantity:
    return Quantity(name, tuple(Recipe((each,), method_of(variable(each)), factor) for each in names))


_TEMPERATURE, _DEW_POINT, _HUMIDITY = "air_temperature_2m", "dew_point_temperature_2m", "relative_humidity_2m"
_WIND = ("eastward_wind_10m", "northward_wind_10m")
KIND_NAMES = (
    "precipitation_type_surface",
    "categorical_snow_surface",
    "categorical_ice_pellets_surface",
    "categorical_freezing_rain_surface",
    "categorical_rain_surface",
)

# Wind is two columns that always come from one store: the kernel fills `northward_wind` with `eastward_wind`.
# 18.9 x 0.025 turns GFS's UV-B flux (W m-2) into the UV index, as Pirate Weather documents it.
QUANTITIES = (
    _plain("temperature", _TEMPERATURE),
    Quantity(
        "dew_point",
        (
            Recipe((_DEW_POINT,), Method.LINEAR),
            Recipe((_TEMPERATURE, _HUMIDITY), Method.DEW_POINT_FROM_HUMIDITY),
        ),
    ),
    Quantity(
        "humidity",
        (
            Recipe((_HUMIDITY,), Method.LINEAR, 0.01),
            Recipe((_TEMPERATURE, _DEW_POINT), Method.HUMIDITY_FROM_DEW_POINT),
        ),
    ),
    _plain("feels_like", "apparent_temperature_2m"),
    Quantity("eastward_wind", (Recipe(_WIND, Method.VECTOR),)),
    Quantity("northward_wind", ()),
    _plain("wind_gust", "wind_gust_10m", "wind_gust_surface"),
    _plain("pressure", "air_pressure_mean_sea_level"),
    _plain("cloud_cover", "cloud_cover_atmosphere", factor=0.01),
    _plain("uv_index", "downward_uvb_flux_surface", factor=18.9 * 0.025),
    _plain("visibility", "visibility_surface"),
    _plain("ozone", "ozone_column_atmosphere"),
    _plain("solar", "downward_shortwave_flux_surface"),
    _plain("cape", "cape_surface"),
    _plain("cape_unstable", "cape_most_unstable"),
    _plain("amount", "precipitation_amount_surface"),
    _plain("rate", "precipitation_rate_surface", factor=3600.0),
    Quantity("kind", (Recipe(KIND_NAMES, Method.PRECIPITATION_KIND),)),
)
NAMES = tuple(quantity.name for quantity in QUANTITIES)
INDEX = {name: index for index, name in enumerate(NAMES)}
