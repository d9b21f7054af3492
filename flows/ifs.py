"""ECMWF IFS open data, global 0.25 degrees, stream oper.

Names: cycle 50r1 (2026-05), where 06Z and 18Z are `oper` too. Arrival: 0 h lands 5 h 45 min after the
init time, 90 h 6 h 12 min, 144 h, where 06Z and 18Z end, 6 h 27 min, 360 h 7 h 34 min.
"""

from __future__ import annotations

from flows.flow import flow_of
from flows.model import Cycle, Model
from storage.grids import LatLonGrid
from storage.schema import Freshness
from storage.variables import Statistic
from tasks.wanted import Bucket, IndexKind, Level, Mirror, Parameter, Product, Wanted

SURFACE = Level(1)
TWO_METRES = Level(103, 2)
TEN_METRES = Level(103, 10)

_PATH = "{init_time:%Y%m%d}/{init_time:%H}z/ifs/0p25/oper/{init_time:%Y%m%d%H}0000-{lead}h-oper-fc"

WANTED = (
    Wanted(
        "air_pressure_mean_sea_level", (Parameter(0, 3, 0), Parameter(0, 3, 1)), Level(101), param="msl", grib1=("msl",)
    ),
    Wanted("air_temperature_2m", (Parameter(0, 0, 0),), TWO_METRES, param="2t", grib1=("2t",)),
    Wanted("dew_point_temperature_2m", (Parameter(0, 0, 6),), TWO_METRES, param="2d", grib1=("2d",)),
    Wanted("eastward_wind_10m", (Parameter(0, 2, 2),), TEN_METRES, param="10u", grib1=("10u",)),
    Wanted("northward_wind_10m", (Parameter(0, 2, 3),), TEN_METRES, param="10v", grib1=("10v",)),
    Wanted(
        "wind_gust_10m",
        (Parameter(0, 2, 22),),
        TEN_METRES,
        param="10fg",
        # ecCodes names the maximum by its period, and the period follows the steps.
        param_aliases=("10fg3", "10fg6"),
        grib1=("10fg",),
        statistic=Statistic.MAXIMUM,
        from_lead=3,
        required=False,
    ),
    Wanted("precipitation_rate_surface", (Parameter(0, 1, 52),), SURFACE, param="tprate"),
    Wanted(
        "precipitation_amount_surface",
        # Metres. The same amount in kg m-2 has other numbers, and must not pass for this one.
        (Parameter(0, 1, 193),),
        SURFACE,
        param="tp",
        grib1=("tp",),
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.SINCE_START,
        factor=1000.0,
        from_lead=3,
    ),
    Wanted("precipitation_type_surface", (Parameter(0, 1, 19),), SURFACE, param="ptype"),
    # A fraction; in percent it would be 0.6.1.
    Wanted("cloud_cover_atmosphere", (Parameter(0, 6, 192),), SURFACE, param="tcc", grib1=("tcc",), factor=100.0),
    Wanted("air_pressure_surface", (Parameter(0, 3, 0),), SURFACE, param="sp", grib1=("sp",), required=False),
    Wanted("cape_most_unstable", (Parameter(0, 7, 6),), Level(17), param="mucape", required=False),
    Wanted(
        "downward_shortwave_flux_surface",
        (Parameter(0, 4, 7),),
        SURFACE,
        param="ssrd",
        grib1=("ssrd",),
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.SINCE_START,
        rate=True,
        from_lead=3,
        required=False,
    ),
)

STATIC = (
    # Geopotential, m2 s-2, by the gravity that ECMWF takes.
    Wanted(
        "terrain_height_surface",
        (Parameter(0, 3, 4),),
        SURFACE,
        param="z",
        factor=1 / 9.80665,
        required=False,
    ),
    Wanted("land_share_surface", (Parameter(2, 0, 0),), SURFACE, param="lsm", required=False),
)

GRID = LatLonGrid(90.0, -0.25, 721, 180.0, 0.25, 1440)

MODEL = Model(
    name="ifs",
    title="ECMWF IFS 0.25 degree open data",
    cycles=(
        Cycle((0, 12), (*range(0, 145, 3), *range(150, 361, 6))),
        Cycle((6, 18), tuple(range(0, 145, 3))),
    ),
    products=(Product("main", _PATH + ".grib2", _PATH + ".index", IndexKind.ECMWF),),
    mirrors=(
        Mirror("aws", "https://ecmwf-forecasts.s3.eu-central-1.amazonaws.com"),
        Mirror("google", "https://storage.googleapis.com/ecmwf-open-data"),
        Mirror("ecmwf", "https://data.ecmwf.int/forecasts"),
    ),
    wanted=WANTED,
    freshness=Freshness(due_after=360 + 460, late_after=360 + 540, stale_after=5 * 24 * 60),
    attribution="ECMWF open data, IFS high-resolution forecast",
    licence="CC-BY-4.0",
    bytes_per_message=700_000,
    bytes_per_value=1.2,
    grid=GRID,
    arrival=((0, 345), (90, 372), (144, 387), (360, 454)),
    grace=75,
    # Three-hourly leads end here, and 06Z and 18Z do: 67 minutes before the last one of 00Z and 12Z.
    stages=(144,),
    # CCSDS.
    by_eccodes=True,
    static=STATIC,
)

ifs = flow_of(MODEL)
