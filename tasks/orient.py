"""How a message lies on Earth: its grid, and the order in which its values come.

GRIB2 flag table 3.4 and GRIB1 code table 8: rows from north or south, columns from west or east, rows or columns
first, and every second line backwards, which ecCodes does not undo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import eccodes
import numba

from storage.grids import Cell, Grid, LambertGrid, LatLonGrid
from tasks.errors import DecodeError

_NORTHWARD = 0x40
_STAGGERED = 0x0F
"""Flag table 3.4, bits 5 to 8: rows or columns shifted by half a step."""
_BIPOLAR = 0x40
"""Flag table 3.5, bit 2."""
_GRIDS = {"regular_ll": "regular latitude-longitude", "lambert": "Lambert"}
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
    """The grid of a message and the order of its values."""

    grid: Grid
    scan: Scan


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
    if kind not in _GRIDS:
        raise DecodeError(f"its grid is {kind}; {' and '.join(_GRIDS.values())} grids are known so far")
    whole = eccodes.codes_get_long
    flags = whole(handle, "scanningMode")
    edition = whole(handle, "edition")
    if edition == 2 and flags & _STAGGERED:
        raise DecodeError(f"its grid is staggered (scanning mode {flags}); only plain rows and columns are known")
    nx, ny = whole(handle, "Ni"), whole(handle, "Nj")
    scan = Scan(ny, nx, bool(flags & 0x80), bool(flags & 0x20), edition == 2 and bool(flags & 0x10))
    return Orientation((_lambert if kind == "lambert" else _latlon)(handle, scan, flags), scan)


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


def _lambert(handle: int, scan: Scan, flags: int) -> LambertGrid:
    """GRIB2 template 3.30, GRIB1 data representation 3.

    From the first point on, rows and columns run as the scanning mode says: so does wgrib2, whereas ecCodes 2.50 gives
    places northward and eastward of that point whatever it says (its GRIB-405).
    """
    value = eccodes.codes_get_double
    if eccodes.codes_get_long(handle, "projectionCentreFlag") & _BIPOLAR:
        raise DecodeError("its Lambert projection is bipolar; cones around one pole are known so far")
    latin1, latin2 = value(handle, "Latin1InDegrees"), value(handle, "Latin2InDegrees")
    true = value(handle, "LaDInDegrees")
    if min(abs(true - latin1), abs(true - latin2)) > 1e-3:
        raise DecodeError(f"its Dx and Dy hold at latitude {true:g}, its standard parallels are {latin1:g}, {latin2:g}")
    try:
        first = LambertGrid(
            ny=1,
            nx=1,
            lat0=value(handle, "latitudeOfFirstGridPointInDegrees"),
            lon0=value(handle, "longitudeOfFirstGridPointInDegrees"),
            dx=value(handle, "DxInMetres"),
            dy=value(handle, "DyInMetres") * (1.0 if flags & _NORTHWARD else -1.0),
            lov=value(handle, "LoVInDegrees"),
            latin1=latin1,
            latin2=latin2,
            radius=_radius(handle),
        )
        # A row that is scanned westward begins with its last column.
        lat0, lon0 = first.latlon(Cell(0, 1 - scan.nx)) if scan.westward else (first.lat0, first.lon0)
        return replace(first, ny=scan.ny, nx=scan.nx, lat0=lat0, lon0=lon0)
    except ValueError as error:
        raise DecodeError(f"its grid cannot be: {error}") from error


def _radius(handle: int) -> float:
    oblate = eccodes.codes_get_long(handle, "edition") == 1 and eccodes.codes_get_long(handle, "earthIsOblate")
    # Of GRIB2's shapes of the earth only spheres have one; earthIsOblate is 0 for all of them.
    if oblate or not eccodes.codes_is_defined(handle, "radiusInMetres"):
        raise DecodeError("its earth is no sphere; Lambert grids are known on spheres only so far")
    return float(eccodes.codes_get_double(handle, "radiusInMetres"))


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
