"""The catalogue of quantities: CF names, units, valid range, int16 step, how a value behaves in time.

Sources: CF standard name table version 90; GRIB2 code table 4.201 for precipitation types.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Statistic(StrEnum):
    """What a value says about the interval that ends at its valid time (CF cell_methods)."""

    INSTANT = "instant"
    ACCUMULATION = "accumulation"
    MEAN = "mean"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


class Interpolation(StrEnum):
    """How a reader turns native steps into hours."""

    LINEAR = "linear"
    NEAREST = "nearest"
    SHARE = "share"
    HOLD = "hold"
    SOLAR = "solar"


@dataclass(frozen=True)
class Flag:
    """One value of a categorical variable and its CF flag_meanings word."""

    value: int
    meaning: str


@dataclass(frozen=True)
class Variable:
    """A quantity as every store spells it.

    `precision` is the wanted int16 step in `units`. `valid_min`..`valid_max` is what nature allows:
    a derived value outside it is missing, never clipped.
    SHARE spreads an interval's amount over its hours, HOLD repeats an interval's value,
    SOLAR spreads a mean flux by the sine of the sun's elevation.
    """

    name: str
    long_name: str
    units: str
    precision: float
    valid_min: float
    valid_max: float
    standard_name: str | None = None
    statistic: Statistic = Statistic.INSTANT
    interpolation: Interpolation = Interpolation.LINEAR
    flags: tuple[Flag, ...] = ()


class UnknownVariable(KeyError):
    """No such name in the catalogue."""


_YES_NO = (Flag(0, "no"), Flag(1, "yes"))

PRECIPITATION_TYPES = (
    Flag(0, "no_precipitation"),
    Flag(1, "rain"),
    Flag(2, "thunderstorm"),
    Flag(3, "freezing_rain"),
    Flag(4, "mixed_ice"),
    Flag(5, "snow"),
    Flag(6, "wet_snow"),
    Flag(7, "mixture_of_rain_and_snow"),
    Flag(8, "ice_pellets"),
    Flag(9, "graupel"),
    Flag(10, "hail"),
    Flag(11, "drizzle"),
    Flag(12, "freezing_drizzle"),
)


def _category(what: str) -> Variable:
    return Variable(
        f"categorical_{what}_surface",
        f"Categorical {what.replace('_', ' ')} at the surface",
        "1",
        1,
        0,
        1,
        interpolation=Interpolation.NEAREST,
        flags=_YES_NO,
    )


_ALL = (
    Variable("air_temperature_2m", "Air temperature at 2 m", "K", 0.01, 150, 350, "air_temperature"),
    Variable("dew_point_temperature_2m", "Dew point temperature at 2 m", "K", 0.01, 100, 330, "dew_point_temperature"),
    Variable("apparent_temperature_2m", "Apparent temperature at 2 m", "K", 0.01, 100, 400, "apparent_air_temperature"),
    Variable("relative_humidity_2m", "Relative humidity at 2 m", "%", 0.1, 0, 150, "relative_humidity"),
    Variable("eastward_wind_10m", "Eastward wind at 10 m", "m s-1", 0.01, -150, 150, "eastward_wind"),
    Variable("northward_wind_10m", "Northward wind at 10 m", "m s-1", 0.01, -150, 150, "northward_wind"),
    Variable("wind_gust_surface", "Wind gust at the surface", "m s-1", 0.01, 0, 200, "wind_speed_of_gust"),
    Variable(
        "wind_gust_10m",
        "Maximum wind gust at 10 m over the step",
        "m s-1",
        0.01,
        0,
        200,
        "wind_speed_of_gust",
        Statistic.MAXIMUM,
        Interpolation.HOLD,
    ),
    Variable(
        "air_pressure_mean_sea_level",
        "Air pressure reduced to mean sea level",
        "Pa",
        0.5,
        80_000,
        112_500,
        "air_pressure_at_mean_sea_level",
    ),
    Variable("air_pressure_surface", "Air pressure at the surface", "Pa", 1, 30_000, 115_000, "surface_air_pressure"),
    Variable("visibility_surface", "Visibility at the surface", "m", 2, 0, 100_000, "visibility_in_air"),
    Variable("cloud_cover_atmosphere", "Total cloud cover", "%", 0.1, 0, 100, "cloud_area_fraction"),
    Variable("cloud_cover_low", "Low cloud cover", "%", 0.1, 0, 100, "low_type_cloud_area_fraction"),
    Variable("cloud_cover_middle", "Middle cloud cover", "%", 0.1, 0, 100, "medium_type_cloud_area_fraction"),
    Variable("cloud_cover_high", "High cloud cover", "%", 0.1, 0, 100, "high_type_cloud_area_fraction"),
    Variable(
        "precipitable_water_atmosphere",
        "Precipitable water of the whole atmosphere",
        "kg m-2",
        0.01,
        0,
        150,
        "atmosphere_mass_content_of_water_vapor",
    ),
    Variable("ozone_column_atmosphere", "Total column ozone", "DU", 0.1, 0, 1_000),
    Variable("composite_reflectivity_atmosphere", "Composite reflectivity", "dBZ", 0.01, -100, 100),
    Variable(
        "cape_surface",
        "Convective available potential energy, surface based",
        "J kg-1",
        0.5,
        0,
        20_000,
        "atmosphere_convective_available_potential_energy_wrt_surface",
    ),
    Variable(
        "cape_most_unstable",
        "Convective available potential energy of the most unstable parcel",
        "J kg-1",
        0.5,
        0,
        20_000,
        "atmosphere_convective_available_potential_energy",
    ),
    Variable(
        "convective_inhibition_surface",
        "Convective inhibition, surface based",
        "J kg-1",
        0.1,
        # NCEP packs it with an arbitrary reference value: nought comes as up to 0.4 of the other sign.
        -1,
        5_000,
        "atmosphere_convective_inhibition_wrt_surface",
    ),
    Variable("temperature_surface", "Temperature of the surface (skin)", "K", 0.01, 150, 400, "surface_temperature"),
    Variable("snow_depth_surface", "Snow depth", "m", 0.001, 0, 60, "surface_snow_thickness"),
    Variable(
        "snow_water_equivalent_surface",
        "Water equivalent of the snow on the ground",
        "kg m-2",
        0.2,
        0,
        # IFS holds 10 m of it over glaciers.
        13_000,
        "surface_snow_amount",
    ),
    Variable(
        "precipitation_rate_surface",
        "Precipitation rate at the surface",
        "kg m-2 s-1",
        1e-6,
        0,
        0.2,
        "precipitation_flux",
    ),
    Variable(
        "precipitation_amount_surface",
        "Precipitation amount over the interval",
        "kg m-2",
        0.001,
        0,
        2_000,
        "precipitation_amount",
        Statistic.ACCUMULATION,
        Interpolation.SHARE,
    ),
    Variable(
        "downward_shortwave_flux_surface",
        "Downward shortwave flux at the surface, mean over the interval",
        "W m-2",
        0.05,
        0,
        1_600,
        "surface_downwelling_shortwave_flux_in_air",
        Statistic.MEAN,
        Interpolation.SOLAR,
    ),
    Variable(
        "downward_uvb_flux_surface",
        "Downward UV-B flux at the surface, mean over the interval",
        "W m-2",
        0.001,
        0,
        60,
        statistic=Statistic.MEAN,
        interpolation=Interpolation.SOLAR,
    ),
    _category("snow"),
    _category("ice_pellets"),
    _category("freezing_rain"),
    _category("rain"),
    Variable(
        "precipitation_type_surface",
        "Precipitation type at the surface (GRIB2 code table 4.201)",
        "1",
        1,
        0,
        255,
        interpolation=Interpolation.NEAREST,
        flags=PRECIPITATION_TYPES,
    ),
)

CATALOGUE: dict[str, Variable] = {variable.name: variable for variable in _ALL}


def variable(name: str) -> Variable:
    """The catalogue's row for `name`; raises UnknownVariable naming the closest spelling."""
    try:
        return CATALOGUE[name]
    except KeyError:
        from difflib import get_close_matches

        close = get_close_matches(name, CATALOGUE, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownVariable(f"no variable {name!r} in the catalogue{hint}") from None
