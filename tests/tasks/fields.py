"""Fields on any grid as messages, staged in one blob."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
from numpy.typing import NDArray

from tasks.wanted import StagedMessage


@dataclass(frozen=True)
class Plane:
    """Where a made field lies and in which order its message gives it; degrees. `dlat` < 0: from north to south."""

    lat0: float = 52.0
    dlat: float = -0.25
    ny: int = 13
    lon0: float = -3.0
    dlon: float = 0.25
    nx: int = 15
    westward: bool = False
    columns_first: bool = False
    alternating: bool = False

    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes [y, x] of the points, rows as scanned, columns from the west."""
        lats = self.lat0 + self.dlat * np.arange(self.ny)
        lons = self.lon0 + self.dlon * np.arange(self.nx)
        return np.repeat(lats[:, None], self.nx, axis=1), np.repeat(lons[None], self.ny, axis=0)

    def ordered(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """values [y, x] in the order of the message."""
        lines = values[:, ::-1] if self.westward else values
        lines = (lines.T if self.columns_first else lines).copy()
        if self.alternating:
            lines[1::2] = lines[1::2, ::-1]
        return lines.ravel()


def field_message(
    values: NDArray[np.float64], plane: Plane, edition: int = 2, packing: str = "grid_simple", bits: int = 16
) -> bytes:
    """A message of values [y, x], NaN = missing through a bitmap; what it measures and when is the sample's."""
    handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
    east = plane.lon0 + plane.dlon * (plane.nx - 1)
    first, last = (east, plane.lon0) if plane.westward else (plane.lon0, east)
    keys = {
        "Ni": plane.nx,
        "Nj": plane.ny,
        "iScansNegatively": int(plane.westward),
        "jScansPositively": int(plane.dlat > 0),
        "jPointsAreConsecutive": int(plane.columns_first),
        "latitudeOfFirstGridPointInDegrees": plane.lat0,
        "latitudeOfLastGridPointInDegrees": plane.lat0 + plane.dlat * (plane.ny - 1),
        "longitudeOfFirstGridPointInDegrees": first % 360 if edition == 2 else first,
        "longitudeOfLastGridPointInDegrees": last % 360 if edition == 2 else last,
        "iDirectionIncrementInDegrees": plane.dlon,
        "jDirectionIncrementInDegrees": abs(plane.dlat),
        "bitsPerValue": bits,
    } | ({"alternativeRowScanning": 1} if plane.alternating else {})
    ordered = plane.ordered(np.asarray(values, np.float64))
    if packing == "grid_ieee":
        keys |= {"packingType": packing, "precision": 2}
    if np.isnan(ordered).any():
        keys |= {"bitmapPresent": 1, "missingValue": 1e30}
    try:
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.where(np.isnan(ordered), 1e30, ordered))
        if packing not in ("grid_simple", "grid_ieee"):
            # ecCodes 2.50 packs a complex message well only out of a simple one.
            eccodes.codes_set(handle, "packingType", packing)
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


class Stage:
    """Stages made messages in one blob."""

    def __init__(self, blob: Path) -> None:
        self.blob = blob

    def bytes(self, data: bytes, variable: str, interval: tuple[int, int], field: int = 0) -> StagedMessage:
        """`interval`: minutes. The URL names variable and lead."""
        offset = self.blob.stat().st_size if self.blob.exists() else 0
        with self.blob.open("ab") as file:
            file.write(data)
        return StagedMessage(
            variable=variable,
            lead=interval[1],
            interval=interval,
            blob=str(self.blob),
            offset=offset,
            length=len(data),
            field=field,
            url=f"https://mirror.test/{variable}.f{interval[1] // 60:03d}",
            mirror="test",
        )

    def field(
        self,
        values: NDArray[np.float64],
        variable: str = "air_temperature_2m",
        interval: tuple[int, int] = (0, 0),
        plane: Plane | None = None,
        **how: Any,
    ) -> StagedMessage:
        """A field [y, x]; without `plane` on a small grid of its own shape. `how`: see field_message."""
        values = np.asarray(values, np.float64)
        plane = plane or Plane(ny=values.shape[0], nx=values.shape[1])
        return self.bytes(field_message(values, plane, **how), variable, interval)
