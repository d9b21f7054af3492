"""The ground of a model: how high it lies and where it is land, looked up at a cell or a place."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from storage.errors import ManifestError, StorageError
from storage.grids import Around, Cell, Grid
from storage.reader import Store
from storage.static import NAME, STATIC, parse_static

log = logging.getLogger(__name__)

KEPT_CELLS, KEPT_TILES = 1 << 17, 4096
"""Of so many cells at most, in so many tiles, the ground is kept: about a megabyte a model."""


class Ground(NamedTuple):
    """terrain: height above sea level, m; land: share of land, 0..1. None where the model does not tell it."""

    terrain: float | None
    land: float | None


NOWHERE = Ground(None, None)


class Static:
    """Static fields that are open. `store`: which they are."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._rows = [store.index.get(name) for name in ("terrain_height_surface", "land_share_surface")]
        self._most = min(max(KEPT_CELLS // store.schema.block**2, 1), KEPT_TILES)
        self._tiles: dict[tuple[int, int], NDArray[np.float32]] = {}

    def each(self, cells: tuple[Cell, ...]) -> tuple[Ground, ...]:
        """The ground of some cells of the model's grid. Raises CorruptStore, IndexError."""
        size, (terrain, land) = self.store.schema.block, self._rows
        found = []
        for y, x in cells:
            tile = self._tiles.get((y // size, x // size))
            if tile is None:
                tile = self._read(y // size, x // size)
            at = y % size, x % size
            found.append(Ground(_known(tile, terrain, at), _known(tile, land, at)))
        return tuple(found)

    def _read(self, row: int, column: int) -> NDArray[np.float32]:
        """A tile [variable, rows, columns], which is kept."""
        tile = self.store.tile(row, column)[:, 0]
        if len(self._tiles) >= self._most:
            self._tiles = {}
        self._tiles[row, column] = tile
        return tile

    def between(self, lat: float, lon: float) -> Ground:
        """The ground of a place, on a straight line between the cells around it. Raises OutsideGrid, CorruptStore."""
        return self.amid(self.store.schema.grid.neighbours(lat, lon))

    def amid(self, around: Around) -> Ground:
        """The ground of a place, on a straight line between these cells. Raises CorruptStore, IndexError."""
        terrain, land = zip(*self.each(around.cells), strict=True)
        return Ground(mean_of(around, terrain), mean_of(around, land))

    def under(self, grid: Grid, around: Around) -> tuple[Ground, ...]:
        """The ground of cells of a run's grid, which may be of another region. Raises CorruptStore, OutsideGrid."""
        own = self.store.schema.grid
        if grid is own or grid == own:
            return self.each(around.cells)
        return self.each(tuple(own.cell(*grid.latlon(cell)) for cell in around.cells))


def mean_of(around: Around, values: Sequence[float | None]) -> float | None:
    """What cells say together, [cell] each; None where one of them does not tell."""
    total = 0.0
    for weight, value in zip(around.weights, values, strict=True):
        if value is None:
            return None
        total += weight * value
    return total


def _known(tile: NDArray[np.float32], row: int | None, at: tuple[int, int]) -> float | None:
    value = math.nan if row is None else float(tile[row, at[0], at[1]])
    return None if math.isnan(value) else value


def open_static(folder: Path, held: Static | None) -> Static | None:
    """What a model's folder names; `held` where that is open already, or nothing else opens, which is logged."""
    place = folder / NAME
    try:
        named = folder.parent / parse_static(place.read_bytes(), folder.name, str(place)).key
        if held is not None and held.store.path == named:
            return held
        store = Store.open(named)
        if store.schema.model != folder.name or STATIC not in store.schema.traits:
            raise ManifestError(f"{named} holds no static fields of {folder.name}")
    except FileNotFoundError:
        return held
    except (StorageError, ValueError, OSError) as error:
        log.warning("%s: its static fields are not read: %s", folder.name, error)
        return held
    return Static(store)
