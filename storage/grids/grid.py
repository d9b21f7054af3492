"""The common face of every grid, and the words for its parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

Lines = slice | NDArray[np.integer]
"""Some rows or columns of a grid: whatever picks them out of an array of all."""
ALL = slice(None)


class OutsideGrid(ValueError):
    """The place is further than half a cell from the grid's outermost cells."""


class Cell(NamedTuple):
    """Row and column of one grid point."""

    y: int
    x: int


class Box(NamedTuple):
    """A region in degrees; `west` may exceed `east` where it crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float


class Window(NamedTuple):
    """A part of a grid: rows [row, row + rows), columns (column + 0..columns - 1) modulo nx."""

    row: int
    rows: int
    column: int
    columns: int


class Grid(ABC):
    """Common face of every grid. `shape` is (ny, nx)."""

    kind: ClassVar[str]
    ny: int
    nx: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.ny, self.nx

    @abstractmethod
    def cell(self, lat: float, lon: float) -> Cell:
        """The nearest cell; raises OutsideGrid."""

    @abstractmethod
    def latlon(self, cell: Cell) -> tuple[float, float]:
        """Latitude and longitude (-180 <= lon < 180) of a cell's point, degrees."""

    @abstractmethod
    def latlons(self, rows: Lines = ALL, columns: Lines = ALL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes [rows, columns] of the points, degrees, -180 <= lon < 180; not to be written to."""

    @abstractmethod
    def neighbours(self, lat: float, lon: float) -> list[tuple[Cell, float]]:
        """The up to four cells around a place with bilinear weights that sum to 1; raises OutsideGrid."""

    @abstractmethod
    def window(self, box: Box) -> Window:
        """The smallest window that holds every point of the grid within `box`; raises OutsideGrid when empty."""

    @abstractmethod
    def crop(self, window: Window) -> Grid:
        """The grid of a window."""

    @abstractmethod
    def axes(self) -> tuple[str, NDArray[np.float64], str, NDArray[np.float64]]:
        """(y name, y values [ny], x name, x values [nx]) of the one-dimensional CF coordinates."""

    @abstractmethod
    def extent(self) -> str:
        """The area in words, for people."""

    @abstractmethod
    def grid_mapping(self) -> dict[str, Any]:
        """CF grid mapping attributes of `spatial_ref`."""

    def to_attrs(self) -> dict[str, Any]:
        """Plain JSON from which `grid_from_attrs` builds an equal grid."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


def wrap_longitude(lon: float) -> float:
    """The same meridian in [-180, 180)."""
    wrapped = (lon + 180.0) % 360.0 - 180.0
    # The rest of a tiny negative number by 360 rounds to 360.
    return wrapped if wrapped < 180.0 else -180.0


def wrap_longitudes(lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """`wrap_longitude` of each."""
    wrapped = (lons + 180.0) % 360.0 - 180.0
    return np.where(wrapped < 180.0, wrapped, -180.0)
