"""Maps of heights become a store of the terrain: each cell the mean of the pixels whose middle lies in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from storage.grids import LatLonGrid
from storage.layout import shard_grid, shard_side
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.static import STATIC
from storage.tiles import encode_tiles
from storage.variables import variable
from storage.writer import StoreWriter
from tasks.raster import AT_ONCE, CACHE, Raster, RasterError
from tasks.terrain_grid import NEAR, Recipe, TerrainError, grid_for

HEIGHT = "terrain_height_surface"
STEP_M = 1.0
"""m; of which 0.0065 K are made. Maps tell whole metres, mostly."""
BLOCK = 32
"""Cells along each side of a chunk: 9,180 shards of a globe of a minute, 7 us to unpack."""
DEEPEST = -12_000.0
"""m; no sea is deeper (Challenger Deep, 10.9 km)."""
FOREVER = Freshness(52_560_000, 52_560_000, 52_560_000)
"""Mountains are due in a hundred years."""


@dataclass
class Told:
    """What came of it. cells: all; missing: those of which nothing is known, or which were made sea for that."""

    cells: int
    missing: int = 0
    lowest: float = math.inf
    highest: float = -math.inf
    flattened: int = field(default=0)


def working_bytes(grid: LatLonGrid) -> int:
    """About what writing a store takes: sums, counts and heights of a row of shards, and what GDAL keeps."""
    return min(5 * BLOCK, grid.ny) * grid.nx * (8 + 4 + 4) + (CACHE << 20) + AT_ONCE * 16


def write_terrain(
    path: Path,
    rasters: Sequence[Raster],
    recipe: Recipe,
    *,
    made: datetime,
    attribution: str,
    licence: str,
    progress: Callable[[int, int], None],
) -> Told:
    """Write the store to `path`, which it replaces when it is whole; nothing is there when it fails.

    `progress` counts rows of shards. Raises TerrainError, RasterError, DiskFull.
    """
    grid = grid_for(rasters, recipe)
    row = variable(HEIGHT)
    offset = STEP_M * round((row.valid_min + row.valid_max) / 2 / STEP_M)
    schema = StoreSchema(
        model="terrain",
        init_time=made.replace(second=0, microsecond=0),
        lead_times=(0,),
        variables=(StoredVariable(row, STEP_M, offset, (0,), widened=True),),
        grid=grid,
        freshness=FOREVER,
        attribution=attribution,
        licence=licence,
        provenance={
            "software": f"windlass {version('windlass')}",
            "files": sorted(Path(raster.name).name for raster in rasters)[:100],
            "file_count": len(rasters),
            "seconds": recipe.seconds,
            "sea_floor": recipe.sea_floor,
            "missing_is_sea": recipe.missing_is_sea,
        },
        traits=(STATIC,),
        block=BLOCK,
    )
    told = Told(grid.ny * grid.nx)
    bands, side = shard_grid(schema)[0], shard_side(schema)
    shape = min(side, grid.ny), grid.nx
    sums, counts = np.empty(shape), np.empty(shape, np.uint32)
    with StoreWriter(path, schema) as writer:
        for band in range(bands):
            rows = range(band * side, min((band + 1) * side, grid.ny))
            heights = _heights(rasters, recipe, grid, rows, sums[: len(rows)], counts[: len(rows)], told)
            writer.append(encode_tiles(schema, band, lambda name, heights=heights: heights))  # type: ignore[misc]
            progress(band + 1, bands)
        if told.missing == told.cells:
            raise TerrainError(f"no map tells a height within {grid.extent()}")
    return told


def _heights(
    rasters: Sequence[Raster],
    recipe: Recipe,
    grid: LatLonGrid,
    rows: range,
    sums: NDArray[np.float64],
    counts: NDArray[np.uint32],
    told: Told,
) -> NDArray[np.float32]:
    """Heights [1, rows, nx] of some rows of the grid, m."""
    sums[:], counts[:] = 0.0, 0
    north = grid.lat0 + (0.5 - rows.start) * -grid.dlat
    for raster in rasters:
        first = max(0, math.floor((raster.north - north) / raster.height) - 1)
        last = min(raster.rows, math.ceil((raster.north - north - len(rows) * grid.dlat) / raster.height) + 1)
        if first >= last:
            continue
        to_columns, from_columns = _columns(raster, grid)
        if not len(to_columns):
            continue
        middles = raster.north - (np.arange(first, last) + 0.5) * raster.height
        to_rows = np.floor((north - middles) / -grid.dlat + NEAR).astype(np.int64)
        inside = np.flatnonzero((to_rows >= 0) & (to_rows < len(rows)))
        if not len(inside):
            continue
        first, last, to_rows = first + int(inside[0]), first + int(inside[-1]) + 1, to_rows[inside]
        for row, column, heights in raster.read(first, last):
            there = slice(*np.searchsorted(from_columns, (column, column + heights.shape[1])).tolist())
            lowest, highest, flattened = _add(
                heights,
                to_rows[row - first : row - first + len(heights)],
                to_columns[there],
                from_columns[there] - column,
                recipe.sea_floor,
                sums,
                counts,
            )
            _check_range(raster, recipe, lowest, highest)
            told.flattened += flattened
    with np.errstate(invalid="ignore"):
        heights = (sums / counts).astype(np.float32)
    missing = counts == 0
    told.missing += int(missing.sum())
    if recipe.missing_is_sea:
        heights[missing] = 0.0
    elif missing.all():
        return heights[None]
    told.lowest, told.highest = (
        min(told.lowest, float(np.nanmin(heights))),
        max(told.highest, float(np.nanmax(heights))),
    )
    return heights[None]


def _columns(raster: Raster, grid: LatLonGrid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(columns of the grid, columns of the map) that belong together, in the map's order.

    Near the poles, pixels may be wider than cells: there each cell belongs to the pixel that its middle lies in.
    """
    around = round(360.0 / grid.dlon)
    west = grid.lon0 - grid.dlon / 2
    if raster.width <= grid.dlon * (1.0 + NEAR):
        columns = np.arange(raster.columns)
        middles = raster.west + (columns + 0.5) * raster.width
        to = np.floor((middles - west) / grid.dlon + NEAR).astype(np.int64) % around
        inside = to < grid.nx
        return to[inside], columns[inside]
    to = np.arange(grid.nx)
    beyond = (west + (to + 0.5) * grid.dlon - raster.west) % 360.0
    columns = np.floor(beyond / raster.width + NEAR).astype(np.int64)
    to, columns = to[columns < raster.columns], columns[columns < raster.columns]
    order = np.argsort(columns, kind="stable")
    return to[order], columns[order]


def _check_range(raster: Raster, recipe: Recipe, lowest: float, highest: float) -> None:
    row = variable(HEIGHT)
    if highest > row.valid_max:
        raise RasterError(
            f"{raster.name} tells of {highest:g} m, which is higher than any mountain: are these feet, or does a "
            "number stand for nothing known (--nodata)?"
        )
    if lowest < (DEEPEST if recipe.sea_floor else row.valid_min):
        raise RasterError(
            f"{raster.name} tells of {lowest:g} m, which is lower than any land: is this the floor of the sea "
            "(--sea-floor), or does a number stand for nothing known (--nodata)?"
            if lowest >= DEEPEST
            else f"{raster.name} tells of {lowest:g} m, which is deeper than any sea: does it stand for nothing known "
            "(--nodata)?"
        )


@numba.njit(nogil=True, cache=True)
def _add(
    heights: NDArray[np.float32],
    to_rows: NDArray[np.int64],
    to_columns: NDArray[np.int64],
    from_columns: NDArray[np.int64],
    sea_floor: bool,
    sums: NDArray[np.float64],
    counts: NDArray[np.uint32],
) -> tuple[float, float, int]:
    """Add pixels [rows, columns] to their cells; (lowest, highest, how many were led up to the surface of the sea)."""
    lowest, highest, flattened = np.inf, -np.inf, 0
    for row in range(len(to_rows)):
        line, total, count = heights[row], sums[to_rows[row]], counts[to_rows[row]]
        for number in range(len(to_columns)):
            height = float(line[from_columns[number]])
            if height != height:
                continue
            lowest, highest = min(lowest, height), max(highest, height)
            if sea_floor and height < 0.0:
                height = 0.0
                flattened += 1
            total[to_columns[number]] += height
            count[to_columns[number]] += np.uint32(1)
    return lowest, highest, flattened
