"""Grids in even steps on a plane that the sphere is projected onto."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from storage.grids.grid import ALL, Box, Cell, Grid, Lines, OutsideGrid, Window, check_place, wrap_longitude
from storage.grids.window import window_of_places

Places = tuple[NDArray[np.float64], NDArray[np.float64]]
FAR = 1e8
"""Metres from (0, 0) where no grid is: that is ten metres from a pole on a cylinder, and beyond one on a cone."""

FEW = 100
"""Further than so many steps from where the meridians meet, those of neighbours differ by less than 0.6 degrees."""


class Projection(ABC):
    """x and y in metres, eastward and northward along a central meridian, against degrees."""

    @abstractmethod
    def project(self, lat: float, lon: float) -> tuple[float, float]:
        """(x, y) of a place."""

    @abstractmethod
    def unproject(self, x: float, y: float) -> tuple[float, float]:
        """(latitude, longitude) of a point, -180 <= longitude < 180."""

    @abstractmethod
    def unproject_all(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Places:
        """`unproject` for arrays, which are broadcast against each other."""

    @abstractmethod
    def angle(self, x: float, y: float) -> float:
        """`convergence` at a point of the plane."""

    @property
    def apex(self) -> tuple[float, float] | None:
        """Where all meridians meet, None where they do nowhere."""
        return None

    @abstractmethod
    def convergence(self, lons: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the y axis points to the east of north at these longitudes, radians."""


@dataclass(frozen=True)
class PlaneGrid(Grid):
    """Points `dx` and `dy` metres apart on a plane; rows run northward along the meridian `lov`, or southward: dy < 0.

    `lat0`, `lon0`: of row 0 and column 0, degrees. Raises ValueError for what is no such grid.
    """

    title: ClassVar[str]
    """The projection's name, for people."""
    ny: int
    nx: int
    lat0: float
    lon0: float
    dx: float
    dy: float
    lov: float

    def __post_init__(self) -> None:
        sound = self.ny > 0 and self.nx > 0 and self.dx > 0 and abs(self.dy) > 0
        on_earth = abs(self.lat0) <= 90 and math.isfinite(self.lon0) and math.isfinite(self.lov)
        if not (sound and on_earth and all(abs(start) < FAR and abs(size) < FAR for start, size in self._sides)):
            raise ValueError(f"not a {self.title} grid: {self}")

    @property
    @abstractmethod
    def _projection(self) -> Projection: ...

    @cached_property
    def _first(self) -> tuple[float, float]:
        return self._projection.project(self.lat0, self.lon0)

    @property
    def _sides(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where x and y begin, and how long they are, m."""
        x0, y0 = self._first
        return (x0, self.dx * (self.nx - 1)), (y0, self.dy * (self.ny - 1))

    def _place(self, lat: float, lon: float) -> tuple[float, float]:
        check_place(lat, lon)
        x0, y0 = self._first
        x, y = self._projection.project(lat, lon)
        return self._within((y - y0) / self.dy, (x - x0) / self.dx, lat, lon)

    def _within(self, row: float, column: float, lat: float, lon: float) -> tuple[float, float]:
        # Float noise: 1e-9 of a step is micrometres.
        if not (-0.5 - 1e-9 <= row <= self.ny - 0.5 + 1e-9 and -0.5 - 1e-9 <= column <= self.nx - 0.5 + 1e-9):
            raise OutsideGrid(f"latitude {lat}, longitude {lon} is outside {self.extent()}")
        return row, column

    def _turns(self, cells: tuple[Cell, ...], row: float, column: float, lat: float) -> tuple[float, ...]:
        if not self._reaches_apex:
            return (0.0,) * len(cells)
        (x0, _), (y0, _) = self._sides
        angle = self._projection.angle
        own = angle(x0 + self.dx * column, y0 + self.dy * row)
        angles = (angle(x0 + self.dx * cell.x, y0 + self.dy * cell.y) for cell in cells)
        return tuple(math.remainder(each - own, 2.0 * math.pi) for each in angles)

    @cached_property
    def _reaches_apex(self) -> bool:
        """Whether any point lies within FEW steps of where the meridians meet."""
        if self._projection.apex is None:
            return False
        away = [
            max(min(start, start + size) - at, at - max(start, start + size), 0.0)
            for (start, size), at in zip(self._sides, self._projection.apex, strict=True)
        ]
        return math.hypot(*away) < FEW * max(self.dx, abs(self.dy))

    def latlon(self, cell: Cell) -> tuple[float, float]:
        x0, y0 = self._first
        return self._projection.unproject(x0 + self.dx * cell.x, y0 + self.dy * cell.y)

    def latlons(self, rows: Lines = ALL, columns: Lines = ALL) -> Places:
        _, ys, _, xs = self.axes()
        return self._projection.unproject_all(xs[columns], ys[rows][:, None])

    def convergence(self, rows: Lines = ALL, columns: Lines = ALL) -> NDArray[np.float64]:
        return self._projection.convergence(self.latlons(rows, columns)[1])

    def window(self, box: Box) -> Window:
        return window_of_places(*self.latlons(), box, extent=self.extent())

    def crop(self, window: Window) -> Self:
        lat0, lon0 = self.lat0, self.lon0
        if window.row or window.column:
            lat0, lon0 = self.latlon(Cell(window.row, window.column))
        return replace(self, ny=window.rows, nx=window.columns, lat0=lat0, lon0=lon0)

    def axes(self) -> tuple[str, NDArray[np.float64], str, NDArray[np.float64]]:
        x0, y0 = self._first
        columns, rows = np.arange(self.nx, dtype=np.float64), np.arange(self.ny, dtype=np.float64)
        return "y", y0 + self.dy * rows, "x", x0 + self.dx * columns

    def extent(self) -> str:
        return self._extent

    @cached_property
    def _extent(self) -> str:
        corners = [Cell(0, 0), Cell(0, self.nx - 1), Cell(self.ny - 1, self.nx - 1), Cell(self.ny - 1, 0)]
        places = ", ".join("{:.4g} {:.4g}".format(*self.latlon(corner)) for corner in dict.fromkeys(corners))
        return f"a {self.title} grid around longitude {wrap_longitude(self.lov):g} with corners at {places}"
