"""Grids in metres out of messages: GRIB2 templates 3.10, 3.20 and 3.30, GRIB1 data representations 1, 5 and 3.

From the first point on, rows and columns run as the scanning mode says: so does wgrib2, whereas ecCodes 2.50 gives
places northward and eastward of that point whatever it says (its GRIB-405).
"""

from __future__ import annotations

import math
from dataclasses import replace

import eccodes

from storage.grids import Cell, LambertGrid, MercatorGrid, PlaneGrid, PolarStereographicGrid
from tasks.errors import DecodeError

_SOUTHERN, _BIPOLAR = 0x80, 0x40
"""Flag table 3.5, bits 1 and 2."""


def plane_grid(handle: int, kind: str, ny: int, nx: int, *, northward: bool, westward: bool) -> PlaneGrid:
    """kind: ecCodes' gridType, of PLANES. Raises DecodeError for unknown variants, and for what is no grid."""
    try:
        first = PLANES[kind](handle, northward)
        # A row that is scanned westward begins with its last column.
        if westward:
            lat0, lon0 = first.latlon(Cell(0, 1 - nx))
            first = replace(first, lat0=lat0, lon0=lon0)
        if isinstance(first, MercatorGrid):
            middle = first.latlon(Cell(0, nx // 2))[1]
            first = replace(first, lov=round(middle, 6))
        grid = replace(first, ny=ny, nx=nx)
    except DecodeError:
        raise
    except ValueError as error:
        raise DecodeError(f"its grid cannot be: {error}") from error
    if isinstance(grid, MercatorGrid):
        _check_last(handle, grid, Cell(ny - 1, 0 if westward else nx - 1))
    return grid


def _lambert(handle: int, northward: bool) -> LambertGrid:
    """The grid of the first point alone, as of the others."""
    _pole(handle, "Lambert projection")
    latin1, latin2 = _value(handle, "Latin1InDegrees"), _value(handle, "Latin2InDegrees")
    true = _value(handle, "LaDInDegrees")
    if min(abs(true - latin1), abs(true - latin2)) > 1e-3:
        raise DecodeError(f"its Dx and Dy hold at latitude {true:g}, its standard parallels are {latin1:g}, {latin2:g}")
    lat0, lon0 = _first_point(handle)
    dx, dy = _steps(handle, "Dx", "Dy", northward)
    return LambertGrid(1, 1, lat0, lon0, dx, dy, _value(handle, "LoVInDegrees"), latin1, latin2, _radius(handle))


def _polar(handle: int, northward: bool) -> PolarStereographicGrid:
    side = _pole(handle, "polar stereographic projection")
    lad = _value(handle, "LaDInDegrees")
    if eccodes.codes_get_long(handle, "edition") == 1:
        # 60 degrees of the pole's hemisphere; a message of edition 1 does not say so, and ecCodes calls both 60.
        lad *= side
    if lad * side <= 0:
        pole = "north" if side > 0 else "south"
        raise DecodeError(
            f"its plane is at the {pole} pole, its Dx and Dy hold at latitude {lad:g} of the other hemisphere"
        )
    lat0, lon0 = _first_point(handle)
    dx, dy = _steps(handle, "Dx", "Dy", northward)
    lov = _value(handle, "orientationOfTheGridInDegrees")
    return PolarStereographicGrid(1, 1, lat0, lon0, dx, dy, lov, lad, _radius(handle))


def _mercator(handle: int, northward: bool) -> MercatorGrid:
    turned = _value(handle, "orientationOfTheGridInDegrees")
    if turned:
        raise DecodeError(f"its Mercator grid is turned by {turned:g} degrees; known are those along the equator")
    lat0, lon0 = _first_point(handle)
    dx, dy = _steps(handle, "Di", "Dj", northward)
    return MercatorGrid(1, 1, lat0, lon0, dx, dy, lon0, _value(handle, "LaDInDegrees"), _radius(handle))


PLANES = {"lambert": _lambert, "polar_stereographic": _polar, "mercator": _mercator}


def _value(handle: int, key: str) -> float:
    return float(eccodes.codes_get_double(handle, key))


def _first_point(handle: int) -> tuple[float, float]:
    return _value(handle, "latitudeOfFirstGridPointInDegrees"), _value(handle, "longitudeOfFirstGridPointInDegrees")


def _steps(handle: int, x: str, y: str, northward: bool) -> tuple[float, float]:
    # All ones: not given (regulation 92.1.5); ecCodes takes it for a number.
    missing = 0xFFFFFF if eccodes.codes_get_long(handle, "edition") == 1 else 0xFFFFFFFF
    for key in (x, y):
        if eccodes.codes_get_long(handle, key) == missing:
            raise DecodeError(f"its {key} is missing; a grid in metres needs it")
    return _value(handle, f"{x}InMetres"), _value(handle, f"{y}InMetres") * (1.0 if northward else -1.0)


def _pole(handle: int, what: str) -> int:
    """1: the north pole is on the plane; -1: the south pole."""
    flags = eccodes.codes_get_long(handle, "projectionCentreFlag")
    if flags & _BIPOLAR:
        raise DecodeError(f"its {what} is bipolar; those around one pole are known so far")
    return -1 if flags & _SOUTHERN else 1


def _radius(handle: int) -> float:
    oblate = eccodes.codes_get_long(handle, "edition") == 1 and eccodes.codes_get_long(handle, "earthIsOblate")
    # Of GRIB2's shapes of the earth only spheres have one; earthIsOblate is 0 for all of them.
    if oblate or not eccodes.codes_is_defined(handle, "radiusInMetres"):
        raise DecodeError("its earth is no sphere; grids in metres are known on spheres only so far")
    return _value(handle, "radiusInMetres")


def _check_last(handle: int, grid: MercatorGrid, cell: Cell) -> None:
    """A Mercator grid tells its last point, too; NCEP's are up to half a step off (2.5 km Puerto Rico)."""
    lat, lon = (_value(handle, f"{axis}OfLastGridPointInDegrees") for axis in ("latitude", "longitude"))
    own_lat, own_lon = grid.latlon(cell)
    step = math.degrees(max(grid.dx, abs(grid.dy)) / (grid.radius * math.cos(math.radians(grid.lad))))
    if abs(lat - own_lat) > step or abs((lon - own_lon + 180.0) % 360.0 - 180.0) > step:
        raise DecodeError(
            f"its last point is {lat:g} {lon % 360:g}, but {grid.ny} x {grid.nx} points from {grid.lat0:g} "
            f"{grid.lon0 % 360:g} in steps of {grid.dy:g} and {grid.dx:g} m end at {own_lat:g} {own_lon % 360:g}"
        )
