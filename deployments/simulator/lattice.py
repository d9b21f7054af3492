"""Where smooth fields are worked out: on the places themselves, or on a lattice that they lie in.

A wave along the latitude circles is a product of a row and a column on a lattice of latitudes and longitudes, and a
sum of thirty such waves one matrix product. Other grids take it from the lattice around them.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from deployments.simulator.climate import Field

STEP = 0.1
"""Degrees between the lattice's points: the shortest wave is 12 degrees long, so a value is wrong by 0.05 %."""


class Lattice:
    """Latitudes [row] and longitudes [column], degrees, at whose crossings the places lie."""

    def __init__(self, lats: Field, lons: Field) -> None:
        self.lats, self.lons = lats, lons

    def to_places(self, field: Field) -> Field:
        """Values at the places, from those on the lattice [row, column]."""
        return field


class Surrounding(Lattice):
    """The lattice around places [ny, nx] that lie in no rows and columns of it. Its points are the same for all."""

    def __init__(self, lats: Field, lons: Field) -> None:
        # No more than half the Earth away from the first place, so that the antimeridian cuts nothing.
        east = lons[0, 0] + (lons - lons[0, 0] + 180.0) % 360.0 - 180.0
        rows, columns = lats / STEP, east / STEP
        south, west = np.floor(rows.min()), np.floor(columns.min())
        self._rows, self._columns = rows - south, columns - west
        height, width = int(self._rows.max()) + 2, int(self._columns.max()) + 2
        super().__init__(STEP * (south + np.arange(height)), STEP * (west + np.arange(width)))

    def to_places(self, field: Field) -> Field:
        values: Field = _bilinear(field, self._rows, self._columns)
        return values


def lattice_of(lats: Field, lons: Field) -> Lattice:
    """Of latitudes [ny] and longitudes [nx], or of places [ny, nx]."""
    return Lattice(lats, lons) if lats.ndim == 1 else Surrounding(lats, lons)


@numba.njit(nogil=True, cache=True)
def _bilinear(field: Field, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Field:
    """Values of a field [row, column] at fractional rows and columns [ny, nx]."""
    found = np.empty(rows.shape)
    for y in range(rows.shape[0]):
        for x in range(rows.shape[1]):
            row, column = int(rows[y, x]), int(columns[y, x])
            up, right = rows[y, x] - row, columns[y, x] - column
            low = (1.0 - right) * field[row, column] + right * field[row, column + 1]
            high = (1.0 - right) * field[row + 1, column] + right * field[row + 1, column + 1]
            found[y, x] = (1.0 - up) * low + up * high
    return found
