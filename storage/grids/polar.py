"""Polar stereographic grids: even steps in metres on a plane at a pole, as HRRR and NBM have them for Alaska."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from storage.grids.cone import Cone
from storage.grids.grid import wrap_longitude
from storage.grids.plane import PlaneGrid


@dataclass(frozen=True)
class PolarStereographicGrid(PlaneGrid):
    """`lad`: latitude at which dx and dy hold, degrees, in the hemisphere of the pole at which the plane is; (0, 0) is
    that pole. `radius`: of the sphere, m.

    y grows northward along `lov`: towards a north pole, away from a south pole.
    """

    kind: ClassVar[str] = "polar_stereographic"
    title: ClassVar[str] = "polar stereographic"
    lad: float
    radius: float

    @cached_property
    def _projection(self) -> Cone:
        return Cone.polar(self.lov, self.lad, self.radius)

    def grid_mapping(self) -> dict[str, Any]:
        return {
            "grid_mapping_name": "polar_stereographic",
            "straight_vertical_longitude_from_pole": wrap_longitude(self.lov),
            "latitude_of_projection_origin": math.copysign(90.0, self.lad),
            "standard_parallel": self.lad,
            "false_easting": 0.0,
            "false_northing": 0.0,
            "earth_radius": self.radius,
        }
