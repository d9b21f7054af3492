"""Small stores of made-up values, and other processes at a bucket."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
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
ROOT = Path(__file__).parents[2]
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


HANG_IN_UPLOAD = """
import sys
from pathlib import Path
from storage.bucket import open_bucket

def pause(done, total):
    print("paused", flush=True)
    sys.stdin.read()

open_bucket(sys.argv[1]).upload(Path(sys.argv[2]), sys.argv[3], pause)
"""

SWAP_ON_DEMAND = """
import sys
from storage.bucket import open_bucket
from storage.errors import Conflict

bucket = open_bucket(sys.argv[1])
bucket.list()
print("ready", flush=True)
for line in sys.stdin:
    expected, data = line.split()
    try:
        bucket.swap("gfs/latest.json", data.encode(), None if expected == "none" else expected.encode())
        print("won", flush=True)
    except Conflict:
        print("lost", flush=True)
"""

Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """begin(code, *arguments): a Python process that has said its first line; none outlives the test."""
    begun: list[subprocess.Popen[str]] = []

    def begin(code: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() in ("paused\n", "ready\n")
        return process

    yield begin
    for process in begun:
        with process:
            process.kill()


@pytest.fixture
def hanging_upload(begin: Begin) -> Begin:
    """hanging_upload(url, file, key): a process that hangs within an upload until its stdin ends."""
    return lambda url, file, key: begin(HANG_IN_UPLOAD, url, str(file), key)


@pytest.fixture
def swapper(begin: Begin) -> Begin:
    """swapper(url): a process that swaps gfs/latest.json for each line `expected data`, and says who won."""
    return lambda url: begin(SWAP_ON_DEMAND, url)
