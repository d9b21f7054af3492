"""ECMWF IFS ensemble, open data, global 0.25 degrees: what its 50 members say together.

Names: cycle 50r1 (2026-05), where all members lie in one file, and the control, which is the run of `ifs`, lies there
no more: older files hold it, and it is left out. Arrival: a run is whole on AWS just under 480 min after its init
time, 870 min at the worst (2026).
"""

from __future__ import annotations

from dataclasses import replace

from flows import ifs as deterministic
from flows.flow import flow_of
from flows.model import Cycle
from storage.schema import Freshness
from tasks.ensemble import Kind, Precipitation, percentiles_of
from tasks.wanted import IndexKind, Product

MEMBERS = tuple(range(1, 51))
AT_LEAST = 33
"""Of 50 members, as 20 are of GEFS' 31."""

KINDS = {
    "rain": (1, 2, 7, 11),
    "snow": (5, 6, 9),
    "ice_pellets": (4, 8, 10),
    "freezing_rain": (3, 12),
}
"""Of GRIB2 code table 4.201."""

_PATH = "{init_time:%Y%m%d}/{init_time:%H}z/ifs/0p25/enfo/{init_time:%Y%m%d%H}0000-{lead}h-enfo-ef"
_ROWS = {row.name: row for row in deterministic.WANTED}

WANTED = (
    _ROWS["air_temperature_2m"],
    _ROWS["eastward_wind_10m"],
    _ROWS["northward_wind_10m"],
    _ROWS["precipitation_amount_surface"],
    # Counts where any amount has fallen, so never at the start.
    replace(_ROWS["precipitation_type_surface"], from_lead=3),
)

MODEL = replace(
    deterministic.MODEL,
    name="ifs_ens",
    title="ECMWF IFS ensemble 0.25 degree open data, statistics of 50 members",
    cycles=(
        Cycle((0, 12), (*range(0, 145, 3), *range(150, 361, 6))),
        Cycle((6, 18), tuple(range(0, 145, 3))),
    ),
    products=(
        Product("main", _PATH + ".grib2", _PATH + ".index", IndexKind.ECMWF, members=MEMBERS, at_least=AT_LEAST),
    ),
    wanted=WANTED,
    joints=(
        percentiles_of("air_temperature", "2m", ("air_temperature_2m",), AT_LEAST),
        percentiles_of("wind_speed", "10m", ("eastward_wind_10m", "northward_wind_10m"), AT_LEAST),
        Precipitation(
            "precipitation_amount_surface",
            tuple(
                Kind(f"{kind}_probability_surface", "precipitation_type_surface", codes)
                for kind, codes in KINDS.items()
            ),
            AT_LEAST,
        ),
    ),
    freshness=Freshness(due_after=360 + 490, late_after=360 + 580, stale_after=5 * 24 * 60),
    attribution="ECMWF open data, IFS ensemble forecast",
    bytes_per_message=500_000,
    bytes_per_value=0.7,
    arrival=((0, 350), (90, 400), (144, 420), (360, 478)),
    # Of what has been, analyses and single forecasts tell; nobody reads how likely it was.
    retention=0,
    grace=90,
    # Encoding what 50 members say twice costs more than an hour of waiting for it.
    stages=(),
    # Of the same ground.
    static=(),
)

ifs_ens = flow_of(MODEL)
