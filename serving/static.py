"""The ground of a model: how high it lies and where it is land, looked up at a cell or a place."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from storage.errors import ManifestError, StorageError
from storage.grids import Around, Cell, Grid
from storage.reader import Store
from storage.static import NAME, STATIC, parse_static

log = logging.getLogger(__name__)

KEPT_CELLS, KEPT_TILES = 1 << 17, 4096
"""Of so many cells at most, in so many tiles, the ground is kept: about a megabyte a model."""


TERRAIN, LAND = "terrain_height_surface", "land_share_surface"


class Ground(NamedTuple):
    """terrain: height above sea level, m; land: share of land, 0..1. None where the model does not tell it."""

    terrain: float | None
    land: float | None


NOWHERE = Ground(None, None)


class Static:
    """Static fields that are open. `store`: which they are."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._most = min(max(KEPT_CELLS // store.schema.block**2, 1), KEPT_TILES)
        self._tiles: dict[tuple[int, int], array[float]] = {}

    def terrains(self, cells: Iterable[Cell]) -> list[float | None]:
        """How high cells of the model's grid lie, m; None where that is not told. Raises CorruptStore, IndexError."""
        return self._told(TERRAIN, cells)

    def lands(self, cells: Iterable[Cell]) -> list[float | None]:
        """Share of land of cells of the model's grid, 0..1, as `terrains`."""
        return self._told(LAND, cells)

    def _told(self, name: str, cells: Iterable[Cell]) -> list[float | None]:
        size, row = self.store.schema.block, self.store.index.get(name)
        if row is None:
            return [None for _ in cells]
        told: list[float | None] = []
        for y, x in cells:
            tile = self._tiles.get((y // size, x // size)) or self._read(y // size, x // size)
            value = tile[(row * size + y % size) * size + x % size]
            told.append(value if value == value else None)
        return told

    def _read(self, row: int, column: int) -> array[float]:
        """A tile [variable, rows, columns] as it lies, which is kept: an array gives numbers faster than NumPy's."""
        tile = array("f", self.store.tile(row, column)[:, 0].tobytes())
        if len(self._tiles) >= self._most:
            self._tiles = {}
        self._tiles[row, column] = tile
        return tile

    def between(self, lat: float, lon: float) -> Ground:
        """The ground of a place, on a straight line between the cells around it. Raises OutsideGrid, CorruptStore."""
        return self.amid(self.store.schema.grid.neighbours(lat, lon))

    def amid(self, around: Around) -> Ground:
        """The ground of a place, on a straight line between these cells. Raises CorruptStore, IndexError."""
        cells = around.cells
        return Ground(mean_of(around, self.terrains(cells)), mean_of(around, self.lands(cells)))

    def cells_of(self, grid: Grid, around: Around) -> Sequence[Cell]:
        """The cells of the model's grid below those of a run's, which may be of another region. Raises OutsideGrid."""
        own = self.store.schema.grid
        if grid is own or grid == own:
            return around.cells
        return [own.cell(*grid.latlon(cell)) for cell in around.cells]


def mean_of(around: Around, values: Sequence[float | None]) -> float | None:
    """What cells say together, [cell] each; None where one of them does not tell."""
    total = 0.0
    for weight, value in zip(around.weights, values, strict=True):
        if value is None:
            return None
        total += weight * value
    return total


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
