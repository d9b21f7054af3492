"""How high places lie: what a store of the terrain says, which need be no model's."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serving.places import Place
from serving.static import NOWHERE, Ground, Static
from storage.errors import CorruptStore, StoreError
from storage.grids import OutsideGrid
from storage.reader import Store

log = logging.getLogger(__name__)

HEIGHT = "terrain_height_surface"
SHARDS = 4096
"""Of so many shards of a terrain store the indexes are remembered: 2.5 MB, where a globe of 15 seconds has 87."""


@dataclass(frozen=True)
class Grounds:
    """What is known of the ground. models: model -> its static fields; terrain: that of the places themselves."""

    models: Mapping[str, Static] = field(default_factory=dict)
    terrain: Static | None = None

    def of_place(self, place: Place) -> Ground:
        """What the terrain store says of a place; nothing where there is none, beyond it, and where it is damaged."""
        if self.terrain is None:
            return NOWHERE
        try:
            return self.terrain.between(place.lat, place.lon)
        except OutsideGrid:
            return NOWHERE
        except CorruptStore as error:
            log.warning("the terrain store is damaged at %s: %s", place, error)
            return NOWHERE


UNKNOWN = Grounds()


def open_terrain(path: Path) -> Static:
    """A store that holds terrain height on any grid. Raises what `Store.open` does, StoreError where it has none."""
    store = Store.open(path, SHARDS)
    if HEIGHT not in store.index:
        raise StoreError(f"{path} is no store of the terrain: it holds {', '.join(store.index)} and no {HEIGHT}")
    return Static(store)
