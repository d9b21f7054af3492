"""NOAA GEFS, global 0.25 degrees: what its control and 30 members say together, four cycles a day, 3-240 h.

Names: inventories of pgrb2sp25, where flags of precipitation are means over the bucket, and buckets of 3 and 6 hours
take turns. Arrival: f000 lands about 240 min, f384 about 380 min after the init time (2026), between them a straight
line. The control counts as a member; NCEP's own mean and spread leave it out.
"""

from __future__ import annotations

from flows.flow import flow_of
from flows.model import Cycle, Model
from storage.grids import LatLonGrid
from storage.schema import Freshness
from storage.variables import Statistic
from tasks.ensemble import Kind, Precipitation, percentiles_of
from tasks.wanted import Bucket, IndexKind, Level, Mirror, Parameter, Product, Wanted

SURFACE = Level(1)
TWO_METRES = Level(103, 2)
TEN_METRES = Level(103, 10)

MEMBERS = tuple(range(31))
AT_LEAST = 20
"""Of 31 members: fewer move a percentile by more than members differ, and are no ensemble to publish."""

KINDS = ("rain", "snow", "ice_pellets", "freezing_rain")

_PATH = "gefs.{init_time:%Y%m%d}/{init_time:%H}/atmos/pgrb2sp25/ge{member}.t{init_time:%H}z.pgrb2s.0p25.f{lead:03d}"


def _category(name: str, idx: str, number: int) -> Wanted:
    return Wanted(
        f"categorical_{name}_surface",
        (Parameter(0, 1, number),),
        SURFACE,
        (idx, "surface"),
        statistic=Statistic.MEAN,
        bucket=Bucket.INTERVAL,
        from_lead=3,
    )


WANTED = (
    Wanted("air_temperature_2m", (Parameter(0, 0, 0),), TWO_METRES, ("TMP", "2 m above ground")),
    Wanted("eastward_wind_10m", (Parameter(0, 2, 2),), TEN_METRES, ("UGRD", "10 m above ground")),
    Wanted("northward_wind_10m", (Parameter(0, 2, 3),), TEN_METRES, ("VGRD", "10 m above ground")),
    Wanted(
        "precipitation_amount_surface",
        (Parameter(0, 1, 8),),
        SURFACE,
        ("APCP", "surface"),
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.INTERVAL,
        from_lead=3,
    ),
    _category("snow", "CSNOW", 195),
    _category("ice_pellets", "CICEP", 194),
    _category("freezing_rain", "CFRZR", 193),
    _category("rain", "CRAIN", 192),
)

GRID = LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440)

MODEL = Model(
    name="gefs",
    title="NOAA GEFS 0.25 degree, statistics of 31 members",
    cycles=(Cycle((0, 6, 12, 18), tuple(range(3, 241, 3))),),
    products=(
        Product(
            "main",
            _PATH,
            _PATH + ".idx",
            IndexKind.IDX,
            members=MEMBERS,
            files=("c00", *(f"p{member:02d}" for member in MEMBERS[1:])),
            at_least=AT_LEAST,
        ),
    ),
    mirrors=(
        Mirror("aws", "https://noaa-gefs-pds.s3.amazonaws.com"),
        Mirror("google", "https://storage.googleapis.com/gfs-ensemble-forecast-system"),
        # NOMADS bears 120 requests a minute and answers more with a redirect.
        Mirror("nomads", "https://nomads.ncep.noaa.gov/pub/data/nccf/com/gens/prod", per_minute=100),
    ),
    wanted=WANTED,
    joints=(
        percentiles_of("air_temperature", "2m", ("air_temperature_2m",), AT_LEAST),
        percentiles_of("wind_speed", "10m", ("eastward_wind_10m", "northward_wind_10m"), AT_LEAST),
        Precipitation(
            "precipitation_amount_surface",
            tuple(Kind(f"{kind}_probability_surface", f"categorical_{kind}_surface") for kind in KINDS),
            AT_LEAST,
        ),
    ),
    freshness=Freshness(due_after=360 + 345, late_after=360 + 400, stale_after=5 * 24 * 60),
    attribution="NOAA/NCEP Global Ensemble Forecast System",
    licence="Public domain (US Government work)",
    bytes_per_message=320_000,
    bytes_per_value=0.7,
    grid=GRID,
    arrival=((3, 241), (240, 328)),
    # Of what has been, analyses and single forecasts tell; nobody reads how likely it was.
    retention=0,
    grace=60,
)

gefs = flow_of(MODEL)
