"""NOAA National Blend of Models, core: the states, 2.5 km, and Alaska, Hawaii, Puerto Rico and Guam.

Names: NCEP GRIB2 tables; an inventory of core f001 (2022-11), and lines of 2026. Leads are those of version 5 (since
2026-05): hourly to 48 h, and in the runs of 01Z, 07Z, 13Z and 19Z every three hours to 191 h, every six to 263 h; the
hours between hold next to nothing (measured 2026-10). Of the other runs, one of which was seen to end at 48 h, no more
than that is asked for. Core has no percentiles of what is taken here, and no pressure.

Wind is told by its speed and the direction that it blows from (GRIB2 code table 4.2-0-2, number 0), clockwise from true
north: bit 5 of the messages' flag table 3.3 is 0, easterly and northerly. Types of precipitation are probabilities
given that it precipitates: they add up to 100 where it hardly ever does.

Amounts and probabilities are over the hour, of all hours up to 48 h, and over the six or twelve hours that end at 00Z,
06Z, 12Z or 18Z and lie within the run. Thunderstorms are told over three hours, too, snow and ice over one to three
days and by percentiles; these are not taken. Arrival: the first files land 55 min after the init time; 1 h 45 min after
it others begin to ingest whole runs. Between these the leads are taken to land evenly.

Grids: MDL, which makes the blend, lists those of Alaska (1649 x 1105), Hawaii (625 x 561) and Puerto Rico (353 x 257)
in the table of its own tool (NOAA-MDL/tdlpackio, `_grid_definitions.py`, `_blend_*`). NDFD's grid of Puerto Rico, 339
x 225, is a smaller one. Digits beyond that table's, and Guam, are those of URMA on the same grids.
"""

from __future__ import annotations

from dataclasses import replace

from flows.flow import flow_of
from flows.model import Cycle, Model
from storage.grids import Grid, LambertGrid, MercatorGrid, PolarStereographicGrid
from storage.schema import Freshness
from storage.variables import Statistic
from tasks.components import Components
from tasks.wanted import Bucket, IndexKind, Level, Mirror, Parameter, Probability, Product, Wanted

SURFACE = Level(1)
TWO_METRES = Level(103, 2)
TEN_METRES = Level(103, 10)

_ABOVE_GROUND = "2 m above ground"
_WIND = "10 m above ground"
SIX_HOURLY = (0, 6, 12, 18)
HOURLY_TO = 48
SOME = Probability(above=0.254)
"""A hundredth of an inch."""


def _over(name: str, number: Parameter, idx: str, hours: int, chance: Probability | None = None) -> Wanted:
    return Wanted(
        f"{name}_{hours}h_surface",
        (number,),
        SURFACE,
        (idx, "surface"),
        statistic=Statistic.ACCUMULATION,
        bucket=Bucket.INTERVAL,
        over=hours,
        meaning=chance,
        from_lead=hours,
        to_lead=HOURLY_TO if hours == 1 else None,
        at_hours=() if hours == 1 else SIX_HOURLY[:: hours // 6],
        required=False,
    )


def _kind(name: str, first: int, last: int) -> Wanted:
    """Code table 4.201: from `first` to below `last`."""
    chance = Probability(first, last)
    parameters = (Parameter(0, 1, 19),)
    return Wanted(
        f"{name}_conditional_probability_surface",
        parameters,
        SURFACE,
        ("PTYPE", "surface"),
        meaning=chance,
        required=False,
    )


APCP, ASNOW, FICEAC, TSTM = (Parameter(0, 1, 8), Parameter(0, 1, 29), Parameter(0, 1, 228), Parameter(0, 19, 2))

EVERYWHERE = (
    Wanted("air_temperature_2m", (Parameter(0, 0, 0),), TWO_METRES, ("TMP", _ABOVE_GROUND)),
    Wanted("apparent_temperature_2m", (Parameter(0, 0, 21),), TWO_METRES, ("APTMP", _ABOVE_GROUND), required=False),
    Wanted("dew_point_temperature_2m", (Parameter(0, 0, 6),), TWO_METRES, ("DPT", _ABOVE_GROUND)),
    Wanted("relative_humidity_2m", (Parameter(0, 1, 1),), TWO_METRES, ("RH", _ABOVE_GROUND), required=False),
    Wanted("wind_speed_10m", (Parameter(0, 2, 1),), TEN_METRES, ("WIND", _WIND)),
    Wanted("wind_from_direction_10m", (Parameter(0, 2, 0),), TEN_METRES, ("WDIR", _WIND)),
    Wanted("wind_gust_surface", (Parameter(0, 2, 22),), TEN_METRES, ("GUST", _WIND), required=False),
    # All of the sky, whatever the level says; what lies at levels of NCEP's own has no meaning in its tables.
    Wanted("cloud_cover_atmosphere", (Parameter(0, 6, 1),), SURFACE, ("TCDC", "surface"), required=False),
    Wanted("visibility_surface", (Parameter(0, 19, 0),), SURFACE, ("VIS", "surface"), to_lead=78, required=False),
    Wanted("cape_surface", (Parameter(0, 7, 6),), SURFACE, ("CAPE", "surface"), required=False),
    Wanted(
        "downward_shortwave_flux_instant_surface",
        (Parameter(0, 4, 7),),
        SURFACE,
        ("DSWRF", "surface"),
        required=False,
    ),
    _over("precipitation_amount", APCP, "APCP", 1),
    _over("precipitation_amount", APCP, "APCP", 6),
    _over("precipitation_probability", APCP, "APCP", 1, SOME),
    _over("precipitation_probability", APCP, "APCP", 6, SOME),
    _over("precipitation_probability", APCP, "APCP", 12, SOME),
    _over("thunderstorm_probability", TSTM, "TSTM", 1),
    _over("thunderstorm_probability", TSTM, "TSTM", 6),
)
WINTER = (
    _over("snowfall_thickness", ASNOW, "ASNOW", 1),
    _over("snowfall_thickness", ASNOW, "ASNOW", 6),
    _over("ice_accretion", FICEAC, "FICEAC", 1),
    _over("ice_accretion", FICEAC, "FICEAC", 6),
    _kind("rain", 1, 2),
    _kind("freezing_rain", 3, 4),
    _kind("snow", 5, 7),
    _kind("ice_pellets", 8, 9),
)

LONG = (*range(1, 49), *range(50, 192, 3), *range(197, 264, 6))
LONG_RUNS = (1, 7, 13, 19)
CYCLES = (
    Cycle(LONG_RUNS, LONG),
    Cycle(tuple(hour for hour in range(24) if hour not in LONG_RUNS), LONG[:HOURLY_TO]),
)


RADIUS = 6_371_200.0
STATES_25 = LambertGrid(1597, 2345, 19.229, 233.7234, 2539.703, 2539.703, 265.0, 25.0, 25.0, RADIUS)
ALASKA_3_KM = PolarStereographicGrid(1105, 1649, 40.530101, 181.429, 2976.563, 2976.563, 210.0, 60.0, RADIUS)
HAWAII_25 = MercatorGrid(561, 625, 14.3515, 195.0305, 2500.0, 2500.0, 202.495, 20.0, RADIUS)
PUERTO_RICO_125 = MercatorGrid(257, 353, 16.828685, 291.804687, 1250.0, 1250.0, 293.9101, 20.0, RADIUS)
GUAM_25 = MercatorGrid(193, 193, 12.349884, 143.686538, 2500.0, 2500.0, 145.98, 20.0, RADIUS)


def _product(region: str) -> tuple[Product]:
    directory = "blend.{init_time:%Y%m%d}/{init_time:%H}/core/"
    path = directory + f"blend.t{{init_time:%H}}z.core.f{{lead:03d}}.{region}.grib2"
    return (Product("main", path, path + ".idx", IndexKind.IDX),)


NBM = Model(
    name="nbm",
    title="NOAA National Blend of Models 2.5 km",
    cycles=CYCLES,
    products=_product("co"),
    mirrors=(
        Mirror("aws", "https://noaa-nbm-grib2-pds.s3.amazonaws.com"),
        # NOMADS bears 120 requests a minute and answers more with a redirect.
        Mirror("nomads", "https://nomads.ncep.noaa.gov/pub/data/nccf/com/blend/prod", per_minute=100),
    ),
    wanted=(*EVERYWHERE, *WINTER),
    joints=(Components("wind_speed_10m", "wind_from_direction_10m", ("eastward_wind_10m", "northward_wind_10m")),),
    freshness=Freshness(due_after=60 + 120, late_after=60 + 165, stale_after=2 * 24 * 60),
    attribution="NOAA/NWS National Blend of Models",
    licence="Public domain (US Government work)",
    bytes_per_message=1_000_000,
    bytes_per_value=0.82,
    short_packed=0.5,
    grid=STATES_25,
    arrival=((0, 55), (263, 105)),
    grace=60,
    # Where the runs of other hours end.
    stages=(HOURLY_TO,),
    apart=3,
)


def _region(name: str, title: str, file: str, grid: Grid, wanted: tuple[Wanted, ...] = EVERYWHERE) -> Model:
    """Messages as long as their share of points."""
    return replace(
        NBM,
        name=f"nbm_{name}",
        title=f"NOAA National Blend of Models, {title}",
        products=_product(file),
        wanted=wanted,
        bytes_per_message=NBM.bytes_per_message * grid.ny * grid.nx // NBM.points,
        grid=grid,
    )


ALASKA = _region("alaska", "Alaska, 3 km", "ak", ALASKA_3_KM, NBM.wanted)
HAWAII = _region("hawaii", "Hawaii, 2.5 km", "hi", HAWAII_25)
PUERTO_RICO = _region("puerto_rico", "Puerto Rico, 1.25 km", "pr", PUERTO_RICO_125)
GUAM = _region("guam", "Guam, 2.5 km", "gu", GUAM_25)

nbm = flow_of(NBM)
nbm_alaska = flow_of(ALASKA)
nbm_hawaii = flow_of(HAWAII)
nbm_puerto_rico = flow_of(PUERTO_RICO)
nbm_guam = flow_of(GUAM)
