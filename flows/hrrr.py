"""NOAA HRRR, 3 km: the states hourly and every 15 minutes, and Alaska.

Names: NCEP GRIB2 tables; inventories of wrfsfcf, wrfsubhf and wrfsfcf.ak (2022 to 2025). Arrival: leads of the states
begin to land about 50 min after the init time; runs of 48 h are complete after 105 to 120 min, half of them by 1 h
47 min (1,653 runs, 2026-07). Between these the leads are taken to land evenly, and the 15-minute files with them.
"""

from __future__ import annotations

from dataclasses import replace

from flows.flow import flow_of
from flows.model import Cycle, Model
from storage.grids import LambertGrid, PolarStereographicGrid
from storage.schema import Freshness
from storage.variables import Statistic
from tasks.wanted import Bucket, IndexKind, Level, Mirror, Parameter, Product, Wanted

SURFACE = Level(1)
ATMOSPHERE = Level(10)
COLUMN = Level(200)
TWO_METRES = Level(103, 2)
TEN_METRES = Level(103, 10)

_ABOVE_GROUND = "2 m above ground"
_WIND = "10 m above ground"
_COLUMN = "entire atmosphere (considered as a single layer)"


def _product(file: str, every: int = 60) -> tuple[Product]:
    path = "hrrr.{init_time:%Y%m%d}/" + file
    return (Product("main", path, path + ".idx", IndexKind.IDX, every=every),)


def _category(name: str, idx: str, number: int) -> Wanted:
    # HRRR writes WMO's numbers, other models of NCEP's the local ones that are as many as 159 higher.
    parameters = (Parameter(0, 1, number), Parameter(0, 1, number + 159))
    return Wanted(f"categorical_{name}_surface", parameters, SURFACE, (idx, "surface"))


def _cloud(layer: str, idx: str, number: int, level: int) -> Wanted:
    text = f"{layer} cloud layer"
    return Wanted(f"cloud_cover_{layer}", (Parameter(0, 6, number),), Level(level), (idx, text), required=False)


# In the files of every hour and of every quarter of an hour.
BOTH = (
    Wanted(
        "composite_reflectivity_atmosphere",
        (Parameter(0, 16, 196), Parameter(0, 16, 5)),
        ATMOSPHERE,
        ("REFC", "entire atmosphere"),
        required=False,
    ),
    Wanted(
        "reflectivity_1000m",
        (Parameter(0, 16, 195), Parameter(0, 16, 4)),
        Level(103, 1000),
        ("REFD", "1000 m above ground"),
        required=False,
    ),
    Wanted("visibility_surface", (Parameter(0, 19, 0),), SURFACE, ("VIS", "surface")),
    Wanted("wind_gust_surface", (Parameter(0, 2, 22),), SURFACE, ("GUST", "surface")),
    Wanted("air_pressure_surface", (Parameter(0, 3, 0),), SURFACE, ("PRES", "surface")),
    Wanted("air_temperature_2m", (Parameter(0, 0, 0),), TWO_METRES, ("TMP", _ABOVE_GROUND)),
    Wanted("dew_point_temperature_2m", (Parameter(0, 0, 6),), TWO_METRES, ("DPT", _ABOVE_GROUND)),
    Wanted("eastward_wind_10m", (Parameter(0, 2, 2),), TEN_METRES, ("UGRD", _WIND)),
    Wanted("northward_wind_10m", (Parameter(0, 2, 3),), TEN_METRES, ("VGRD", _WIND)),
    Wanted("precipitation_rate_surface", (Parameter(0, 1, 7),), SURFACE, ("PRATE", "surface")),
    # Amounts of the hour or the quarter, beside totals of the run.
    Wanted(
        "precipitation_amount_surface",
        (Parameter(0, 1, 8),),
        SURFACE,
        ("APCP", "surface"),
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.INTERVAL,
        from_lead=0.25,
    ),
    _category("snow", "CSNOW", 36),
    _category("ice_pellets", "CICEP", 35),
    _category("freezing_rain", "CFRZR", 34),
    _category("rain", "CRAIN", 33),
)

HOURLY = (
    *BOTH,
    Wanted(
        "air_pressure_mean_sea_level",
        # By the method that MAPS had.
        (Parameter(0, 3, 198),),
        Level(101),
        ("MSLMA", "mean sea level"),
    ),
    Wanted("temperature_surface", (Parameter(0, 0, 0),), SURFACE, ("TMP", "surface"), required=False),
    Wanted("relative_humidity_2m", (Parameter(0, 1, 1),), TWO_METRES, ("RH", _ABOVE_GROUND)),
    Wanted(
        "smoke_mass_density_8m",
        (Parameter(0, 20, 0),),
        Level(103, 8),
        ("MASSDEN", "8 m above ground"),
        required=False,
    ),
    Wanted("snow_depth_surface", (Parameter(0, 1, 11),), SURFACE, ("SNOD", "surface"), required=False),
    Wanted("snow_water_equivalent_surface", (Parameter(0, 1, 13),), SURFACE, ("WEASD", "surface"), required=False),
    Wanted(
        "snowfall_thickness_surface",
        (Parameter(0, 1, 29),),
        SURFACE,
        ("ASNOW", "surface"),
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.SINCE_START,
        from_lead=1,
        required=False,
    ),
    Wanted("cape_surface", (Parameter(0, 7, 6),), SURFACE, ("CAPE", "surface")),
    # NCEP counts inhibition below nought.
    Wanted(
        "convective_inhibition_surface",
        (Parameter(0, 7, 7),),
        SURFACE,
        ("CIN", "surface"),
        factor=-1.0,
        required=False,
    ),
    Wanted("precipitable_water_atmosphere", (Parameter(0, 1, 3),), COLUMN, ("PWAT", _COLUMN), required=False),
    _cloud("low", "LCDC", 3, 214),
    _cloud("middle", "MCDC", 4, 224),
    _cloud("high", "HCDC", 5, 234),
    Wanted("cloud_cover_atmosphere", (Parameter(0, 6, 1),), ATMOSPHERE, ("TCDC", "entire atmosphere")),
    Wanted(
        "downward_shortwave_flux_instant_surface",
        (Parameter(0, 4, 7), Parameter(0, 4, 192)),
        SURFACE,
        ("DSWRF", "surface"),
    ),
)

QUARTERLY = (
    *BOTH,
    # The mean of the quarter; the flux of the moment lies beside it.
    Wanted(
        "downward_shortwave_flux_surface",
        (Parameter(0, 4, 7), Parameter(0, 4, 192)),
        SURFACE,
        ("DSWRF", "surface"),
        statistic=Statistic.MEAN,
        bucket=Bucket.INTERVAL,
        from_lead=0.25,
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

STATES_3_KM = LambertGrid(1059, 1799, 21.138123, 237.280472, 3000.0, 3000.0, 262.5, 38.5, 38.5, 6_371_229.0)
ALASKA_3_KM = PolarStereographicGrid(919, 1299, 41.612949, 185.117126, 3000.0, 3000.0, 225.0, 60.0, 6_371_229.0)

EVERY_HOUR = tuple(range(24))
LONG, SHORT = tuple(range(49)), tuple(range(19))


def _cycles(every: int) -> tuple[Cycle, Cycle]:
    hours = [hour for hour in range(0, 24, every) if hour % 6]
    return Cycle((0, 6, 12, 18), LONG), Cycle(tuple(hours), SHORT)


HRRR = Model(
    name="hrrr",
    title="NOAA HRRR 3 km",
    cycles=_cycles(every=1),
    products=_product("conus/hrrr.t{init_time:%H}z.wrfsfcf{lead:02d}.grib2"),
    mirrors=(
        Mirror("aws", "https://noaa-hrrr-bdp-pds.s3.amazonaws.com"),
        Mirror("google", "https://storage.googleapis.com/high-resolution-rapid-refresh"),
        # NOMADS bears 120 requests a minute and answers more with a redirect.
        Mirror("nomads", "https://nomads.ncep.noaa.gov/pub/data/nccf/com/hrrr/prod", per_minute=100),
    ),
    wanted=HOURLY,
    storm="precipitation_rate_surface",
    freshness=Freshness(due_after=60 + 125, late_after=60 + 140, stale_after=16 * 60),
    attribution="NOAA/NCEP High-Resolution Rapid Refresh",
    licence="Public domain (US Government work)",
    bytes_per_message=850_000,
    bytes_per_value=0.8,
    grid=STATES_3_KM,
    arrival=((0, 50), (48, 107)),
    grace=30,
    # Where the runs of other hours end, 36 minutes before the last lead of these.
    stages=(18,),
    apart=3,
    static=STATIC,
)

SUBH = replace(
    HRRR,
    name="hrrr_subh",
    title="NOAA HRRR 3 km, every 15 minutes",
    cycles=(Cycle(EVERY_HOUR, SHORT),),
    products=_product("conus/hrrr.t{init_time:%H}z.wrfsubhf{lead:02d}.grib2", every=15),
    wanted=QUARTERLY,
    storm=None,
    freshness=Freshness(due_after=60 + 100, late_after=60 + 115, stale_after=4 * 60),
    arrival=((0, 50), (18, 72)),
    stages=(),
    # Of the same ground.
    static=(),
)

ALASKA = replace(
    HRRR,
    name="hrrr_alaska",
    title="NOAA HRRR 3 km, Alaska",
    cycles=_cycles(every=3),
    products=_product("alaska/hrrr.t{init_time:%H}z.wrfsfcf{lead:02d}.ak.grib2"),
    # Of Alaska's arrival no figures are at hand: that of the states, and as long again to wait.
    freshness=Freshness(due_after=180 + 150, late_after=180 + 175, stale_after=16 * 60),
    grid=ALASKA_3_KM,
    bytes_per_message=550_000,
    grace=60,
)

hrrr = flow_of(HRRR)
hrrr_subh = flow_of(SUBH)
hrrr_alaska = flow_of(ALASKA)
