"""A store's series at a place: between its cells, on the place's side of the shore, at the place's height.

What lies between cells is `storage.mixing`'s. On land only cells on land speak, at sea only those at sea, where the
model tells which are which; where none around is of the place's kind, all of them speak.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cached_property
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.lapse import at_height
from serving.places import Place
from serving.roster import Store
from serving.static import Ground, Static, mean_of
from serving.terrain import UNKNOWN, Grounds
from storage.errors import CorruptStore
from storage.grids import Around, Grid, OutsideGrid, just
from storage.schema import StoreSchema

log = logging.getLogger(__name__)

LAND = 0.5
"""The share of land from which on a cell, or a place, is on land."""


class Voices(NamedTuple):
    """The cells that speak for a place, and how far it lies above their ground, m; None where nothing is led there."""

    around: Around
    rise: float | None


class Sampler:
    """Reads stores at a place. nearest: the nearest cell as it is, with nothing between cells and nothing corrected."""

    def __init__(self, place: Place, nearest: bool = False, grounds: Grounds = UNKNOWN) -> None:
        self.place = place
        self.nearest = nearest
        self.grounds = grounds
        self._found: dict[int, tuple[Grid, Around | None]] = {}
        # Runs of a model on one grid have the same.
        self._voices: dict[tuple[str, int], Voices] = {}

    def find(self, grid: Grid) -> Around | None:
        """The cells around the place that may be read, None beyond the grid; remembered of each grid object."""
        found = self._found.get(id(grid))
        if found is None:
            try:
                found = grid, self._find(grid)
            except OutsideGrid:
                found = grid, None
            # The grid stays with it: the number of one that is gone may be another's.
            self._found[id(grid)] = found
        return found[1]

    def _find(self, grid: Grid) -> Around:
        lat, lon = self.place.lat, self.place.lon
        return just(grid.cell(lat, lon)) if self.nearest else grid.neighbours(lat, lon)

    @cached_property
    def own(self) -> Ground:
        """What is known of the place's own ground."""
        return self.grounds.of_place(self.place)

    def elevation(self, models: Iterable[str]) -> float | None:
        """Height of the place above sea level, m: of the terrain store, else of the first model that tells it."""
        if self.own.terrain is not None:
            return self.own.terrain
        for model in models:
            static = self.grounds.models.get(model)
            height = None if static is None else self._height(model, static)
            if height is not None:
                return height
        return None

    def _height(self, model: str, static: Static) -> float | None:
        grid, place = static.store.schema.grid, self.place
        try:
            if self.nearest:
                return static.between(place.lat, place.lon).terrain
            around = self.find(grid)
            return None if around is None else static.amid(around).terrain
        except OutsideGrid:
            return None
        except CorruptStore as error:
            log.warning("%s: its ground is not known at %s: %s", model, place, error)
            return None

    def read(self, store: Store, around: Around) -> NDArray[np.float32]:
        """[variable, time] float32 of the place, NaN = missing; around: what `find` told. Raises CorruptStore."""
        schema = store.schema
        key = schema.model, id(around)
        voices = self._voices.get(key)
        if voices is None:
            speak = not self.nearest and schema.model in self.grounds.models
            voices = self._voices[key] = self._voices_of(schema, around) if speak else Voices(around, None)
        values = store.mixed(voices.around)
        return values if voices.rise is None else at_height(values, schema, voices.rise)

    def _voices_of(self, schema: StoreSchema, around: Around) -> Voices:
        static, own = self.grounds.models[schema.model], self.own
        try:
            cells = static.cells_of(schema.grid, around)
            lands = static.lands(cells)
            terrains = None if own.terrain is None else static.terrains(cells)
        except (CorruptStore, OutsideGrid) as error:
            log.warning("%s: its ground is not known at %s: %s", schema.model, self.place, error)
            return Voices(around, None)
        kept = same_side(around, lands, own.land)
        if kept is not None:
            around, terrains = around.only(kept), terrains and list(compress(terrains, kept))
        height = None if terrains is None else mean_of(around, terrains)
        return Voices(around, None if own.terrain is None or height is None else own.terrain - height)


def same_side(around: Around, lands: list[float | None], land: float | None) -> list[bool] | None:
    """Which cells are on land where the place is, at sea where it is there; None where all may speak, as none is.

    lands: share of land of each cell; land: that of the place, None: what the cells say of it together.
    """
    if land is None:
        land = mean_of(around, lands)
    if land is None:
        return None
    ashore = land >= LAND
    kept = [each is None or (each >= LAND) == ashore for each in lands]
    return kept if any(kept) and not all(kept) else None
