"""What nature allows the mean of a field, per variable. A variable without a row gets what the catalogue says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from storage.catalogue.ensemble import PERCENTS
from storage.variables import Interpolation, Variable


@dataclass(frozen=True)
class Limits:
    """How a field of a variable may look, over an area of any size, a single cell too. In the variable's units.

    lowest, highest: the mean of a field. swing: how far that mean moves within a day, and the average cell from one
    lead to the next. rests: whether a field may stay as it was over the whole area. gaps: whether it may lack any part
    of its cells, which come and go.
    Amounts are per hour.
    """

    lowest: float
    highest: float
    swing: float = math.inf
    rests: bool = False
    gaps: bool = False


# Means hold the records of single stations (WMO archive of weather and climate extremes): 184 to 330 K, 870 to 1084 hPa
# at sea level, gusts of 113 m/s, 305 mm of rain in an hour. Swings are wide guesses, for a front or a hurricane's eye
# over a single cell; no real run at hand (2026-11) came to a fifth of one.
LIMITS = {
    "air_temperature_2m": Limits(180, 335, 60),
    "dew_point_temperature_2m": Limits(165, 315, 60),
    "apparent_temperature_2m": Limits(160, 350, 75),
    "temperature_surface": Limits(175, 355, 75),
    "relative_humidity_2m": Limits(1.5, 115),
    "eastward_wind_10m": Limits(-75, 75, 100),
    "northward_wind_10m": Limits(-75, 75, 100),
    "wind_gust_surface": Limits(0, 120, 100),
    "wind_gust_10m": Limits(0, 120, 100),
    "air_pressure_mean_sea_level": Limits(85_000, 109_000, 12_000),
    "air_pressure_surface": Limits(31_000, 110_000, 12_000),
    "ozone_column_atmosphere": Limits(70, 650, 250),
    "reflectivity_1000m": Limits(-40, 80),
    "downward_shortwave_flux_instant_surface": Limits(0, 1_400),
    # Smoke and snow begin: where the last run had none, this one may have any.
    "smoke_mass_density_8m": Limits(0, 1e-4, rests=True),
    "snowfall_thickness_surface": Limits(0, 0.5, rests=True),
    "precipitation_rate_surface": Limits(0, 0.1),
    "precipitation_amount_surface": Limits(0, 350),
    "precipitation_amount_1h_surface": Limits(0, 350),
    "precipitation_amount_6h_surface": Limits(0, 350),
    "snowfall_thickness_1h_surface": Limits(0, 0.5),
    "snowfall_thickness_6h_surface": Limits(0, 0.5),
    "ice_accretion_1h_surface": Limits(0, 50),
    "ice_accretion_6h_surface": Limits(0, 50),
    "snowfall_amount_surface": Limits(0, 100),
    "storm_distance_surface": Limits(0, 1_000_000, rests=True, gaps=True),
    "storm_bearing_surface": Limits(0, 360, rests=True, gaps=True),
    "snow_depth_surface": Limits(0, 60, 5, rests=True),
    "snow_water_equivalent_surface": Limits(0, 13_000, 1_000, rests=True),
    **{f"air_temperature_p{percent}_2m": Limits(180, 335, 60) for percent in PERCENTS},
    **{f"wind_speed_p{percent}_10m": Limits(0, 100, 100) for percent in PERCENTS},
    **{f"precipitation_amount_{what}_surface": Limits(0, 350) for what in ("mean", "spread", "p50", "p90")},
    # Of ten members nine may be dry everywhere, and of some kinds all.
    "precipitation_amount_p10_surface": Limits(0, 350, rests=True),
    **{
        f"{kind}_probability_surface": Limits(0, 100, rests=True)
        for kind in ("rain", "snow", "ice_pellets", "freezing_rain")
    },
}


def limits_of(variable: Variable) -> Limits:
    """The row of a variable, or the catalogue's valid range. Categories may rest: it may rain nowhere for hours."""
    row = LIMITS.get(variable.name)
    rests = variable.interpolation is Interpolation.NEAREST
    return row or Limits(variable.valid_min, variable.valid_max, rests=rests)
