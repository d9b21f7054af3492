"""Grid geometry: which cell holds a place, where a cell lies, what a crop is.

A grid is what the message says it is. Row 0 and column 0 are the first ones of the stored array.
"""

from __future__ import annotations

from typing import Any

from storage.grids.grid import (
    Around,
    Box,
    Cell,
    Four,
    FourNumbers,
    Grid,
    OutsideGrid,
    Window,
    just,
    wrap_longitude,
)
from storage.grids.lambert import LambertGrid
from storage.grids.latlon import LatLonGrid
from storage.grids.mercator import MercatorGrid
from storage.grids.plane import PlaneGrid
from storage.grids.polar import PolarStereographicGrid

__all__ = [
    "GRIDS",
    "Around",
    "Box",
    "Cell",
    "Four",
    "FourNumbers",
    "Grid",
    "LambertGrid",
    "LatLonGrid",
    "MercatorGrid",
    "OutsideGrid",
    "PlaneGrid",
    "PolarStereographicGrid",
    "Window",
    "grid_from_attrs",
    "just",
    "wrap_longitude",
]

GRIDS: dict[str, type[Grid]] = {
    grid.kind: grid for grid in (LatLonGrid, LambertGrid, PolarStereographicGrid, MercatorGrid)
}
_known: dict[Grid, Grid] = {}


def grid_from_attrs(attrs: dict[str, Any]) -> Grid:
    """The grid that `to_attrs` described, one object for all that are equal; raises ValueError for an unknown kind."""
    kind = attrs.get("kind")
    if kind not in GRIDS:
        raise ValueError(f"unknown grid kind {kind!r}; known: {', '.join(sorted(GRIDS))}")
    grid = GRIDS[kind](**{name: value for name, value in attrs.items() if name != "kind"})
    return _known.setdefault(grid, grid)
