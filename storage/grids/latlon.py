"""Regular latitude-longitude grids, in both scan directions and both longitude conventions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from storage.grids.grid import ALL, Box, Cell, Grid, Lines, OutsideGrid, Window, wrap_longitude, wrap_longitudes


@dataclass(frozen=True)
class LatLonGrid(Grid):
    """Regular latitude-longitude points; `dlat` is negative on north-to-south scans, `dlon` positive.

    Where the columns close the circle the grid wraps: 359.9 finds column 0.
    """

    kind: ClassVar[str] = "latlon"
    lat0: float
    dlat: float
    ny: int
    lon0: float
    dlon: float
    nx: int

    def __post_init__(self) -> None:
        if self.ny < 1 or self.nx < 1 or self.dlat == 0 or self.dlon <= 0:
            raise ValueError(f"not a latitude-longitude grid: {self}")

    @property
    def wraps(self) -> bool:
        return abs(self.nx * self.dlon - 360.0) < self.dlon / 2

    def _place(self, lat: float, lon: float) -> tuple[float, float]:
        """Fractional (row, column) of a place; columns from -0.5 on, below nx - 0.5 where the grid wraps."""
        if not (math.isfinite(lat) and math.isfinite(lon) and -90.0 <= lat <= 90.0):
            raise OutsideGrid(f"latitude {lat}, longitude {lon} is not a place on Earth")
        y = (lat - self.lat0) / self.dlat
        x = (lon - self.lon0) % 360.0 / self.dlon
        if x > self.nx - 0.5 and x > 360.0 / self.dlon - 0.5:
            x -= 360.0 / self.dlon
        # Float noise of decimal degrees: 1e-9 of a step is micrometres.
        if not (-0.5 - 1e-9 <= y <= self.ny - 0.5 + 1e-9 and -0.5 <= x <= self.nx - 0.5 + 1e-9):
            raise OutsideGrid(f"latitude {lat}, longitude {lon} is outside {self.extent()}")
        return y, x

    def extent(self) -> str:
        lats = sorted((self.lat0, self.lat0 + self.dlat * (self.ny - 1)))
        east = self.lon0 + self.dlon * (self.nx - 1)
        return f"latitudes {lats[0]:g}..{lats[1]:g}, longitudes {self.lon0:g}..{east:g}"

    def cell(self, lat: float, lon: float) -> Cell:
        y, x = self._place(lat, lon)
        row = min(max(math.floor(y + 0.5), 0), self.ny - 1)
        column = math.floor(x + 0.5)
        return Cell(row, column % self.nx if self.wraps else min(max(column, 0), self.nx - 1))

    def latlon(self, cell: Cell) -> tuple[float, float]:
        return self.lat0 + self.dlat * cell.y, wrap_longitude(self.lon0 + self.dlon * cell.x)

    def latlons(self, rows: Lines = ALL, columns: Lines = ALL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        _, lats, _, lons = self.axes()
        lats, lons = lats[rows], wrap_longitudes(lons[columns])
        shape = len(lats), len(lons)
        return np.broadcast_to(lats[:, None], shape), np.broadcast_to(lons, shape)

    def neighbours(self, lat: float, lon: float) -> list[tuple[Cell, float]]:
        y, x = self._place(lat, lon)
        y = min(max(y, 0.0), self.ny - 1.0)
        if not self.wraps:
            x = min(max(x, 0.0), self.nx - 1.0)
        row, column = math.floor(y), math.floor(x)
        fy, fx = y - row, x - column
        weights = [
            (Cell(row + dy, (column + dx) % self.nx), (fy if dy else 1 - fy) * (fx if dx else 1 - fx))
            for dy in (0, 1)
            for dx in (0, 1)
        ]
        return [(cell, weight) for cell, weight in weights if weight > 0]

    def window(self, box: Box) -> Window:
        lats = self.lat0 + self.dlat * np.arange(self.ny)
        rows = np.flatnonzero((lats >= box.south - 1e-9) & (lats <= box.north + 1e-9))
        width = 360.0 if box.east - box.west >= 360.0 else (box.east - box.west) % 360.0
        east_of_west = (self.lon0 + self.dlon * np.arange(self.nx) - box.west + 1e-9) % 360.0
        columns = np.flatnonzero(east_of_west <= width + 2e-9)
        if len(columns) and self.wraps and width < 360.0:
            columns = np.roll(columns, -int(np.argmin(east_of_west[columns])))
        elif len(columns):
            # A box around the gap of a grid that is not closed touches both of its ends.
            columns = np.arange(columns[0], columns[-1] + 1)
        if not len(rows) or not len(columns):
            raise OutsideGrid(f"no grid point lies within {tuple(box)}; the grid spans {self.extent()}")
        return Window(int(rows[0]), len(rows), int(columns[0]), len(columns))

    def crop(self, window: Window) -> LatLonGrid:
        lon0 = self.lon0 + self.dlon * window.column
        if window.columns < self.nx:
            lon0 = wrap_longitude(lon0)
        return LatLonGrid(self.lat0 + self.dlat * window.row, self.dlat, window.rows, lon0, self.dlon, window.columns)

    def axes(self) -> tuple[str, NDArray[np.float64], str, NDArray[np.float64]]:
        return (
            "latitude",
            self.lat0 + self.dlat * np.arange(self.ny, dtype=np.float64),
            "longitude",
            self.lon0 + self.dlon * np.arange(self.nx, dtype=np.float64),
        )

    def grid_mapping(self) -> dict[str, Any]:
        return {"grid_mapping_name": "latitude_longitude", "earth_radius": 6_371_229.0}
