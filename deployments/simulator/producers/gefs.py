"""How NCEP writes GEFS: a file a member, means of flags, buckets that reset every six hours."""

from __future__ import annotations

from dataclasses import replace

from deployments.simulator.producer import Decoy, Span
from deployments.simulator.producers.gfs import GFS
from storage.variables import Statistic
from tasks.wanted import Level, Parameter

GEFS = replace(
    GFS,
    process=107,
    digits={
        "air_temperature_2m": 2,
        "eastward_wind_10m": 2,
        "northward_wind_10m": 2,
        "precipitation_amount_surface": 2,
    },
    decoys=(
        Decoy("air_temperature_2m", "DPT", Parameter(0, 0, 6), shift=-3.0),
        Decoy("air_temperature_2m", "TMAX", Parameter(0, 0, 4), statistic=Statistic.MAXIMUM, span=Span.BUCKET),
        Decoy("eastward_wind_10m", "UGRD", None, Level(103, 80), "80 m above ground", scale=1.4),
    ),
)

PRODUCERS = {"gefs": GEFS}
