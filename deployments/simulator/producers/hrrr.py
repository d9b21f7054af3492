"""How NCEP writes HRRR: winds along the grid, an amount of the hour or the quarter beside that of the run."""

from __future__ import annotations

from dataclasses import replace

from deployments.simulator.producer import Decoy, Packing, Producer, Span
from storage.variables import Statistic
from tasks.wanted import Level, Parameter

_SIXTEENTHS = (
    "composite_reflectivity_atmosphere",
    "reflectivity_1000m",
    "wind_gust_surface",
    "temperature_surface",
    "air_temperature_2m",
    "dew_point_temperature_2m",
    "eastward_wind_10m",
    "northward_wind_10m",
)
_LAYERS = tuple(f"cloud_cover_{layer}" for layer in ("low", "middle", "high", "atmosphere"))
_ECHO = Parameter(0, 16, 195)
_TMP, _TCDC, _CAPE = Parameter(0, 0, 0), Parameter(0, 6, 1), Parameter(0, 7, 6)
_U, _V, _SPEED = Parameter(0, 2, 2), Parameter(0, 2, 3), Parameter(0, 2, 1)
_HIGH = "80 m above ground"


def _over(of: str, name: str, statistic: Statistic, parameter: Parameter | None = None, scale: float = 1.0) -> Decoy:
    return Decoy(of, name, parameter, statistic=statistic, span=Span.BUCKET, scale=scale)


_BOTH = (
    Decoy("reflectivity_1000m", "REFD", _ECHO, Level(103, 4000), "4000 m above ground", shift=-4.0),
    Decoy("eastward_wind_10m", "UGRD", _U, Level(103, 80), _HIGH, scale=1.4),
    Decoy("northward_wind_10m", "VGRD", _V, Level(103, 80), _HIGH, scale=1.4),
)

HOURLY = Producer(
    centre=7,
    process=83,
    tables_version=2,
    local_version=1,
    packing=Packing.COMPLEX,
    bucket=60,
    level_zero=True,
    along_grid=True,
    from_nothing=True,
    digits={
        "visibility_surface": -2,
        "air_pressure_surface": -1,
        "air_pressure_mean_sea_level": -1,
        "relative_humidity_2m": 1,
        "precipitation_rate_surface": 6,
        "precipitation_amount_surface": 3,
        "snow_depth_surface": 4,
        "snow_water_equivalent_surface": 1,
        "snowfall_thickness_surface": 4,
        "smoke_mass_density_8m": 11,
        "cape_surface": -1,
        "convective_inhibition_surface": -1,
        "precipitable_water_atmosphere": 1,
        "downward_shortwave_flux_surface": 1,
        "downward_shortwave_flux_instant_surface": 1,
    },
    binary=dict.fromkeys(_SIXTEENTHS, -4) | dict.fromkeys(_LAYERS, -3),
    decoys=(
        *_BOTH,
        Decoy("composite_reflectivity_atmosphere", "REFD", _ECHO, Level(20, 263), "263 K level", shift=-3.0),
        Decoy("air_temperature_2m", "TMP", _TMP, Level(100, 50_000), "500 mb", shift=-30.0),
        Decoy("air_temperature_2m", "POT", Parameter(0, 0, 2), shift=2.0),
        _over("eastward_wind_10m", "MAXUW", Statistic.MAXIMUM, Parameter(0, 2, 222)),
        _over("northward_wind_10m", "WIND", Statistic.MAXIMUM, _SPEED, 1.1),
        Decoy("precipitation_amount_surface", "APCP", statistic=Statistic.ACCUMULATION, span=Span.SINCE_START),
        Decoy("cloud_cover_low", "TCDC", _TCDC, Level(211), "boundary layer cloud layer", scale=0.9),
        Decoy("cape_surface", "CAPE", _CAPE, Level(108, 18_000), "180-0 mb above ground", second=108, scale=1.3),
        Decoy("downward_shortwave_flux_instant_surface", "VBDSF", Parameter(0, 4, 200), scale=0.7),
    ),
)

QUARTERLY = replace(
    HOURLY,
    bucket=15,
    in_minutes=True,
    decoys=(
        *_BOTH,
        Decoy("eastward_wind_10m", "UGRD", statistic=Statistic.MEAN, span=Span.FIVE_MINUTES),
        Decoy("northward_wind_10m", "VGRD", statistic=Statistic.MEAN, span=Span.FIVE_MINUTES),
        Decoy("downward_shortwave_flux_surface", "DSWRF"),
        _over("downward_shortwave_flux_surface", "VBDSF", Statistic.MEAN, Parameter(0, 4, 200), 0.7),
        _over("precipitation_amount_surface", "FROZR", Statistic.ACCUMULATION, Parameter(0, 1, 227), 0.3),
    ),
)

PRODUCERS = {"hrrr": HOURLY, "hrrr_subh": QUARTERLY, "hrrr_alaska": HOURLY}
