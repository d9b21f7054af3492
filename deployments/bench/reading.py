"""What it costs to open a store and to read every variable and time at a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import ZipStore

from deployments.bench.measure import cpu_micros
from deployments.bench.table import Row
from storage.grids import Cell
from storage.layout import ARRAY, HEADER
from storage.reader import Store

CELLS = 2_000


def measure_reading(path: Path, scratch: Path) -> list[Row]:
    """Point reads and opening of one full-size store, warm."""
    with Store.open(path) as store, float_memmap(store, scratch) as floor:
        ny, nx = store.schema.grid.shape
        places = np.random.default_rng(1).integers(0, (ny, nx), (CELLS, 2))
        cells = [Cell(int(y), int(x)) for y, x in places]
        for cell in cells:
            store.point(cell)
        array = open_zarr(path)
        costs = cpu_micros(
            {
                "floor": lambda number: np.array(floor[number % len(floor)]),
                "windlass": lambda number: store.point(cells[number % CELLS]),
                "zarr": lambda number: array[:, :, cells[number % CELLS].y, cells[number % CELLS].x],
            }
        )
    opening = cpu_micros({"windlass": lambda number: Store.open(path).close(), "zarr": lambda number: open_zarr(path)})
    shape = f"{len(store.schema.variables)} variables x {len(store.schema.lead_times)} times"
    memmap = "float32 memmap without compression"
    return [
        Row(f"point read, {shape}", costs["windlass"], "us CPU", costs["floor"], memmap, "<= 40 us"),
        Row("the same through zarr-python", costs["zarr"], "us CPU", costs["floor"], memmap),
        Row("open a store", opening["windlass"] / 1000, "ms CPU", opening["zarr"] / 1000, "zarr-python"),
    ]


def open_zarr(path: Path) -> Any:
    """The forecast array as plain zarr-python opens it."""
    group = zarr.open_group(ZipStore(path, mode="r"), mode="r")
    return group[ARRAY]


@contextmanager
def float_memmap(store: Store, scratch: Path) -> Iterator[np.memmap[Any, Any]]:
    """The floor: as many series as CELLS, each [variable, time] float32, uncompressed in one file."""
    file = scratch / "floor.f32"
    shape = (CELLS, len(store.schema.variables) + len(HEADER), len(store.schema.lead_times))
    series: np.memmap[Any, Any] = np.memmap(file, np.float32, "w+", shape=shape)
    series[:] = 1.0
    try:
        yield series
    finally:
        file.unlink()
