"""How a message lies on Earth: its grid, and the order in which its values come.

GRIB2 flag table 3.4 and GRIB1 code table 8: rows from north or south, columns from west or east, rows or columns
first, and every second line backwards, which ecCodes does not undo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import eccodes
import numba

from storage.grids import Grid, LatLonGrid
from tasks.errors import DecodeError
from tasks.planes import PLANES, plane_grid

_NORTHWARD = 0x40
_STAGGERED = 0x0F
"""Flag table 3.4, bits 5 to 8: rows or columns shifted by half a step."""
_ALONG_GRID = 0x08
"""Flag table 3.3 and code table 7, bit 5. ecCodes has no uvRelativeToGrid for template 3.20."""
_NAMES = {
    "regular_ll": "regular latitude-longitude",
    "lambert": "Lambert",
    "polar_stereographic": "polar stereographic",
    "mercator": "Mercator",
}
"""ecCodes' name for each kind of grid that has a type, and ours."""


class Scan(NamedTuple):
    """Where the value of row y and column x, counted from the west, stands in a message of ny x nx values."""

    ny: int
    nx: int
    westward: bool = False
    columns_first: bool = False
    alternating: bool = False

    def position(self, y: int, x: int) -> int:
        return int(position(self, y, x))


@dataclass(frozen=True)
class Orientation:
    """The grid of a message and the order of its values. `turned`: vectors are given along the grid's rows and columns,
    not eastward and northward.
    """

    grid: Grid
    scan: Scan
    turned: bool = False


@numba.njit(nogil=True, cache=True)
def position(scan: Scan, y: int, x: int) -> int:
    """Scan.position for kernels; `x` may be up to nx too large, as the columns of a window are."""
    if x >= scan.nx:
        x -= scan.nx
    column = scan.nx - 1 - x if scan.westward else x
    if scan.columns_first:
        return column * scan.ny + (scan.ny - 1 - y if scan.alternating and column & 1 else y)
    return y * scan.nx + (scan.nx - 1 - column if scan.alternating and y & 1 else column)


def orientation_of(handle: int) -> Orientation:
    """The orientation of an ecCodes handle; raises DecodeError for grids that this version has no type for."""
    kind = eccodes.codes_get(handle, "gridType")
    if kind not in _NAMES:
        raise DecodeError(f"its grid is {kind}; {', '.join(_NAMES.values())} grids are known so far")
    whole = eccodes.codes_get_long
    flags = whole(handle, "scanningMode")
    edition = whole(handle, "edition")
    if edition == 2 and flags & _STAGGERED:
        raise DecodeError(f"its grid is staggered (scanning mode {flags}); only plain rows and columns are known")
    nx, ny = whole(handle, "Ni"), whole(handle, "Nj")
    scan = Scan(ny, nx, bool(flags & 0x80), bool(flags & 0x20), edition == 2 and bool(flags & 0x10))
    if kind in PLANES:
        northward = bool(flags & _NORTHWARD)
        grid = plane_grid(handle, kind, ny, nx, northward=northward, westward=scan.westward)
        # A Mercator grid's rows and columns run east and north, whatever its flags say.
        along = kind != "mercator" and bool(whole(handle, "resolutionAndComponentFlags") & _ALONG_GRID)
        return Orientation(grid, scan, along)
    # So do those of latitudes and longitudes.
    return Orientation(_latlon(handle, scan, flags), scan)


def _latlon(handle: int, scan: Scan, flags: int) -> LatLonGrid:
    degrees = eccodes.codes_get_double
    first, last = (degrees(handle, f"latitudeOf{end}GridPointInDegrees") for end in ("First", "Last"))
    west, east = (degrees(handle, f"longitudeOf{end}GridPointInDegrees") for end in ("First", "Last"))
    if scan.westward:
        west, east = east, west
    if scan.ny > 1 and (last > first) != bool(flags & _NORTHWARD):
        raise DecodeError(f"its rows run from {first:g} to {last:g} degrees, against its scanning mode {flags}")
    dlat = _step("rows", first, last, last - first, scan.ny, _increment(handle, "j"))
    if scan.ny == 1 and not flags & _NORTHWARD:
        dlat = -dlat
    dlon = _step("columns", west, east, (east - west) % 360.0 or 360.0, scan.nx, _increment(handle, "i"))
    return LatLonGrid(first, dlat, scan.ny, _start(west, dlon * (scan.nx - 1)), dlon, scan.nx)


def _increment(handle: int, axis: str) -> float | None:
    key = f"{axis}DirectionIncrement"
    # The first bit of a GRIB1 increment is a sign (SailDocs writes one), which ecCodes takes for 32.768 degrees.
    signed = eccodes.codes_get_long(handle, "edition") == 1 and eccodes.codes_get_long(handle, key) & 0x8000
    if signed or eccodes.codes_is_missing(handle, key):
        return None
    return abs(float(eccodes.codes_get_double(handle, f"{key}InDegrees"))) or None


def _step(what: str, first: float, last: float, width: float, count: int, written: float | None) -> float:
    """Degrees between lines: first and last one are given finer than the increment of thirds and sixths."""
    if count == 1:
        return written or 1.0
    step = width / (count - 1)
    if written is not None and abs(abs(step) - written) * (count - 1) > max(written, 0.01):
        raise DecodeError(f"its {count} {what} from {first:g} to {last:g} degrees are not {written:g} degrees apart")
    return step


def _start(west: float, width: float) -> float:
    """The first longitude such that no longitude of the grid passes 360, where a whole turn less allows that."""
    return west - 360.0 if west >= 180.0 and west + width > 360.0 else west
