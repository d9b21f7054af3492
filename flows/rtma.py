"""NOAA RTMA rapid update: how it is over the states at 2.5 km, every 15 minutes.

Names: the inventory of 2dvaranl_ndfd of 2026-09, 13 messages of the analysis in 84 MB, packed in the simplest way.
Messages say at which quarter of an hour they are; of their index lines wgrib2 drops the minutes. Speed and direction
lie beside the components, specific humidity beside the dew point, and say nothing more. Arrival: nobody has published
how long they take; others look after 25 minutes.
"""

from __future__ import annotations

from flows.flow import flow_of
from flows.model import Cycle, Model
from storage.grids import LambertGrid
from storage.schema import ANALYSIS, Freshness
from tasks.wanted import IndexKind, Level, Mirror, Parameter, Product, Wanted

SURFACE = Level(1)
TWO_METRES = Level(103, 2)
TEN_METRES = Level(103, 10)

_ABOVE_GROUND = "2 m above ground"
_WIND = "10 m above ground"
_PATH = "rtma2p5_ru.{init_time:%Y%m%d}/rtma2p5_ru.t{init_time:%H%M}z.2dvaranl_ndfd.grb2"

WANTED = (
    Wanted("air_pressure_surface", (Parameter(0, 3, 0),), SURFACE, ("PRES", "surface")),
    Wanted("air_temperature_2m", (Parameter(0, 0, 0),), TWO_METRES, ("TMP", _ABOVE_GROUND)),
    Wanted("dew_point_temperature_2m", (Parameter(0, 0, 6),), TWO_METRES, ("DPT", _ABOVE_GROUND)),
    Wanted("eastward_wind_10m", (Parameter(0, 2, 2),), TEN_METRES, ("UGRD", _WIND)),
    Wanted("northward_wind_10m", (Parameter(0, 2, 3),), TEN_METRES, ("VGRD", _WIND)),
    Wanted("wind_gust_surface", (Parameter(0, 2, 22),), TEN_METRES, ("GUST", _WIND)),
    Wanted("visibility_surface", (Parameter(0, 19, 0),), SURFACE, ("VIS", "surface")),
    Wanted(
        "ceiling_height_above_ground",
        (Parameter(0, 6, 13), Parameter(0, 3, 5)),
        Level(215),
        ("CEIL", "cloud ceiling"),
        required=False,
    ),
    Wanted(
        "cloud_cover_atmosphere",
        (Parameter(0, 6, 1),),
        Level(200),
        ("TCDC", "entire atmosphere (considered as a single layer)"),
        required=False,
    ),
)

STATIC = (Wanted("terrain_height_surface", (Parameter(0, 3, 5),), SURFACE, ("HGT", "surface"), required=False),)

NDFD = LambertGrid(1597, 2345, 19.229, 233.7234, 2539.703, 2539.703, 265.0, 25.0, 25.0, 6_371_200.0)

MODEL = Model(
    name="rtma",
    title="NOAA RTMA rapid update 2.5 km",
    cycles=(Cycle(tuple(range(24)), (0,), minutes=(0, 15, 30, 45)),),
    products=(Product("main", _PATH, _PATH + ".idx", IndexKind.IDX),),
    mirrors=(
        Mirror("aws", "https://noaa-rtma-pds.s3.amazonaws.com"),
        # NOMADS bears 120 requests a minute and answers more with a redirect.
        Mirror("nomads", "https://nomads.ncep.noaa.gov/pub/data/nccf/com/rtma/prod", per_minute=100),
    ),
    wanted=WANTED,
    freshness=Freshness(due_after=15 + 27, late_after=15 + 37, stale_after=60),
    attribution="NOAA/NCEP Real-Time Mesoscale Analysis, rapid update",
    licence="Public domain (US Government work)",
    bytes_per_message=6_500_000,
    bytes_per_value=2.0,
    grid=NDFD,
    retention=0,
    arrival=((0, 25),),
    grace=10,
    traits=(ANALYSIS,),
    static=STATIC,
)

rtma = flow_of(MODEL)
