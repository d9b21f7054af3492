"""The ground of a model: how high it lies and where it is land, looked up at a cell or a place."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from storage.errors import ManifestError, StorageError
from storage.grids import Around, Cell, Grid
from storage.reader import Store
from storage.static import NAME, STATIC, parse_static

log = logging.getLogger(__name__)

KEPT = 4096
"""Places of which the ground is remembered: about 2 MB."""


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
        self._seen: dict[tuple[Cell, ...], tuple[Ground, ...]] = {}

    def at(self, cell: Cell) -> Ground:
        """The ground of a cell of the model's grid. Raises CorruptStore, IndexError."""
        return self.each((cell,))[0]

    def below(self, lat: float, lon: float) -> Ground:
        """The ground of the nearest cell. Raises OutsideGrid, CorruptStore."""
        return self.at(self.store.schema.grid.cell(lat, lon))

    def each(self, cells: tuple[Cell, ...]) -> tuple[Ground, ...]:
        """The ground of some cells of the model's grid, remembered. Raises CorruptStore, IndexError."""
        found = self._seen.get(cells)
        if found is None:
            values = self.store.cells(cells)[:, :, 0].tolist()
            found = tuple(Ground(*(_known(told, row) for row in self._rows)) for told in values)
            if len(self._seen) >= KEPT:
                self._seen = {}
            self._seen[cells] = found
        return found

    def between(self, lat: float, lon: float) -> Ground:
        """The ground of a place, on a straight line between the cells around it. Raises OutsideGrid, CorruptStore."""
        around = self.store.schema.grid.neighbours(lat, lon)
        grounds = self.each(around.cells)
        terrain, land = ([ground[n] for ground in grounds] for n in (0, 1))
        return Ground(mean_of(around, terrain), mean_of(around, land))

    def under(self, grid: Grid, around: Around) -> tuple[Ground, ...]:
        """The ground of cells of a run's grid, which may be of another region. Raises CorruptStore, OutsideGrid."""
        own = self.store.schema.grid
        if grid == own:
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


def _known(values: list[float], row: int | None) -> float | None:
    return None if row is None or math.isnan(values[row]) else values[row]


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
