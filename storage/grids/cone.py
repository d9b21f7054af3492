"""Conformal projections onto a cone, and onto the plane that touches a pole, which is the flattest of cones.

Formulas for the sphere: J. P. Snyder, "Map Projections: A Working Manual", USGS Professional Paper 1395 (1987),
chapters 14, 15 and 21; equation numbers are his. He writes tan(pi/4 + lat/2) as it is, here it is exp(asinh(tan lat)),
which stays finite at both poles.
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

from storage.grids.grid import wrap_longitude, wrap_longitudes
from storage.grids.plane import Places, Projection


class Cone(Projection):
    """`n`: the cone constant, negative on southern cones, 1 or -1 on the plane at a pole. `scale`: metres from the apex
    to the equator, with the sign of n. (0, 0) lies on the meridian `lov`, `apex` metres from the apex.
    """

    def __init__(self, lov: float, n: float, scale: float, apex: float) -> None:
        self.lov, self.n, self.scale, self._top = lov, n, scale, apex
        self._side, self._power = math.copysign(1.0, n), 1.0 / abs(n)

    @classmethod
    def lambert(cls, lov: float, latin1: float, latin2: float, radius: float) -> Self:
        """Lambert's. `latin1`, `latin2`: latitudes of true scale, degrees, equal where the cone touches the sphere; of
        the southern hemisphere where negative. (0, 0) is at `latin1`. Raises ValueError for a pair that is no cone.
        """
        if not (abs(latin1) < 90.0 and abs(latin2) < 90.0 and latin1 + latin2 != 0.0 and radius > 0.0):
            raise ValueError(f"no cone touches a sphere of {radius:g} m at latitudes {latin1:g} and {latin2:g}")
        one, two = math.radians(latin1), math.radians(latin2)
        if abs(one - two) < 1e-9:
            n = math.sin(one)
        else:
            # Eq. 15-3.
            n = math.log(math.cos(one) / math.cos(two)) / (_isometric(two) - _isometric(one))
        # Eq. 15-2, times the radius.
        scale = radius * math.cos(one) * math.exp(n * _isometric(one)) / n
        return cls(lov, n, scale, scale * math.exp(-n * _isometric(one)))

    @classmethod
    def polar(cls, lov: float, lad: float, radius: float) -> Self:
        """The polar stereographic one. `lad`: latitude of true scale, degrees, with the sign of the pole, which is
        (0, 0). Raises ValueError where it tells no pole.
        """
        if not (0.0 < abs(lad) <= 90.0 and radius > 0.0):
            raise ValueError(f"no plane at a pole has true scale at latitude {lad:g} of a sphere of {radius:g} m")
        # Eqs. 21-5 to 21-10 with 2 k0 = 1 + sin lad: k of eq. 21-7 is 1 there.
        n = math.copysign(1.0, lad)
        return cls(lov, n, n * radius * (1.0 + math.sin(math.radians(abs(lad)))), 0.0)

    def project(self, lat: float, lon: float) -> tuple[float, float]:
        """Eqs. 15-1 (21-5 and 21-6, 21-9 and 21-10), 14-1, 14-2 and 14-4."""
        rho = self.scale * math.exp(-self.n * _isometric(math.radians(lat)))
        theta = self.n * math.radians(wrap_longitude(lon - self.lov))
        return rho * math.sin(theta), self._top - rho * math.cos(theta)

    def unproject(self, x: float, y: float) -> tuple[float, float]:
        """Eqs. 14-9 to 14-11 and 15-5 (20-14 to 20-18 and 21-15)."""
        rho, theta = math.hypot(x, self._top - y), self.angle(x, y)
        colatitude = 2.0 * math.atan((rho / abs(self.scale)) ** self._power)
        lon = wrap_longitude(self.lov + math.degrees(theta / self.n))
        return self._side * (90.0 - math.degrees(colatitude)), lon

    def unproject_all(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Places:
        rho = np.hypot(x, self._top - y)
        theta = np.arctan2(self._side * x, self._side * (self._top - y))
        colatitude = 2.0 * np.arctan((rho / abs(self.scale)) ** self._power)
        lons = wrap_longitudes(self.lov + np.degrees(theta / self.n))
        return self._side * (90.0 - np.degrees(colatitude)), lons

    def convergence(self, lons: NDArray[np.float64]) -> NDArray[np.float64]:
        """The angle between the meridian of a point and `lov` on the unrolled cone (eq. 14-4)."""
        return self.n * np.radians(wrap_longitudes(lons - self.lov))

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the plane is on the unrolled cone, and not in the gap opposite to `lov`."""
        return abs(self.angle(x, y)) <= abs(self.n) * math.pi

    def angle(self, x: float, y: float) -> float:
        return math.atan2(self._side * x, self._side * (self._top - y))

    @property
    def apex(self) -> tuple[float, float]:
        return 0.0, self._top


def _isometric(lat: float) -> float:
    """log tan(pi/4 + lat/2), lat in radians."""
    return math.asinh(math.tan(lat))
