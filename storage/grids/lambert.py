"""Lambert conformal conic grids: even steps in metres on a cone, as HRRR, NBM and RAP have them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from storage.grids.cone import Cone
from storage.grids.grid import wrap_longitude
from storage.grids.plane import PlaneGrid


@dataclass(frozen=True)
class LambertGrid(PlaneGrid):
    """`latin1`, `latin2`: standard parallels, degrees; (0, 0) of the plane lies at `latin1`, `lov`. `radius`: of the
    sphere, m.

    Raises ValueError for what is no such grid, and where it reaches over the gap of the cone.
    """

    kind: ClassVar[str] = "lambert"
    title: ClassVar[str] = "Lambert"
    latin1: float
    latin2: float
    radius: float

    def __post_init__(self) -> None:
        super().__post_init__()
        xs, ys = ([start, start + size] for start, size in self._sides)
        # The gap opens towards the pole: of an edge, the point next to the central meridian is furthest in.
        xs.append(min(max(xs[0], 0.0), xs[1]))
        if not all(self._projection.holds(x, y) for x in xs for y in ys):
            raise ValueError(f"this Lambert grid reaches over the gap of its cone: {self}")

    @cached_property
    def _projection(self) -> Cone:
        return Cone.lambert(self.lov, self.latin1, self.latin2, self.radius)

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
