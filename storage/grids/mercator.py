"""Mercator grids: even steps in metres on a cylinder around the equator, as NBM has them for Hawaii and Puerto Rico.

Formulas for the sphere: J. P. Snyder, "Map Projections: A Working Manual", USGS Professional Paper 1395 (1987),
chapter 7; equation numbers are his. He writes ln tan(pi/4 + lat/2) as it is, here it is asinh(tan lat).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from storage.grids.grid import Box, Window, check_place, wrap_longitude, wrap_longitudes
from storage.grids.plane import Places, PlaneGrid, Projection
from storage.grids.window import window_of_axes


class Cylinder(Projection):
    """`lad`: latitude of true scale, degrees. (0, 0) lies at the equator and the meridian `lov`. Raises ValueError."""

    def __init__(self, lov: float, lad: float, radius: float) -> None:
        if not (abs(lad) < 90.0 and radius > 0.0):
            raise ValueError(f"no cylinder cuts a sphere of {radius:g} m at latitude {lad:g}")
        self.lov = lov
        self.scale = radius * math.cos(math.radians(lad))

    def project(self, lat: float, lon: float) -> tuple[float, float]:
        """Eqs. 7-1 and 7-2, times the cosine of `lad`."""
        return self.scale * math.radians(wrap_longitude(lon - self.lov)), self.northing(lat)

    def northing(self, lat: float) -> float:
        return self.scale * math.asinh(math.tan(math.radians(lat)))

    def unproject(self, x: float, y: float) -> tuple[float, float]:
        """Eqs. 7-4a and 7-5."""
        lat = math.degrees(math.atan(math.sinh(y / self.scale)))
        return lat, wrap_longitude(self.lov + math.degrees(x / self.scale))

    def unproject_all(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Places:
        lats = np.degrees(np.arctan(np.sinh(y / self.scale)))
        lons = wrap_longitudes(self.lov + np.degrees(x / self.scale))
        shape = np.broadcast_shapes(lats.shape, lons.shape)
        return np.broadcast_to(lats, shape), np.broadcast_to(lons, shape)

    def angle(self, x: float, y: float) -> float:
        """Meridians are parallel."""
        return 0.0

    def convergence(self, lons: NDArray[np.float64]) -> NDArray[np.float64]:
        """Meridians are parallel."""
        return np.zeros(lons.shape)


@dataclass(frozen=True)
class MercatorGrid(PlaneGrid):
    """`lad`: latitude at which dx and dy hold, degrees. `lov`: the meridian from which x is measured, in the middle of
    the grid where readers shall find x by latitude and longitude. `radius`: of the sphere, m.

    Where the columns close the circle the grid wraps. Raises ValueError for what is no such grid, and where it goes
    more than once around the Earth.
    """

    kind: ClassVar[str] = "mercator"
    title: ClassVar[str] = "Mercator"
    lad: float
    radius: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._sides[0][1] > 2.0 * math.pi * self._projection.scale + self.dx / 2:
            raise ValueError(f"this Mercator grid goes more than once around the Earth: {self}")

    @cached_property
    def _projection(self) -> Cylinder:
        return Cylinder(self.lov, self.lad, self.radius)

    @cached_property
    def _turn(self) -> float:
        """How many columns are once around the Earth."""
        return 2.0 * math.pi * self._projection.scale / self.dx

    @property
    def wraps(self) -> bool:
        # Steps are given in millimetres, in GRIB1 in metres.
        return abs(self._turn - self.nx) < 0.01

    def _place(self, lat: float, lon: float) -> tuple[float, float]:
        check_place(lat, lon)
        row = (self._projection.northing(lat) - self._first[1]) / self.dy
        column = (lon - self.lon0) % 360.0 / 360.0 * self._turn
        if column > self._turn - 0.5 - 1e-9:
            column -= self._turn
        return self._within(row, min(column, self.nx - 0.5) if self.wraps else column, lat, lon)

    def window(self, box: Box) -> Window:
        lats, lons = self.latlons()
        return window_of_axes(lats[:, 0], lons[0], box, wraps=self.wraps, extent=self.extent())

    def grid_mapping(self) -> dict[str, Any]:
        return {
            "grid_mapping_name": "mercator",
            "longitude_of_projection_origin": wrap_longitude(self.lov),
            "standard_parallel": self.lad,
            "false_easting": 0.0,
            "false_northing": 0.0,
            "earth_radius": self.radius,
        }
