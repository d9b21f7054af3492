"""What an answer is made of before it is derived: each quantity, the catalogue names that can fill it, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from storage.variables import Interpolation, Statistic, Variable, variable


class Group(IntEnum):
    """Quantities that are sought in the same order of models: serving.preference has the orders."""

    WEATHER = 0
    PRECIPITATION = 1
    CHANCE = 2


class Method(IntEnum):
    """How the merge kernel reads a quantity from a store's rows; those from PRECIPITATION_KIND on after all others."""

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
    SOLAR_INSTANT = 11
    PRECIPITATION_KIND = 12
    KIND_BY_CHANCE = 13
    STORM = 14


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
    """A column of the merge. A store uses the recipes whose variables it holds, the first that tells an hour.

    blends: where one model ends and another goes on, its last hours pass over to the other's. instead: the quantity in
    whose place it is used, where that one is missing, and not sought elsewhere.
    """

    name: str
    recipes: tuple[Recipe, ...]
    group: Group = Group.WEATHER
    blends: bool = False
    instead: str | None = None


def _plain(
    name: str,
    *names: str,
    factor: float = 1.0,
    group: Group = Group.WEATHER,
    blends: bool = True,
    instead: str | None = None,
) -> Quantity:
    recipes = tuple(Recipe((each,), method_of(variable(each)), factor) for each in names)
    return Quantity(name, recipes, group, blends, instead)


_TEMPERATURE, _DEW_POINT, _HUMIDITY = "air_temperature_2m", "dew_point_temperature_2m", "relative_humidity_2m"
_WIND = ("eastward_wind_10m", "northward_wind_10m")
KIND_NAMES = (
    "precipitation_type_surface",
    "categorical_snow_surface",
    "categorical_ice_pellets_surface",
    "categorical_freezing_rain_surface",
    "categorical_rain_surface",
)
# In the order of the flags.
CHANCE_NAMES = (
    "snow_conditional_probability_surface",
    "ice_pellets_conditional_probability_surface",
    "freezing_rain_conditional_probability_surface",
    "rain_conditional_probability_surface",
)
_RAIN, _CHANCE = Group.PRECIPITATION, Group.CHANCE

# Wind is two columns that always come from one store: the kernel fills `northward_wind` with `eastward_wind`, and a
# storm's bearing with its distance.
# 18.9 x 0.025 turns GFS's UV-B flux (W m-2) into the UV index, as Pirate Weather documents it.
# Of NBM's probabilities only those of the hour are of an hour: in six or twelve it rains more often.
QUANTITIES = (
    _plain("temperature", _TEMPERATURE),
    Quantity(
        "dew_point",
        (
            Recipe((_DEW_POINT,), Method.LINEAR),
            Recipe((_TEMPERATURE, _HUMIDITY), Method.DEW_POINT_FROM_HUMIDITY),
        ),
        blends=True,
    ),
    Quantity(
        "humidity",
        (
            Recipe((_HUMIDITY,), Method.LINEAR, 0.01),
            Recipe((_TEMPERATURE, _DEW_POINT), Method.HUMIDITY_FROM_DEW_POINT),
        ),
        blends=True,
    ),
    _plain("feels_like", "apparent_temperature_2m"),
    Quantity("eastward_wind", (Recipe(_WIND, Method.VECTOR),), blends=True),
    Quantity("northward_wind", ()),
    _plain("wind_gust", "wind_gust_10m", "wind_gust_surface"),
    _plain("pressure", "air_pressure_mean_sea_level"),
    _plain("surface_pressure", "air_pressure_surface"),
    _plain("cloud_cover", "cloud_cover_atmosphere", factor=0.01),
    _plain("uv_index", "downward_uvb_flux_surface", factor=18.9 * 0.025),
    _plain("visibility", "visibility_surface"),
    _plain("ozone", "ozone_column_atmosphere"),
    Quantity(
        "solar",
        (
            Recipe(("downward_shortwave_flux_surface",), Method.SOLAR),
            Recipe(("downward_shortwave_flux_instant_surface",), Method.SOLAR_INSTANT),
        ),
        blends=True,
    ),
    _plain("cape", "cape_surface"),
    _plain("cape_unstable", "cape_most_unstable", instead="cape"),
    _plain("smoke", "smoke_mass_density_8m"),
    _plain(
        "amount",
        "precipitation_amount_surface",
        "precipitation_amount_1h_surface",
        "precipitation_amount_6h_surface",
        group=_RAIN,
        blends=False,
    ),
    _plain("rate", "precipitation_rate_surface", factor=3600.0, group=_RAIN, blends=False, instead="amount"),
    _plain(
        "probability",
        "precipitation_probability_1h_surface",
        "precipitation_probability_surface",
        factor=0.01,
        group=_CHANCE,
        blends=False,
    ),
    _plain("amount_spread", "precipitation_amount_spread_surface", group=_CHANCE, blends=False),
    Quantity("storm_distance", (Recipe(("storm_distance_surface", "storm_bearing_surface"), Method.STORM),), _RAIN),
    Quantity("storm_bearing", (), _RAIN),
    Quantity(
        "kind",
        (Recipe(KIND_NAMES, Method.PRECIPITATION_KIND), Recipe(CHANCE_NAMES, Method.KIND_BY_CHANCE)),
        _RAIN,
    ),
)
NAMES = tuple(quantity.name for quantity in QUANTITIES)
FALLING = tuple(
    quantity.group is not Group.WEATHER or quantity.name in ("temperature", "eastward_wind", "northward_wind")
    for quantity in QUANTITIES
)
"""Whether each is needed where only what falls is told: its kind goes by temperature, how deep snow is by wind, too."""
INDEX = {name: index for index, name in enumerate(NAMES)}
