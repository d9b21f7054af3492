"""Which cells a store of the terrain has: where they begin, how large they are, and what region they fill."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from storage.grids import Box, LatLonGrid, wrap_longitude
from tasks.errors import IngestError
from tasks.raster import Raster

NEAR = 1e-6
"""Cells; decimal degrees in float64 are noisy far below that."""


class TerrainError(IngestError, ValueError):
    """What is asked for cannot be made of these maps."""


@dataclass(frozen=True)
class Recipe:
    """How cells are made. seconds: their size; box: which ones; None: all that a map reaches.

    sea_floor: the maps tell how deep the sea is, and what is below 0 m becomes the surface of the sea, 0 m.
    missing_is_sea: what no map tells is the sea, too; otherwise it is missing.
    """

    seconds: float
    box: Box | None = None
    sea_floor: bool = False
    missing_is_sea: bool = False


def grid_for(rasters: Sequence[Raster], recipe: Recipe) -> LatLonGrid:
    """The cells of a recipe: as the first map's pixels lie, north to south. Raises TerrainError."""
    step = recipe.seconds / 3600.0
    around = round(360.0 / step) if 1.0 <= recipe.seconds <= 36_000.0 else 0
    if not around or abs(around * step - 360.0) > NEAR * step or around % 2:
        raise TerrainError(
            f"a step of {recipe.seconds:g} seconds does not go into 180 degrees: try 15, 30, 60, 120, 450"
        )
    coarse = max(rasters, key=lambda raster: raster.height)
    if coarse.height > step * (1.0 + NEAR):
        raise TerrainError(
            f"{coarse.name} has pixels of {coarse.height * 3600:g} seconds: a step of {recipe.seconds:g} would make "
            f"up what is between them; the smallest step is {math.ceil(coarse.height * 3600 - NEAR):g}"
        )
    # Cells begin where pixels do, so that each holds as many of them.
    west0, north0 = _rest(rasters[0].west + 180.0, step) - 180.0, 90.0 + _rest(rasters[0].north - 90.0, step)
    if north0 - step / 2 > 90.0 + NEAR * step:
        north0 -= step
    box = recipe.box or _reach(rasters)
    width = 360.0 if box.east - box.west >= 360.0 - step / 2 else (box.east - box.west) % 360.0
    top = max(0, math.floor((north0 - box.north) / step + NEAR))
    bottom = min(
        math.floor((north0 + 90.0 - step / 2) / step + NEAR) + 1, math.ceil((north0 - box.south) / step - NEAR)
    )
    left = math.floor((box.west - west0) / step + NEAR)
    columns = around if width >= 360.0 else min(around, math.ceil((box.west + width - west0) / step - NEAR) - left)
    if columns == around:
        left = 0
    if bottom <= top or columns < 1:
        raise TerrainError(f"no cell of {recipe.seconds:g} seconds lies within {tuple(box)}")
    lat0 = min(90.0, north0 - (top + 0.5) * step)
    return LatLonGrid(lat0, -step, bottom - top, wrap_longitude(west0 + (left + 0.5) * step), step, columns)


def _rest(degrees: float, step: float) -> float:
    """How far degrees are beyond a whole number of steps, 0 to below a step, and 0 where only noise says otherwise."""
    rest = degrees % step
    return 0.0 if rest > step * (1.0 - NEAR) or rest < step * NEAR else rest


def _reach(rasters: Sequence[Raster]) -> Box:
    """What the maps cover together, as they tell longitudes."""
    return Box(
        min(raster.west for raster in rasters),
        max(-90.0, min(raster.south for raster in rasters)),
        max(raster.east for raster in rasters),
        min(90.0, max(raster.north for raster in rasters)),
    )
