"""ECMWF AIFS Single open data, global 0.25 degrees, a model that learned the weather: four cycles a day, 0-360 h.

Names: inventories of 2025-03; identities: ecCodes' parameter database. Unlike IFS, amounts are kg m-2 and cover is per
cent; up to 2025-02-25, below `aifs/`, amounts were metres. There is no type of precipitation and no gust. Arrival: runs
are complete 5 h 15 min after the init time; when lead 0 lands nobody measured: 15 min before is taken.
"""

from __future__ import annotations

from flows.flow import flow_of
from flows.model import Cycle, Model
from storage.grids import LatLonGrid
from storage.schema import AI, Freshness
from storage.variables import Statistic
from tasks.wanted import Bucket, IndexKind, Level, Mirror, Parameter, Product, Wanted

SURFACE = Level(1)
TWO_METRES = Level(103, 2)
TEN_METRES = Level(103, 10)

_PATH = "{init_time:%Y%m%d}/{init_time:%H}z/aifs-single/0p25/oper/{init_time:%Y%m%d%H}0000-{lead}h-oper-fc"


def _cloud(layer: str, param: str, number: int) -> Wanted:
    return Wanted(f"cloud_cover_{layer}", (Parameter(0, 6, number),), SURFACE, param=param, required=False)


def _amount(name: str, number: int, param: str, required: bool = True) -> Wanted:
    """Since the run's start, kg m-2. The same amount in metres (0.1.193) must not pass for it."""
    return Wanted(
        name,
        (Parameter(0, 1, number),),
        SURFACE,
        param=param,
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.SINCE_START,
        from_lead=6,
        required=required,
    )


WANTED = (
    Wanted("air_pressure_mean_sea_level", (Parameter(0, 3, 0), Parameter(0, 3, 1)), Level(101), param="msl"),
    Wanted("air_pressure_surface", (Parameter(0, 3, 0),), SURFACE, param="sp", required=False),
    Wanted("air_temperature_2m", (Parameter(0, 0, 0),), TWO_METRES, param="2t"),
    Wanted("dew_point_temperature_2m", (Parameter(0, 0, 6),), TWO_METRES, param="2d"),
    Wanted("temperature_surface", (Parameter(0, 0, 17), Parameter(0, 0, 0)), SURFACE, param="skt", required=False),
    Wanted("eastward_wind_10m", (Parameter(0, 2, 2),), TEN_METRES, param="10u"),
    Wanted("northward_wind_10m", (Parameter(0, 2, 3),), TEN_METRES, param="10v"),
    # Of a rate (0.1.52) and the rate of snowfall (0.1.53), summed up.
    _amount("precipitation_amount_surface", 52, "tp"),
    _amount("snowfall_amount_surface", 53, "sf", required=False),
    # A fraction would be 0.6.192.
    Wanted("cloud_cover_atmosphere", (Parameter(0, 6, 1),), SURFACE, param="tcc"),
    _cloud("low", "lcc", 3),
    _cloud("middle", "mcc", 4),
    _cloud("high", "hcc", 5),
    Wanted(
        "downward_shortwave_flux_surface",
        (Parameter(0, 4, 7),),
        SURFACE,
        param="ssrd",
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.SINCE_START,
        rate=True,
        from_lead=6,
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
    name="aifs",
    title="ECMWF AIFS Single 0.25 degree open data",
    cycles=(Cycle((0, 6, 12, 18), tuple(range(0, 361, 6))),),
    products=(Product("main", _PATH + ".grib2", _PATH + ".index", IndexKind.ECMWF),),
    mirrors=(
        Mirror("aws", "https://ecmwf-forecasts.s3.eu-central-1.amazonaws.com"),
        # Half a minute behind.
        Mirror("google", "https://storage.googleapis.com/ecmwf-open-data"),
        Mirror("ecmwf", "https://data.ecmwf.int/forecasts"),
    ),
    wanted=WANTED,
    freshness=Freshness(due_after=360 + 330, late_after=360 + 400, stale_after=5 * 24 * 60),
    attribution="ECMWF open data, AIFS Single",
    licence="CC-BY-4.0",
    bytes_per_message=850_000,
    bytes_per_value=1.2,
    grid=GRID,
    arrival=((0, 300), (360, 315)),
    grace=75,
    # CCSDS.
    by_eccodes=True,
    traits=(AI,),
    static=STATIC,
)

aifs = flow_of(MODEL)
