"""Rain and snow: how much, of which kind, and what of it lies on the ground."""

from __future__ import annotations

from storage.variable import Flag, Interpolation, Statistic, Variable

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


WATER = (
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
        "snowfall_thickness_surface",
        "Thickness of the snow that fell over the interval",
        "m",
        0.0001,
        0,
        6,
        "thickness_of_snowfall_amount",
        Statistic.ACCUMULATION,
        Interpolation.SHARE,
    ),
    Variable(
        "snowfall_amount_surface",
        "Water equivalent of the snow that fell over the interval",
        "kg m-2",
        0.01,
        0,
        600,
        "snowfall_amount",
        Statistic.ACCUMULATION,
        Interpolation.SHARE,
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
    # Between two leads the nearest storm may be another one: a line between them would tell of none.
    Variable(
        "storm_distance_surface",
        "Distance to the nearest storm within 1000 km, 0 within one",
        "m",
        100,
        0,
        1_000_000,
        interpolation=Interpolation.NEAREST,
    ),
    Variable(
        "storm_bearing_surface",
        "Bearing of the nearest storm, clockwise from north; missing within one",
        "degree",
        1,
        0,
        360,
        interpolation=Interpolation.NEAREST,
    ),
)
