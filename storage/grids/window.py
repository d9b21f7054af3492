"""Which rows and columns of a grid a box needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from storage.grids.grid import Box, OutsideGrid, Window


def window_of_axes(
    lats: NDArray[np.float64], lons: NDArray[np.float64], box: Box, *, wraps: bool, extent: str
) -> Window:
    """Of a grid whose rows have a latitude [ny] each, and whose columns a longitude [nx]; raises OutsideGrid."""
    rows = np.flatnonzero((lats >= box.south - 1e-9) & (lats <= box.north + 1e-9))
    width, east_of_west = _width(box), (lons - box.west + 1e-9) % 360.0
    columns = np.flatnonzero(east_of_west <= width + 2e-9)
    if len(columns) and wraps and width < 360.0:
        columns = np.roll(columns, -int(np.argmin(east_of_west[columns])))
    elif len(columns):
        # A box around the gap of a grid that is not closed touches both of its ends.
        columns = np.arange(columns[0], columns[-1] + 1)
    if not len(rows) or not len(columns):
        raise OutsideGrid(f"no grid point lies within {tuple(box)} of {extent}")
    return Window(int(rows[0]), len(rows), int(columns[0]), len(columns))


def window_of_places(lats: NDArray[np.float64], lons: NDArray[np.float64], box: Box, *, extent: str) -> Window:
    """Of a grid with latitudes and longitudes [ny, nx]; raises OutsideGrid."""
    within = (lons - box.west + 1e-9) % 360.0 <= _width(box) + 2e-9
    within &= (lats >= box.south - 1e-9) & (lats <= box.north + 1e-9)
    rows, columns = np.flatnonzero(within.any(axis=1)), np.flatnonzero(within.any(axis=0))
    if not len(rows):
        raise OutsideGrid(f"no grid point lies within {tuple(box)} of {extent}")
    row, column = int(rows[0]), int(columns[0])
    return Window(row, int(rows[-1]) + 1 - row, column, int(columns[-1]) + 1 - column)


def _width(box: Box) -> float:
    return 360.0 if box.east - box.west >= 360.0 else (box.east - box.west) % 360.0
