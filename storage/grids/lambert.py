"""Lambert conformal conic grids: even steps in metres on a cone, as HRRR, NBM and RAP have them.

Formulas for the sphere: J. P. Snyder, "Map Projections: A Working Manual", USGS Professional Paper 1395 (1987),
chapters 14 and 15; equation numbers are his. He writes tan(pi/4 + lat/2) as it is, here it is exp(asinh(tan lat)),
which stays finite at both poles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from storage.grids.grid import ALL, Box, Cell, Grid, Lines, OutsideGrid, Window, wrap_longitude, wrap_longitudes


class Cone:
    """The projection. x and y in metres, eastward and northward along the meridian `lov`; (0, 0) at `latin1`, `lov`.

    `latin1`, `latin2`: latitudes of true scale, degrees, equal where the cone touches the sphere; of the southern
    hemisphere where negative. Raises ValueError for a pair that is no cone.
    """

    def __init__(self, lov: float, latin1: float, latin2: float, radius: float) -> None:
        if not (abs(latin1) < 90.0 and abs(latin2) < 90.0 and latin1 + latin2 != 0.0 and radius > 0.0):
            raise ValueError(f"no cone touches a sphere of {radius:g} m at latitudes {latin1:g} and {latin2:g}")
        self.lov = lov
        one, two = math.radians(latin1), math.radians(latin2)
        if abs(one - two) < 1e-9:
            self.n = math.sin(one)
        else:
            # Eq. 15-3.
            self.n = math.log(math.cos(one) / math.cos(two)) / (_isometric(two) - _isometric(one))
        # Eq. 15-2, times the radius.
        self.scale = radius * math.cos(one) * math.exp(self.n * _isometric(one)) / self.n
        self.apex = self._distance(one)

    def _distance(self, lat: float) -> float:
        """From the apex to a parallel in radians, negative on a southern cone (eq. 15-1), m."""
        return self.scale * math.exp(-self.n * _isometric(lat))

    def project(self, lat: float, lon: float) -> tuple[float, float]:
        """(x, y) of a place in degrees (eqs. 14-1, 14-2, 14-4)."""
        rho = self._distance(math.radians(lat))
        theta = self.n * math.radians(wrap_longitude(lon - self.lov))
        return rho * math.sin(theta), self.apex - rho * math.cos(theta)

    def unproject(self, x: float, y: float) -> tuple[float, float]:
        """(latitude, longitude) in degrees, -180 <= longitude < 180 (eqs. 14-9 to 14-11 and 15-5)."""
        side = math.copysign(1.0, self.n)
        rho, theta = math.hypot(x, self.apex - y), math.atan2(side * x, side * (self.apex - y))
        colatitude = 2.0 * math.atan((rho / abs(self.scale)) ** (1.0 / abs(self.n)))
        lon = wrap_longitude(self.lov + math.degrees(theta / self.n))
        return side * (90.0 - math.degrees(colatitude)), lon

    def unproject_all(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`unproject` for arrays, which are broadcast against each other."""
        side = math.copysign(1.0, self.n)
        rho, theta = np.hypot(x, self.apex - y), np.arctan2(side * x, side * (self.apex - y))
        colatitude = 2.0 * np.arctan((rho / abs(self.scale)) ** (1.0 / abs(self.n)))
        lons = wrap_longitudes(self.lov + np.degrees(theta / self.n))
        return side * (90.0 - np.degrees(colatitude)), lons

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the plane is on the unrolled cone, and not in the gap opposite to `lov`."""
        side = math.copysign(1.0, self.n)
        return abs(math.atan2(side * x, side * (self.apex - y))) <= abs(self.n) * math.pi


def _isometric(lat: float) -> float:
    """log tan(pi/4 + lat/2), lat in radians."""
    return math.asinh(math.tan(lat))


@dataclass(frozen=True)
class LambertGrid(Grid):
    """Points `dx` and `dy` metres apart on a cone; rows run northward along the meridian `lov`, or southward: dy < 0.

    `lat0`, `lon0`: of row 0 and column 0, degrees. `latin1`, `latin2`: standard parallels, degrees. `radius`: of the
    sphere, m. Raises ValueError for what is no such grid, and where it reaches over the gap of the cone.
    """

    kind: ClassVar[str] = "lambert"
    ny: int
    nx: int
    lat0: float
    lon0: float
    dx: float
    dy: float
    lov: float
    latin1: float
    latin2: float
    radius: float

    def __post_init__(self) -> None:
        if self.ny < 1 or self.nx < 1 or not self.dx > 0 or not abs(self.dy) > 0 or not abs(self.lat0) < 90:
            raise ValueError(f"not a Lambert grid: {self}")
        xs, ys = ([start, start + step] for start, step in zip(self._first, self._size, strict=True))
        # The gap opens towards the pole: of an edge, the point next to the central meridian is furthest in.
        xs.append(min(max(xs[0], 0.0), xs[1]))
        if not all(self._cone.holds(x, y) for x in xs for y in ys):
            raise ValueError(f"this Lambert grid reaches over the gap of its cone: {self}")

    @cached_property
    def _cone(self) -> Cone:
        return Cone(self.lov, self.latin1, self.latin2, self.radius)

    @cached_property
    def _first(self) -> tuple[float, float]:
        return self._cone.project(self.lat0, self.lon0)

    @property
    def _size(self) -> tuple[float, float]:
        return self.dx * (self.nx - 1), self.dy * (self.ny - 1)

    def _place(self, lat: float, lon: float) -> tuple[float, float]:
        """Fractional (row, column) of a place, at most half a cell outside."""
        if not (math.isfinite(lat) and math.isfinite(lon) and -90.0 <= lat <= 90.0):
            raise OutsideGrid(f"latitude {lat}, longitude {lon} is not a place on Earth")
        x0, y0 = self._first
        x, y = self._cone.project(lat, lon)
        column, row = (x - x0) / self.dx, (y - y0) / self.dy
        # Float noise: 1e-9 of a step is micrometres.
        if not (-0.5 - 1e-9 <= row <= self.ny - 0.5 + 1e-9 and -0.5 - 1e-9 <= column <= self.nx - 0.5 + 1e-9):
            raise OutsideGrid(f"latitude {lat}, longitude {lon} is outside {self.extent()}")
        return row, column

    def cell(self, lat: float, lon: float) -> Cell:
        row, column = self._place(lat, lon)
        return Cell(min(max(math.floor(row + 0.5), 0), self.ny - 1), min(max(math.floor(column + 0.5), 0), self.nx - 1))

    def latlon(self, cell: Cell) -> tuple[float, float]:
        x0, y0 = self._first
        return self._cone.unproject(x0 + self.dx * cell.x, y0 + self.dy * cell.y)

    def latlons(self, rows: Lines = ALL, columns: Lines = ALL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        _, ys, _, xs = self.axes()
        return self._cone.unproject_all(xs[columns], ys[rows][:, None])

    def neighbours(self, lat: float, lon: float) -> list[tuple[Cell, float]]:
        y, x = self._place(lat, lon)
        y, x = min(max(y, 0.0), self.ny - 1.0), min(max(x, 0.0), self.nx - 1.0)
        row, column = math.floor(y), math.floor(x)
        fy, fx = y - row, x - column
        weights = [
            (Cell(row + dy, column + dx), (fy if dy else 1 - fy) * (fx if dx else 1 - fx))
            for dy in (0, 1)
            for dx in (0, 1)
        ]
        return [(cell, weight) for cell, weight in weights if weight > 0]

    def window(self, box: Box) -> Window:
        lats, lons = self.latlons()
        width = 360.0 if box.east - box.west >= 360.0 else (box.east - box.west) % 360.0
        within = (lons - box.west + 1e-9) % 360.0 <= width + 2e-9
        within &= (lats >= box.south - 1e-9) & (lats <= box.north + 1e-9)
        rows, columns = np.flatnonzero(within.any(axis=1)), np.flatnonzero(within.any(axis=0))
        if not len(rows):
            raise OutsideGrid(f"no grid point lies within {tuple(box)} of {self.extent()}")
        row, column = int(rows[0]), int(columns[0])
        return Window(row, int(rows[-1]) + 1 - row, column, int(columns[-1]) + 1 - column)

    def crop(self, window: Window) -> LambertGrid:
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
        return f"a Lambert grid around longitude {wrap_longitude(self.lov):g} with corners at {places}"

    def grid_mapping(self) -> dict[str, Any]:
        one = self.latin1 == self.latin2
        return {
            "grid_mapping_name": "lambert_conformal_conic",
            "standard_parallel": self.latin1 if one else [self.latin1, self.latin2],
            "longitude_of_central_meridian": wrap_longitude(self.lov),
            "latitude_of_projection_origin": self.latin1,
            "false_easting": 0.0,
            "false_northing": 0.0,
            "earth_radius": self.radius,
        }
