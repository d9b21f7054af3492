"""Grid geometry: which cell holds a place, where a cell lies, what a crop is.

A grid is what the message says it is. Row 0 and column 0 are the first ones of the stored array.
"""

from __future__ import annotations

from typing import Any

from storage.grids.grid import Box, Cell, Grid, OutsideGrid, Window, wrap_longitude
from storage.grids.lambert import LambertGrid
from storage.grids.latlon import LatLonGrid

__all__ = [
    "GRIDS",
    "Box",
    "Cell",
    "Grid",
    "LambertGrid",
    "LatLonGrid",
    "OutsideGrid",
    "Window",
    "grid_from_attrs",
    "wrap_longitude",
]

GRIDS: dict[str, type[Grid]] = {grid.kind: grid for grid in (LatLonGrid, LambertGrid)}


def grid_from_attrs(attrs: dict[str, Any]) -> Grid:
    """The grid that `to_attrs` described; raises ValueError for an unknown kind."""
    attrs = dict(attrs)
    kind = attrs.pop("kind", None)
    if kind not in GRIDS:
        raise ValueError(f"unknown grid kind {kind!r}; known: {', '.join(sorted(GRIDS))}")
    return GRIDS[kind](**attrs)
