"""Areas of made fields in metres: the keys of their messages, and what PROJ calls their planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import eccodes
import numpy as np
import pyproj
from numpy.typing import NDArray


@dataclass(frozen=True)
class Area:
    """Where made fields lie. `lat`, `lon`: of the first point as scanned, degrees; steps in metres; `projection`: keys
    of the message; `proj`: what PROJ calls them.
    """

    kind: str
    projection: dict[str, Any]
    proj: dict[str, Any]
    lat: float = 40.0
    lon: float = 250.0
    dx: float = 30_000.0
    dy: float = 20_000.0
    nx: int = 15
    ny: int = 13
    northward: bool = True
    westward: bool = False

    def message(self, ordered: NDArray[np.float64] | None = None, edition: int = 2, **more: Any) -> bytes:
        """`ordered`: values in the order of the message."""
        handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
        mercator = self.kind == "mercator"
        keys: dict[str, Any] = {
            "gridType": self.kind,
            "Ni" if mercator else "Nx": self.nx,
            "Nj" if mercator else "Ny": self.ny,
            "latitudeOfFirstGridPointInDegrees": self.lat,
            "longitudeOfFirstGridPointInDegrees": self.lon,
            "DiInMetres" if mercator else "DxInMetres": self.dx,
            "DjInMetres" if mercator else "DyInMetres": self.dy,
            "jScansPositively": int(self.northward),
            "iScansNegatively": int(self.westward),
            "bitsPerValue": 24,
        }
        if mercator:
            lats, lons = self.places()
            last = -1, 0 if self.westward else -1
            keys |= {
                "latitudeOfLastGridPointInDegrees": lats[last],
                "longitudeOfLastGridPointInDegrees": lons[last] % 360,
            }
        for key, value in (keys | self.projection | more).items():
            if edition == 2 or mercator or key != "LaDInDegrees":
                eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.zeros(self.nx * self.ny) if ordered is None else ordered)
        return bytes(eccodes.codes_get_message(handle))

    def places(self, radius: float = 6_371_229.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes [y, x] by PROJ, rows as scanned, columns from the west."""
        proj = pyproj.Proj(R=radius, **self.proj)
        x, y = proj(self.lon, self.lat)
        xs = x + self.dx * (np.arange(self.nx) - (self.nx - 1 if self.westward else 0))
        ys = y + self.dy * np.arange(self.ny) * (1 if self.northward else -1)
        lons, lats = proj(*np.meshgrid(xs, ys), inverse=True)
        return lats, lons


def cone(latin1: float = 38.5, latin2: float = 38.5, lov: float = 262.5, **more: Any) -> Area:
    keys = {"LaDInDegrees": latin1, "Latin1InDegrees": latin1, "Latin2InDegrees": latin2, "LoVInDegrees": lov}
    proj = {"proj": "lcc", "lat_1": latin1, "lat_2": latin2, "lat_0": latin1, "lon_0": lov}
    return Area("lambert", keys, proj, **more)


def polar(lad: float = 60.0, lov: float = 225.0, **more: Any) -> Area:
    keys = {"LaDInDegrees": lad, "orientationOfTheGridInDegrees": lov, "projectionCentreFlag": 128 * (lad < 0)}
    proj = {"proj": "stere", "lat_0": 90.0 if lad > 0 else -90.0, "lat_ts": lad, "lon_0": lov}
    return Area("polar_stereographic", keys, proj, **more)


def mercator(lad: float = 20.0, lon: float = 250.0, **more: Any) -> Area:
    return Area("mercator", {"LaDInDegrees": lad}, {"proj": "merc", "lat_ts": lad, "lon_0": lon}, lon=lon, **more)
