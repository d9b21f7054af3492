"""The nearest of many marked points of a map, for each of its other points: exact to the point, on a sphere.

Points are unit vectors, distances chords: the triangle inequality holds for them, across poles and the date line, and
on every grid. The map is worked through in tiles. Of the marked points only those count that have an unmarked
neighbour: who comes from outside meets these first. Candidates of a tile are those whose distance from its middle is at
most that of the closest one and the tile's width, and it is these that all its points are held against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid, Window

SIZE, SQUARE = 64, 16
"""Rows and columns of a tile, and of its squares."""
ROUNDING = 1e-9
"""Of the earth's radius, 6 mm: candidates may be so much farther."""
POLE = 90.0 - 1e-6
"""Latitudes end here, 0.1 m from the pole, so that every point has a north."""

Points = NDArray[np.float64]
Three = tuple[Points, Points, Points]
"""x, y and z, [point] each: contiguous, or loops over them would not be vectorised."""


@dataclass(frozen=True)
class Globe:
    """A map on a sphere. points: unit vectors float64 [3, y * x]. edge: bool [y, x], beyond which it does not go on."""

    points: Points
    edge: NDArray[np.bool_]
    wraps: bool

    @classmethod
    def of(cls, grid: Grid) -> Globe:
        lats, lons = (np.radians(some) for some in grid.latlons())
        lats = np.clip(lats, -math.radians(POLE), math.radians(POLE))
        points = np.stack([np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)])
        return cls(points.reshape(3, -1), grid.edge(), grid.wraps)


class Tiles(NamedTuple):
    """Marked points by the tile that they lie in, and a ball around those of each tile that has any.

    cells: int64 [point], flat; first: int64 [tile + 1], where its cells begin; balls: float64 [4, tile], middle and
    radius.
    """

    cells: NDArray[np.int64]
    first: NDArray[np.int64]
    balls: Points


def nearest(globe: Globe, marked: NDArray[np.bool_], window: Window, reach: float) -> NDArray[np.int32]:
    """For each cell of a window the flat number of the nearest marked cell of the map; its own where it is marked.

    -1 where none is within `reach`, a chord of the unit sphere. marked: [y, x]. Of several as near, any.
    """
    tiles = _tiles(marked, globe.wraps, globe.points)
    found = np.empty((window.rows, window.columns), np.int32)
    _search(marked, globe.points, tiles, window, reach, found.reshape(-1))
    return found


def _tiles(marked: NDArray[np.bool_], wraps: bool, points: Points) -> Tiles:
    cells, first = _sorted(marked, wraps)
    return Tiles(cells, first, _balls(points, cells, first))


@numba.njit(nogil=True, cache=True)
def _sorted(marked: NDArray[np.bool_], wraps: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The marked cells that end the map or have an unmarked one beside them, by tile, and where each tile begins."""
    ny, nx = marked.shape
    across = (nx + SIZE - 1) // SIZE
    own = np.zeros((ny + SIZE - 1) // SIZE * across, np.int64)
    kept = np.zeros((ny, nx), np.bool_)
    for y in range(ny):
        for x in range(nx):
            if not marked[y, x]:
                continue
            inside = 0 < y < ny - 1 and (wraps or 0 < x < nx - 1)
            if inside:
                west, east = x - 1 if x else nx - 1, x + 1 if x < nx - 1 else 0
                inside = marked[y - 1, x] and marked[y + 1, x] and marked[y, west] and marked[y, east]
            if not inside:
                kept[y, x] = True
                own[y // SIZE * across + x // SIZE] += 1
    first = np.zeros((own > 0).sum() + 1, np.int64)
    at = np.empty(len(own), np.int64)
    tile = 0
    for number in range(len(own)):
        if own[number]:
            at[number] = first[tile]
            first[tile + 1] = first[tile] + own[number]
            tile += 1
    cells = np.empty(first[-1], np.int64)
    for y in range(ny):
        for x in range(nx):
            if kept[y, x]:
                number = y // SIZE * across + x // SIZE
                cells[at[number]] = y * nx + x
                at[number] += 1
    return cells, first


@numba.njit(nogil=True, cache=True)
def _balls(points: Points, cells: NDArray[np.int64], first: NDArray[np.int64]) -> Points:
    balls = np.empty((4, len(first) - 1))
    for tile in range(balls.shape[1]):
        own = cells[first[tile] : first[tile + 1]]
        some = (points[0][own], points[1][own], points[2][own])
        balls[:3, tile] = _middle(some)
        balls[3, tile] = _radius(some, balls[:3, tile])
    return balls


@numba.njit(nogil=True, cache=True)
def _radius(some: Three, middle: NDArray[np.float64]) -> float:
    """How far the farthest of the points is from the middle."""
    xs, ys, zs = some
    farthest = 0.0
    for number in range(len(xs)):
        x, y, z = xs[number] - middle[0], ys[number] - middle[1], zs[number] - middle[2]
        farthest = max(farthest, x * x + y * y + z * z)
    return math.sqrt(farthest)


@numba.njit(nogil=True, cache=True, inline="always")
def _square(points: Points, number: int, middle: NDArray[np.float64]) -> float:
    x, y, z = points[0, number] - middle[0], points[1, number] - middle[1], points[2, number] - middle[2]
    return x * x + y * y + z * z


@numba.njit(nogil=True, cache=True)
def _search(
    marked: NDArray[np.bool_], points: Points, tiles: Tiles, window: Window, reach: float, found: NDArray[np.int32]
) -> None:
    """Tile by tile, and within it square by square, of which each takes from the tile's candidates its own."""
    lowest = np.empty(len(tiles.first) - 1)
    wide, few = np.empty((2, len(tiles.cells)), np.int64)
    own, place = np.empty((3, SIZE * SIZE)), np.empty(SIZE * SIZE, np.int64)
    for top in range(0, window.rows, SIZE):
        for left in range(0, window.columns, SIZE):
            count = _unmarked(marked, points, window, top, left, SIZE, own, place, found)
            if not count:
                continue
            some = _some(points, tiles, (own[0, :count], own[1, :count], own[2, :count]), reach, lowest, wide)
            for row in range(top, min(top + SIZE, window.rows), SQUARE):
                for column in range(left, min(left + SIZE, window.columns), SQUARE):
                    count = _unmarked(marked, points, window, row, column, SQUARE, own, place, found)
                    if count:
                        kept = _closest(
                            points, wide[:some], (own[0, :count], own[1, :count], own[2, :count]), reach, few
                        )
                        _compare(
                            points, few[:kept], (own[0, :count], own[1, :count], own[2, :count]), place, reach, found
                        )


@numba.njit(nogil=True, cache=True)
def _unmarked(
    marked: NDArray[np.bool_],
    points: Points,
    window: Window,
    top: int,
    left: int,
    size: int,
    own: Points,
    place: NDArray[np.int64],
    found: NDArray[np.int32],
) -> int:
    """The points that are not marked of a part of the window, into `own` and `place`; how many. Others found."""
    nx = marked.shape[1]
    count = 0
    for row in range(top, min(top + size, window.rows)):
        for column in range(left, min(left + size, window.columns)):
            y, x = window.row + row, (window.column + column) % nx
            if marked[y, x]:
                found[row * window.columns + column] = y * nx + x
                continue
            for axis in range(3):
                own[axis, count] = points[axis, y * nx + x]
            place[count] = row * window.columns + column
            count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _some(
    points: Points, tiles: Tiles, own: Three, reach: float, lowest: NDArray[np.float64], kept: NDArray[np.int64]
) -> int:
    """The cells that may be the nearest of any own point, into `kept`; how many."""
    middle = _middle(own)
    radius = _radius(own, middle)
    limit = min(_bounds(tiles.balls, middle, lowest) + 2.0 * radius, reach + radius) + ROUNDING
    count = 0
    for tile in range(len(lowest)):
        if lowest[tile] <= limit:
            for number in tiles.cells[tiles.first[tile] : tiles.first[tile + 1]]:
                kept[count] = number
                count += 1
    return _closest(points, kept[:count], own, reach, kept)


@numba.njit(nogil=True, cache=True)
def _closest(points: Points, cells: NDArray[np.int64], own: Three, reach: float, kept: NDArray[np.int64]) -> int:
    """Of some cells those that may be the nearest of any own point, into `kept`, which may be the same; how many."""
    middle = _middle(own)
    radius = _radius(own, middle)
    closest = np.inf
    for number in cells:
        closest = min(closest, _square(points, number, middle))
    limit = (min(math.sqrt(closest) + 2.0 * radius, reach + radius) + ROUNDING) ** 2
    count = 0
    for number in cells:
        if _square(points, number, middle) <= limit:
            kept[count] = number
            count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _compare(
    points: Points,
    cells: NDArray[np.int64],
    own: Three,
    place: NDArray[np.int64],
    reach: float,
    found: NDArray[np.int32],
) -> None:
    """The nearest cell of each own point."""
    xs, ys, zs = own
    best, which = np.full(len(xs), -2.0), np.full(len(xs), -1)
    for number in cells:
        x, y, z = points[0, number], points[1, number], points[2, number]
        for one in range(len(xs)):
            cosine = xs[one] * x + ys[one] * y + zs[one] * z
            closer = cosine > best[one]
            best[one] = cosine if closer else best[one]
            which[one] = number if closer else which[one]
    for one in range(len(xs)):
        # The square of a chord is 2 - 2 cos.
        found[place[one]] = which[one] if 2.0 - 2.0 * best[one] <= reach * reach else -1


@numba.njit(nogil=True, cache=True)
def _middle(some: Three) -> NDArray[np.float64]:
    return np.array([some[0].mean(), some[1].mean(), some[2].mean()])


@numba.njit(nogil=True, cache=True, fastmath={"nsz", "contract", "reassoc"})
def _bounds(balls: Points, middle: NDArray[np.float64], lowest: NDArray[np.float64]) -> float:
    """How far each ball is from the middle, into `lowest`; how far the farthest point of the closest one may be."""
    highest = np.inf
    for tile in range(balls.shape[1]):
        x, y, z = balls[0, tile] - middle[0], balls[1, tile] - middle[1], balls[2, tile] - middle[2]
        away = math.sqrt(x * x + y * y + z * z)
        lowest[tile] = away - balls[3, tile]
        highest = min(highest, away + balls[3, tile])
    return highest
