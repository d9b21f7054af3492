"""How ECMWF writes its open data, and what lies in them beside the wanted messages."""

from __future__ import annotations

from deployments.simulator.producer import Decoy, Packing, Producer, Span
from storage.variables import Statistic
from tasks.wanted import Level, Parameter

IFS = Producer(
    centre=98,
    process=158,
    tables_version=32,
    local_version=1,
    packing=Packing.CCSDS,
    bucket=0,
    level_zero=False,
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

PRODUCERS = {"ifs": IFS}
