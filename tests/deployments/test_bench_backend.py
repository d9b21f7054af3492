"""The back end that is measured alone does all of the back end's work."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deployments.bench.backend import backend_seconds
from storage.grids import LatLonGrid
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band

LEADS = (0, 60, 120)
GRID = LatLonGrid(10.0, -1.0, 13, 0.0, 1.0, 27)


def test_it_writes_the_bytes_of_a_store(tmp_path: Path) -> None:
    variables = tuple(
        StoredVariable(variable(name), 0.01, 0.0, (0,) * len(LEADS))
        for name in ("air_temperature_2m", "wind_gust_surface")
    )
    schema = StoreSchema(
        "gfs", datetime(2026, 4, 20, tzinfo=UTC), LEADS, variables, GRID, Freshness(1, 2, 3), "NOAA", "free"
    )
    random = np.random.default_rng(0)
    maps = {name: random.uniform(-99, 99, (len(LEADS), *GRID.shape)).astype(np.float32) for name in schema.names}

    def values(name: str, rows: range) -> NDArray[np.float32]:
        return maps[name][:, rows.start : rows.stop]

    with StoreWriter(tmp_path / "store.zarr.zip", schema) as writer:
        for row in range(2):
            rows = range(10 * row, min(10 * row + 10, GRID.ny))
            writer.append(encode_band(schema, row, lambda name, rows=rows: values(name, rows)))
    assert backend_seconds(schema, values, [0, 1], tmp_path / "rows") > 0
    # The first row goes through twice.
    whole, both = (tmp_path / "store.zarr.zip").read_bytes(), (tmp_path / "rows").read_bytes()
    once = both.index(b"forecast/c/0/0/0/0", 31) - 30
    assert whole.startswith(both[once:])
