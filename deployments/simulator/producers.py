"""How a producing centre writes its messages, by the kind of index it publishes; and what else lies in its files.

What a model calls its variables is said by the model's own rows. Here is what those rows need not know: centre and
table numbers, packing, where longitudes begin, how long a bucket is, and the messages that nobody wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from storage.grids import Box
from storage.variables import Statistic
from tasks.wanted import IndexKind, Level, Parameter, Product


class Packing(StrEnum):
    """How values become bits (ecCodes' names)."""

    COMPLEX = "grid_complex_spatial_differencing"
    CCSDS = "grid_ccsds"


class Span(StrEnum):
    """The hours a message speaks of, given the lead at its end."""

    INSTANT = "instant"
    BUCKET = "bucket"
    SINCE_START = "since_start"
    STEP = "step"


@dataclass(frozen=True)
class Decoy:
    """A message that lies beside the wanted variable `of` and is easily taken for it.

    It holds `scale` x the values of `of` + `shift` (catalogue's units), as `statistic` over `span`. `name`: short name
    of the index; `level_text`: NOAA's words for the level; `level_type`: ECMWF's. `second`: type of a second fixed
    surface. `product`: the file it lies in. None: as `of` has it.
    """

    of: str
    name: str
    parameter: Parameter | None = None
    level: Level | None = None
    level_text: str | None = None
    level_type: str | None = None
    statistic: Statistic = Statistic.INSTANT
    span: Span = Span.INSTANT
    second: int | None = None
    product: str | None = None
    scale: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True)
class Producer:
    """One centre's habits. `digits`: decimal places per variable where they are not the catalogue's precision.
    `second`: type of the second fixed surface per variable that has one.

    `first_longitude`: where rows begin. `bucket_hours`: after how many hours a bucket resets; 0 has none.
    `level_zero`: whether surfaces without a value are written with value 0 (NCEP) or as missing (ECMWF).
    `alternating_rows`: whether every other row runs backwards. `areas`: variables that are missing outside of a box.
    """

    centre: int
    process: int
    tables_version: int
    local_version: int
    packing: Packing
    first_longitude: float
    bucket_hours: int
    level_zero: bool
    digits: dict[str, int]
    second: dict[str, int]
    decoys: tuple[Decoy, ...]
    alternating_rows: bool = False
    areas: Mapping[str, Box] = field(default_factory=dict)


def _average(of: str, name: str, parameter: Parameter | None = None, scale: float = 1.0) -> Decoy:
    return Decoy(of, name, parameter, statistic=Statistic.MEAN, span=Span.BUCKET, scale=scale)


_TMP, _RH = Parameter(0, 0, 0), Parameter(0, 1, 1)
_U, _V = Parameter(0, 2, 2), Parameter(0, 2, 3)
_HIGH = "4000 m above ground"
_COLUMN = "entire atmosphere (considered as a single layer)"

NCEP = Producer(
    centre=7,
    process=96,
    tables_version=2,
    local_version=1,
    packing=Packing.COMPLEX,
    first_longitude=0.0,
    bucket_hours=6,
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
    second={},
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

ECMWF = Producer(
    centre=98,
    process=158,
    tables_version=32,
    local_version=1,
    packing=Packing.CCSDS,
    first_longitude=180.0,
    bucket_hours=0,
    level_zero=False,
    digits={},
    # From the surface to the nominal top of the atmosphere.
    second={"cloud_cover_atmosphere": 8},
    decoys=(
        Decoy("air_temperature_2m", "t", None, Level(100, 85_000), level_type="pl", shift=-7.0),
        Decoy("air_temperature_2m", "mx2t3", statistic=Statistic.MAXIMUM, span=Span.STEP),
        Decoy("eastward_wind_10m", "100u", None, Level(103, 100), scale=1.5),
        Decoy("northward_wind_10m", "100v", None, Level(103, 100), scale=1.5),
        Decoy(
            "precipitation_amount_surface",
            "ro",
            Parameter(2, 0, 201),
            statistic=Statistic.ACCUMULATION,
            span=Span.SINCE_START,
            scale=0.3,
        ),
    ),
)

PRODUCERS = {IndexKind.IDX: NCEP, IndexKind.ECMWF: ECMWF}


def producer_of(product: Product) -> Producer:
    return PRODUCERS[product.kind]
