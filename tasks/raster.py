"""Files of heights, through GDAL as rasterio brings it: what one says of itself, and its pixels row by row.

GeoTIFF, NetCDF, SRTM's .hgt, Esri's grids and what else GDAL reads. Rows of pixels run along a circle of latitude, from
north to south; nothing is projected here.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import IngestError

AT_ONCE = 4 << 20
"""Pixels that are read together, where a file lets: 16 MB of them."""
CACHE = 256
"""MB that GDAL keeps of what it has unpacked: a row of tiles of 512 x 512 of a globe of 15 seconds is 177 MB."""
ENDINGS = (".tif", ".tiff", ".hgt", ".nc", ".grd", ".bil", ".flt", ".asc", ".dem", ".vrt")
METRES = ("", "m", "metre", "metres", "meter", "meters")


class RasterError(IngestError, ValueError):
    """A file is no map of heights along latitudes and longitudes, or cannot be read."""


@dataclass(frozen=True)
class Raster:
    """A map of heights. west, north: degrees, the outer corner of its first pixel; width, height: degrees of a pixel.

    `blank`: a value that means nothing is known, beside what the file itself says. `strips`: rows that are packed
    together, over all columns, or 0 where it is packed in tiles of `tile` rows.
    """

    name: str
    band: int
    rows: int
    columns: int
    west: float
    north: float
    width: float
    height: float
    blank: float | None
    strips: bool
    tile: int

    @property
    def south(self) -> float:
        return self.north - self.rows * self.height

    @property
    def east(self) -> float:
        return self.west + self.columns * self.width

    def read(self, first: int, last: int) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Rows `first` to before `last` in parts: (first row, first column, heights [rows, columns], m, NaN = missing).

        Raises RasterError.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        with opened(self.name) as file:
            for row, column, rows, columns in self._windows(first, last):
                try:
                    read = file.read(self.band, window=Window(column, row, columns, rows), masked=True)
                except RasterioError as error:
                    where = f"rows {row} to {row + rows - 1}"
                    raise RasterError(
                        f"{self.name}, cut short perhaps, cannot be read in {where}: {_why(error)}"
                    ) from error
                heights = np.ma.filled(read.astype(np.float32), np.nan)
                if self.blank is not None:
                    heights[heights == np.float32(self.blank)] = np.nan
                scale, offset = file.scales[self.band - 1], file.offsets[self.band - 1]
                if (scale, offset) != (1.0, 0.0):
                    heights = (heights * scale + offset).astype(np.float32)
                yield row, column, heights

    def _windows(self, first: int, last: int) -> Iterator[tuple[int, int, int, int]]:
        if self.strips:
            step = max(1, AT_ONCE // self.columns)
            step = max(self.tile, step // self.tile * self.tile)
            wide = self.columns
        else:
            step = self.tile
            wide = max(self.tile, AT_ONCE // self.tile // self.tile * self.tile)
        row = first
        while row < last:
            # Up to where the next strip or tile begins.
            end = min(last, row // step * step + step)
            for column in range(0, self.columns, wide):
                yield row, column, end - row, min(wide, self.columns - column)
            row = end


@contextmanager
def opened(name: str) -> Iterator[Any]:
    """A file that rasterio has open. Raises RasterError."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with rasterio.Env(GDAL_CACHEMAX=CACHE, GDAL_NUM_THREADS="ALL_CPUS", GDAL_PAM_ENABLED="NO"):
        try:
            with warnings.catch_warnings():
                # `look` says it in an error.
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                file = rasterio.open(name)
        except RasterioError as error:
            raise RasterError(f"{name} is no map that can be read: {_why(error)}") from error
        with file:
            yield file


def look(name: str, band: int | None = None, blank: float | None = None) -> Raster:
    """What a file says of itself. band: the one that holds heights; None: the only one there is. Raises RasterError."""
    with opened(name) as file:
        number = _band_of(name, file, band)
        _check_pixels(name, file, number)
        transform = file.transform
        if transform.is_identity:
            raise RasterError(f"{name} does not say where on Earth it lies: a .tfw or .hdr file may belong beside it")
        if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
            raise RasterError(f"{name} does not run from west to east and from north to south: warp it with gdalwarp")
        _check_places(name, file)
        tile, width = file.block_shapes[number - 1]
        return Raster(
            name, number, file.height, file.width, transform.c, transform.f, transform.a, -transform.e, blank,
            width >= file.width, int(tile),
        )  # fmt: skip


def files_of(names: list[str]) -> list[str]:
    """The files that are named, those below a folder by their endings. Raises RasterError where there is none."""
    found = []
    for name in names:
        path = Path(name).expanduser()
        if path.is_dir() and not path.joinpath("hdr.adf").is_file():
            below = sorted(str(one) for one in path.rglob("*") if one.suffix.lower() in ENDINGS and one.is_file())
            if not below:
                raise RasterError(f"{path} holds no file that ends with {', '.join(ENDINGS)}")
            found += below
        elif path.exists():
            found.append(str(path))
        elif ":" in name or name.startswith("/vsi"):
            # GDAL's own ways to name a part of a file: NETCDF:"file.nc":z, /vsizip/file.zip/file.tif.
            found.append(name)
        else:
            raise RasterError(f"no file {path}")
    return found


def _band_of(name: str, file: Any, band: int | None) -> int:
    if not file.count:
        parts = file.subdatasets
        told = f"; it holds {', '.join(parts)}: name the one of heights" if parts else ""
        raise RasterError(f"{name} holds no band of pixels{told}")
    if band is not None:
        if not 1 <= band <= file.count:
            raise RasterError(f"{name} has no band {band}: it has {file.count}")
        return band
    if file.count > 1:
        told = ", ".join(f"{n}: {text or 'no name'}" for n, text in enumerate(file.descriptions, 1))
        raise RasterError(f"{name} has {file.count} bands ({told}): say with --band which holds heights")
    return 1


def _check_pixels(name: str, file: Any, band: int) -> None:
    kind, colour = np.dtype(file.dtypes[band - 1]), file.colorinterp[band - 1].name
    if kind.kind not in "iuf" or kind.itemsize < 2 or colour in ("palette", "red", "green", "blue", "alpha"):
        raise RasterError(f"{name} holds no heights: its band {band} is {kind.name} of {colour}, a picture perhaps")
    unit = (file.units[band - 1] or "").strip().lower()
    if unit not in METRES:
        raise RasterError(f"{name} tells heights in {unit!r}, and metres are wanted: convert it with gdal_calc")


def _check_places(name: str, file: Any) -> None:
    box = file.bounds
    on_earth = box.bottom >= -91.0 and box.top <= 91.0 and box.left >= -181.0 and box.right <= 541.0
    if file.crs is not None and not file.crs.is_geographic:
        raise RasterError(
            f"{name} lies on a map projection ({file.crs.to_string()[:80]}), and latitudes and longitudes are wanted: "
            "gdalwarp -t_srs EPSG:4326 makes them"
        )
    if not on_earth or not all(map(math.isfinite, box)):
        raise RasterError(
            f"{name} reaches from {box.left:g}, {box.bottom:g} to {box.right:g}, {box.top:g}: no degrees on Earth"
        )


def _why(error: BaseException) -> str:
    """What GDAL said, which rasterio keeps as the cause."""
    return str(error.__cause__ or error).replace("\n", " ")
