"""NOAA GFS, global 0.25 degrees, four cycles a day, 0-384 h.

Names: NCEP GRIB2 tables, GRIB1 table 2 (ON388); inventories of pgrb2.0p25 and pgrb2b.0p25. Arrival: f000 lands
3 h 40 min, f384 5 h 16 min to 5 h 19 min after the init time (2026-05); 99 of 100 runs are complete by 5 h 35 min.
"""

from __future__ import annotations

from flows.flow import flow_of
from flows.model import Cycle, Model
from storage.grids import LatLonGrid
from storage.schema import Freshness
from storage.variables import Statistic
from tasks.wanted import Bucket, IndexKind, Level, Mirror, Parameter, Product, Wanted

SURFACE = Level(1)
ATMOSPHERE = Level(10)
TWO_METRES = Level(103, 2)
TEN_METRES = Level(103, 10)

_DIRECTORY = "gfs.{init_time:%Y%m%d}/{init_time:%H}/atmos/"


def _product(name: str, file: str, grace: int = 0) -> Product:
    path = _DIRECTORY + f"gfs.t{{init_time:%H}}z.{file}.0p25.f{{lead:03d}}"
    return Product(name, path, path + ".idx", IndexKind.IDX, grace)


def _category(name: str, idx: str, number: int, grib1: str) -> Wanted:
    return Wanted(f"categorical_{name}_surface", (Parameter(0, 1, number),), SURFACE, (idx, "surface"), grib1=(grib1,))


WANTED = (
    Wanted(
        "composite_reflectivity_atmosphere",
        (Parameter(0, 16, 196), Parameter(0, 16, 5)),
        ATMOSPHERE,
        ("REFC", "entire atmosphere"),
        required=False,
    ),
    Wanted("visibility_surface", (Parameter(0, 19, 0),), SURFACE, ("VIS", "surface"), grib1=("vis",)),
    Wanted("wind_gust_surface", (Parameter(0, 2, 22),), SURFACE, ("GUST", "surface"), grib1=("gust", "2.180")),
    Wanted(
        "air_pressure_mean_sea_level",
        (Parameter(0, 3, 1),),
        Level(101),
        ("PRMSL", "mean sea level"),
        grib1=("prmsl", "msl"),
    ),
    Wanted("air_pressure_surface", (Parameter(0, 3, 0),), SURFACE, ("PRES", "surface"), grib1=("sp",)),
    Wanted("air_temperature_2m", (Parameter(0, 0, 0),), TWO_METRES, ("TMP", "2 m above ground"), grib1=("t", "2t")),
    Wanted(
        "dew_point_temperature_2m", (Parameter(0, 0, 6),), TWO_METRES, ("DPT", "2 m above ground"), grib1=("dpt", "2d")
    ),
    Wanted("relative_humidity_2m", (Parameter(0, 1, 1),), TWO_METRES, ("RH", "2 m above ground"), grib1=("r", "2r")),
    Wanted("apparent_temperature_2m", (Parameter(0, 0, 21),), TWO_METRES, ("APTMP", "2 m above ground")),
    Wanted("eastward_wind_10m", (Parameter(0, 2, 2),), TEN_METRES, ("UGRD", "10 m above ground"), grib1=("u", "10u")),
    Wanted("northward_wind_10m", (Parameter(0, 2, 3),), TEN_METRES, ("VGRD", "10 m above ground"), grib1=("v", "10v")),
    Wanted("precipitation_rate_surface", (Parameter(0, 1, 7),), SURFACE, ("PRATE", "surface"), grib1=("prate",)),
    Wanted(
        "precipitation_amount_surface",
        (Parameter(0, 1, 8),),
        SURFACE,
        ("APCP", "surface"),
        grib1=("tp",),
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.INTERVAL,
        from_lead=1,
    ),
    _category("snow", "CSNOW", 195, "2.143"),
    _category("ice_pellets", "CICEP", 194, "2.142"),
    _category("freezing_rain", "CFRZR", 193, "2.141"),
    _category("rain", "CRAIN", 192, "2.140"),
    Wanted("cape_surface", (Parameter(0, 7, 6),), SURFACE, ("CAPE", "surface"), grib1=("cape", "2.157")),
    Wanted(
        "ozone_column_atmosphere",
        (Parameter(0, 14, 0),),
        Level(200),
        ("TOZNE", "entire atmosphere (considered as a single layer)"),
    ),
    Wanted("cloud_cover_atmosphere", (Parameter(0, 6, 1),), ATMOSPHERE, ("TCDC", "entire atmosphere"), grib1=("tcc",)),
    Wanted(
        "downward_shortwave_flux_surface",
        (Parameter(0, 4, 192), Parameter(0, 4, 7)),
        SURFACE,
        ("DSWRF", "surface"),
        grib1=("dswrf", "2.204"),
        statistic=Statistic.MEAN,
        bucket=Bucket.INTERVAL,
        from_lead=1,
    ),
    Wanted(
        "downward_uvb_flux_surface",
        (Parameter(0, 4, 194), Parameter(0, 4, 12)),
        SURFACE,
        ("DUVB", "surface"),
        statistic=Statistic.MEAN,
        bucket=Bucket.INTERVAL,
        product="secondary",
        from_lead=1,
        required=False,
    ),
)

STATIC = (
    Wanted("terrain_height_surface", (Parameter(0, 3, 5),), SURFACE, ("HGT", "surface"), required=False),
    Wanted(
        "land_share_surface",
        (Parameter(2, 0, 0),),
        SURFACE,
        ("LAND", "surface"),
        required=False,
    ),
)

GRID = LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440)

MODEL = Model(
    name="gfs",
    title="NOAA GFS 0.25 degree",
    cycles=(Cycle((0, 6, 12, 18), (*range(121), *range(123, 385, 3))),),
    # One job of NCEP's makes both files of a lead, pgrb2 first.
    products=(_product("main", "pgrb2"), _product("secondary", "pgrb2b", grace=5)),
    mirrors=(
        Mirror("aws", "https://noaa-gfs-bdp-pds.s3.amazonaws.com"),
        Mirror("google", "https://storage.googleapis.com/global-forecast-system"),
        # NOMADS bears 120 requests a minute and answers more with a redirect.
        Mirror("nomads", "https://nomads.ncep.noaa.gov/pub/data/nccf/com/gfs/prod", per_minute=100),
    ),
    wanted=WANTED,
    storm="precipitation_rate_surface",
    freshness=Freshness(due_after=360 + 330, late_after=360 + 400, stale_after=5 * 24 * 60),
    attribution="NOAA/NCEP Global Forecast System",
    licence="Public domain (US Government work)",
    bytes_per_message=600_000,
    bytes_per_value=0.88,
    grid=GRID,
    arrival=((0, 220), (384, 318)),
    grace=70,
    # Hourly leads end here. They land 67 minutes before the last one; encoding them twice costs half an ingest more.
    stages=(120,),
    retention=12 * 24,
    static=STATIC,
)

gfs = flow_of(MODEL)
