"""How NCEP writes RTMA: one moment on the grid of NDFD, winds along it, packed in the simplest way."""

from __future__ import annotations

from deployments.simulator.producer import Decoy, Packing, Producer
from tasks.wanted import Parameter

RTMA = Producer(
    centre=7,
    process=109,
    tables_version=1,
    local_version=1,
    packing=Packing.SIMPLE,
    bucket=0,
    level_zero=True,
    along_grid=True,
    decoys=(
        Decoy("eastward_wind_10m", "WDIR", Parameter(0, 2, 0)),
        Decoy("eastward_wind_10m", "WIND", Parameter(0, 2, 1)),
    ),
)

PRODUCERS = {"rtma": RTMA}
