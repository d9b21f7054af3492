"""The common face of every grid, and the words for its parts."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import compress
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


class _Around(NamedTuple):
    cells: tuple[Cell, ...]
    weights: tuple[float, ...]
    turns: tuple[float, ...]


Four = tuple[float, float, float, float]
_NEAREST_FIRST = ((0, 1, 2, 3), (1, 0, 2, 3), (2, 0, 1, 3), (3, 0, 1, 2))
FourNumbers = tuple[int, int, int, int]


class FourCells(NamedTuple):
    """What a kernel asks about the cells around a place, the nearest first. Where fewer are there, it comes again, and
    weighs 0."""

    cells: tuple[Cell, Cell, Cell, Cell]
    rows: FourNumbers
    columns: FourNumbers
    weights: Four
    turns: Four


class Around(_Around):
    """The up to four cells around a place, and each one's share of what a straight line makes of them there.

    weights: above 0; they sum to 1. turns: how far east at the cell points to the left of east at the place, as both
    lie on a map around the pole, radians; 0 where that is too little to matter.
    """

    @property
    def nearest(self) -> int:
        """The number of the cell of the largest weight, of equals the last: so `Grid.cell` has it."""
        return len(self.weights) - 1 - self.weights[::-1].index(max(self.weights))

    @cached_property
    def four(self) -> FourCells:
        """The same, as kernels ask."""
        cells, weights, turns = self
        nearest = self.nearest
        if rest := 4 - len(cells):
            cells += (cells[nearest],) * rest
            weights += (0.0,) * rest
            turns += (turns[nearest],) * rest
        i, j, k, m = _NEAREST_FIRST[nearest]
        a, b, c, d = cells[i], cells[j], cells[k], cells[m]
        return FourCells(
            (a, b, c, d),
            (a[0], b[0], c[0], d[0]),
            (a[1], b[1], c[1], d[1]),
            (weights[i], weights[j], weights[k], weights[m]),
            (turns[i], turns[j], turns[k], turns[m]),
        )

    def only(self, kept: Sequence[bool]) -> Around:
        """The same without those cells that are not `kept`, of which there must be one."""
        total = sum(compress(self.weights, kept))
        weights = tuple(weight / total for weight in compress(self.weights, kept))
        return Around(tuple(compress(self.cells, kept)), weights, tuple(compress(self.turns, kept)))


def just(cell: Cell) -> Around:
    """One cell as it is."""
    return Around((cell,), (1.0,), (0.0,))


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

    @property
    def wraps(self) -> bool:
        """Whether the columns close the circle: west of column 0 lies the last one."""
        return False

    @abstractmethod
    def _place(self, lat: float, lon: float) -> tuple[float, float]:
        """Fractional (row, column) of a place, at most half a cell outside; raises OutsideGrid."""

    def cell(self, lat: float, lon: float) -> Cell:
        """The nearest cell; raises OutsideGrid."""
        y, x = self._place(lat, lon)
        row, column = min(max(math.floor(y + 0.5), 0), self.ny - 1), math.floor(x + 0.5)
        return Cell(row, column % self.nx if self.wraps else min(max(column, 0), self.nx - 1))

    @abstractmethod
    def latlon(self, cell: Cell) -> tuple[float, float]:
        """Latitude and longitude (-180 <= lon < 180) of a cell's point, degrees."""

    @abstractmethod
    def latlons(self, rows: Lines = ALL, columns: Lines = ALL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes [rows, columns] of the points, degrees, -180 <= lon < 180; not to be written to."""

    def edge(self) -> NDArray[np.bool_]:
        """The points [y, x] beyond which the map does not go on."""
        edge = np.zeros(self.shape, np.bool_)
        edge[[0, -1]] = True
        if not self.wraps:
            edge[:, [0, -1]] = True
        return edge

    def convergence(self, rows: Lines = ALL, columns: Lines = ALL) -> NDArray[np.float64]:
        """How far the y axis points to the east of north at the points, radians [rows, columns]."""
        lats, _ = self.latlons(rows, columns)
        return np.zeros(lats.shape)

    def neighbours(self, lat: float, lon: float) -> Around:
        """The up to four cells around a place with bilinear weights; raises OutsideGrid.

        Half a cell outside of the outermost cells, only these are there.
        """
        row, column = self._place(lat, lon)
        last = self.nx - 1
        row = min(max(row, 0.0), self.ny - 1.0)
        if not self.wraps:
            column = min(max(column, 0.0), float(last))
        y, x = math.floor(row), math.floor(column)
        down, right = row - y, column - x
        east = x + 1 if x < last else 0
        if x < 0:
            x = last
        cells: tuple[Cell, ...]
        weights: tuple[float, ...]
        if down and right:
            cells = Cell(y, x), Cell(y, east), Cell(y + 1, x), Cell(y + 1, east)
            left, up = 1.0 - right, 1.0 - down
            weights = up * left, up * right, down * left, down * right
        elif right:
            cells, weights = (Cell(y, x), Cell(y, east)), (1.0 - right, right)
        elif down:
            cells, weights = (Cell(y, x), Cell(y + 1, x)), (1.0 - down, down)
        else:
            cells, weights = (Cell(y, x),), (1.0,)
        return Around(cells, weights, self._turns(cells, row, column, lat))

    def _turns(self, cells: tuple[Cell, ...], row: float, column: float, lat: float) -> tuple[float, ...]:
        """`turns` of the neighbours of a place at fractional row and column."""
        return (0.0,) * len(cells)

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


def check_place(lat: float, lon: float) -> None:
    """Raises OutsideGrid where there is no such place."""
    if not (math.isfinite(lat) and math.isfinite(lon) and -90.0 <= lat <= 90.0):
        raise OutsideGrid(f"latitude {lat}, longitude {lon} is not a place on Earth")


def wrap_longitude(lon: float) -> float:
    """The same meridian in [-180, 180)."""
    wrapped = (lon + 180.0) % 360.0 - 180.0
    # The rest of a tiny negative number by 360 rounds to 360.
    return wrapped if wrapped < 180.0 else -180.0


def wrap_longitudes(lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """`wrap_longitude` of each."""
    wrapped = (lons + 180.0) % 360.0 - 180.0
    return np.where(wrapped < 180.0, wrapped, -180.0)
