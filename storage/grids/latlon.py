"""Regular latitude-longitude grids, in both scan directions and both longitude conventions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from storage.grids.grid import (
    ALL,
    Around,
    Box,
    Cell,
    Grid,
    Lines,
    OutsideGrid,
    Window,
    check_place,
    wrap_longitude,
    wrap_longitudes,
)
from storage.grids.window import window_of_axes


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

    def edge(self) -> NDArray[np.bool_]:
        edge = super().edge()
        for row in (0, -1) if self.wraps else ():
            # Beyond a pole the map goes on at the other side.
            if abs(self.axes()[1][row]) + abs(self.dlat) > 90.0 + 1e-9:
                edge[row] = False
        return edge

    def _place(self, lat: float, lon: float) -> tuple[float, float]:
        """Fractional (row, column) of a place; columns from -0.5 on, below nx - 0.5 where the grid wraps."""
        check_place(lat, lon)
        y = (lat - self.lat0) / self.dlat
        x = (lon - self.lon0) % 360.0 / self.dlon
        if x > self.nx - 0.5 and x > 360.0 / self.dlon - 0.5:
            x -= 360.0 / self.dlon
        # Float noise of decimal degrees: 1e-9 of a step is micrometres.
        if not (-0.5 - 1e-9 <= y <= self.ny - 0.5 + 1e-9 and -0.5 <= x <= self.nx - 0.5 + 1e-9):
            raise OutsideGrid(f"latitude {lat}, longitude {lon} is outside {self.extent()}")
        return y, x

    def neighbours(self, lat: float, lon: float) -> Around:
        """As of every grid; between a pole and the outermost row, the cells across the pole are the others."""
        near = super().neighbours(lat, lon)
        row = near.cells[0].y
        if 0 < row < self.ny - 1 or not self.wraps:
            return near
        edge = self.lat0 + self.dlat * row
        beyond, gap = abs(lat) - abs(edge), 90.0 - abs(edge)
        if beyond <= 0.0 or gap < 1e-9 or lat * edge < 0.0:
            return near
        far = beyond / (2.0 * gap)
        across = super().neighbours(edge, lon + 180.0)
        half_turn = math.copysign(math.pi, lat)
        return Around(
            near.cells + across.cells,
            (*(weight * (1.0 - far) for weight in near.weights), *(weight * far for weight in across.weights)),
            near.turns + tuple(turn + half_turn for turn in across.turns),
        )

    def _turns(self, cells: tuple[Cell, ...], row: float, column: float, lat: float) -> tuple[float, ...]:
        turn, circle = math.radians(self.dlon) * math.sin(math.radians(lat)), 360.0 / self.dlon
        return tuple([turn * math.remainder(x - column, circle) for _, x in cells])

    def extent(self) -> str:
        lats = sorted((self.lat0, self.lat0 + self.dlat * (self.ny - 1)))
        east = self.lon0 + self.dlon * (self.nx - 1)
        return f"latitudes {lats[0]:g}..{lats[1]:g}, longitudes {self.lon0:g}..{east:g}"

    def latlon(self, cell: Cell) -> tuple[float, float]:
        return self.lat0 + self.dlat * cell.y, wrap_longitude(self.lon0 + self.dlon * cell.x)

    def latlons(self, rows: Lines = ALL, columns: Lines = ALL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        _, lats, _, lons = self.axes()
        lats, lons = lats[rows], wrap_longitudes(lons[columns])
        shape = len(lats), len(lons)
        return np.broadcast_to(lats[:, None], shape), np.broadcast_to(lons, shape)

    def window(self, box: Box) -> Window:
        _, lats, _, lons = self.axes()
        return window_of_axes(lats, lons, box, wraps=self.wraps, extent=f"a grid of {self.extent()}")

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
