"""How ECMWF writes AIFS: as IFS, in later tables, with amounts over no time at the start of a run."""

from __future__ import annotations

from dataclasses import replace

from deployments.simulator.producer import Decoy, Span
from deployments.simulator.producers.ifs import IFS
from storage.variables import Statistic
from tasks.wanted import Level, Parameter

AIFS = replace(
    IFS,
    process=4,
    tables_version=34,
    local_version=0,
    from_nothing=True,
    decoys=(
        Decoy("air_temperature_2m", "t", None, Level(100, 85_000), level_type="pl", shift=-7.0),
        Decoy("eastward_wind_10m", "100u", None, Level(103, 100), scale=1.5),
        Decoy("northward_wind_10m", "100v", None, Level(103, 100), scale=1.5),
        Decoy(
            "precipitation_amount_surface",
            "cp",
            Parameter(0, 1, 37),
            statistic=Statistic.ACCUMULATION,
            span=Span.SINCE_START,
            scale=0.4,
        ),
    ),
)

PRODUCERS = {"aifs": AIFS}
