"""How NCEP writes GFS: names and numbers of pgrb2.0p25, and what lies in it beside the wanted messages."""

from __future__ import annotations

from deployments.simulator.producer import Decoy, Packing, Producer, Span
from storage.variables import Statistic
from tasks.wanted import Level, Parameter


def _average(of: str, name: str, parameter: Parameter | None = None, scale: float = 1.0) -> Decoy:
    return Decoy(of, name, parameter, statistic=Statistic.MEAN, span=Span.BUCKET, scale=scale)


_TMP, _RH = Parameter(0, 0, 0), Parameter(0, 1, 1)
_U, _V = Parameter(0, 2, 2), Parameter(0, 2, 3)
_HIGH = "4000 m above ground"
_COLUMN = "entire atmosphere (considered as a single layer)"

GFS = Producer(
    centre=7,
    process=96,
    tables_version=2,
    local_version=1,
    packing=Packing.COMPLEX,
    bucket=360,
    level_zero=True,
    digits={
        "air_temperature_2m": 1,
        "temperature_surface": 1,
        "dew_point_temperature_2m": 1,
        "apparent_temperature_2m": 1,
        "wind_gust_surface": 1,
        "cape_surface": 0,
        "convective_inhibition_surface": 0,
        "cloud_cover_atmosphere": 0,
        "cloud_cover_low": 0,
        "cloud_cover_middle": 0,
        "cloud_cover_high": 0,
        "precipitation_rate_surface": 8,
    },
    decoys=(
        Decoy("air_pressure_mean_sea_level", "MSLET", Parameter(0, 3, 192), shift=70.0),
        Decoy("composite_reflectivity_atmosphere", "REFD", Parameter(0, 16, 195), Level(103, 4000), _HIGH, shift=-4.0),
        Decoy("air_temperature_2m", "TMP", _TMP, Level(100, 85_000), "850 mb", shift=-7.0),
        Decoy("air_temperature_2m", "TMP", _TMP, Level(1), "surface", shift=1.5),
        Decoy("air_temperature_2m", "TMP", _TMP, Level(100, 87_500), "875 mb", shift=-6.0, product="secondary"),
        Decoy("relative_humidity_2m", "RH", _RH, Level(200), _COLUMN, scale=0.8),
        Decoy("eastward_wind_10m", "UGRD", _U, Level(103, 80), "80 m above ground", scale=1.4),
        Decoy("northward_wind_10m", "VGRD", _V, Level(103, 80), "80 m above ground", scale=1.4),
        _average("precipitation_rate_surface", "PRATE"),
        _average("categorical_rain_surface", "CRAIN"),
        _average("cloud_cover_atmosphere", "TCDC"),
        _average("downward_shortwave_flux_surface", "USWRF", Parameter(0, 4, 193), 0.2),
        _average("downward_uvb_flux_surface", "CDUVB", Parameter(0, 4, 195), 1.2),
        Decoy("precipitation_amount_surface", "APCP", statistic=Statistic.ACCUMULATION, span=Span.SINCE_START),
        Decoy("cape_surface", "CAPE", None, Level(108, 18_000), "180-0 mb above ground", second=108, scale=1.3),
    ),
)

PRODUCERS = {"gfs": GFS}
