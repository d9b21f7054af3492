"""Small stores of made-up values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import Grid, LatLonGrid
from storage.layout import SHARD, shard_grid
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import Statistic, variable
from storage.writer import StoreWriter, encode_band

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
SMALL = LatLonGrid(52.0, -0.25, 13, -3.0, 0.25, 15)


@dataclass(frozen=True)
class MadeStore:
    """A store and what was written into it: name -> [time, y, x], NaN = missing."""

    path: Path
    schema: StoreSchema
    values: dict[str, NDArray[np.float32]]


@pytest.fixture(scope="session")
def make_schema() -> Callable[..., StoreSchema]:
    """make_schema(grid, leads in minutes, names): intervals reach back to the lead before."""

    def make_schema(
        grid: Grid = SMALL,
        leads: Sequence[int] = (0, 60, 180),
        names: Sequence[str] = ("air_temperature_2m", "precipitation_amount_surface"),
        *,
        widen: int = 1,
        offset: int = 0,
    ) -> StoreSchema:
        steps = tuple(np.diff(leads, prepend=leads[0]).tolist())
        variables = []
        for name in names:
            row = variable(name)
            scale = row.precision * widen
            intervals = (0,) * len(leads) if row.statistic is Statistic.INSTANT else steps
            variables.append(StoredVariable(row, scale, scale * offset, intervals, widen != 1))
        provenance = {"software": "test", "leads": {"0": {"mirrors": ["here"], "bytes": 7}}, "missing": ["a: 1"]}
        return StoreSchema(
            "gfs", RUN, tuple(leads), tuple(variables), grid, Freshness(300, 400, 1000), "NOAA", "free", provenance
        )

    return make_schema


@pytest.fixture(scope="session")
def write_store() -> Callable[..., MadeStore]:
    """write_store(path, schema, values=None, seed=0): values at random, a tenth of them missing."""

    def write_store(
        path: Path, schema: StoreSchema, values: dict[str, NDArray[np.float32]] | None = None, seed: int = 0
    ) -> MadeStore:
        random = np.random.default_rng(seed)
        shape = (len(schema.lead_times), *schema.grid.shape)
        if values is None:
            values = {}
            for stored in schema.variables:
                steps = random.uniform(-32767, 32767, shape)
                steps[random.random(shape) < 0.1] = np.nan
                values[stored.name] = (steps * stored.scale_factor + stored.add_offset).astype(np.float32)
        told = values
        with StoreWriter(path, schema) as writer:
            for row in range(shard_grid(schema)[0]):
                rows = slice(row * SHARD, (row + 1) * SHARD)
                writer.append(encode_band(schema, row, lambda name, rows=rows: told[name][:, rows]))
        return MadeStore(path, schema, values)

    return write_store


@pytest.fixture(scope="session")
def made_store(
    tmp_path_factory: pytest.TempPathFactory,
    make_schema: Callable[..., StoreSchema],
    write_store: Callable[..., MadeStore],
) -> MadeStore:
    """A store of 13 x 15 cells, three leads and two variables. Not to be changed."""
    return write_store(tmp_path_factory.mktemp("store") / "made.zarr.zip", make_schema())
