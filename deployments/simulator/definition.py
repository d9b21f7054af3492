"""Section 3 of a message, the grid definition: templates 3.0, 3.10, 3.20 and 3.30, as ecCodes' keys."""

from __future__ import annotations

from storage.grids import Cell, Grid, LambertGrid, LatLonGrid, MercatorGrid, PlaneGrid, PolarStereographicGrid

Keys = dict[str, int | str]

NCEP_RADIUS = 6_371_229.0
"""Of the sphere that shape of the earth 6 stands for (code table 3.2), m."""

_EARTHWARD, _ALONG_GRID = 0x30, 0x08
"""Flag table 3.3: both increments are given, winds are eastward and northward; winds are along the grid."""
_NORTHWARD, _ALTERNATING = 0x40, 0x10
"""Scanning mode, flag table 3.4: rows from south to north; every second one backwards."""
_SOUTH_POLE = 0x80
"""Projection centre, flag table 3.5."""


def grid_keys(grid: Grid, alternating: bool, along_grid: bool = False) -> Keys:
    """The keys of a grid, the template first. alternating: every second row is scanned backwards. along_grid: winds
    are given along its rows and columns.

    Raises TypeError for a kind of grid that has no template here.
    """
    match grid:
        case LatLonGrid():
            keys, step = _latlon_keys(grid), grid.dlat
        case LambertGrid():
            keys, step = _lambert_keys(grid), grid.dy
        case PolarStereographicGrid():
            keys, step = _polar_keys(grid), grid.dy
        case MercatorGrid():
            keys, step = _mercator_keys(grid), grid.dy
        case _:
            raise TypeError(f"no grid definition template is known for {grid}")
    return keys | {
        "resolutionAndComponentFlags": _ALONG_GRID if along_grid else _EARTHWARD,
        "scanningMode": _NORTHWARD * (step > 0) | _ALTERNATING * alternating,
    }


def _latlon_keys(grid: LatLonGrid) -> Keys:
    """Micro-degrees."""
    return {
        "gridDefinitionTemplateNumber": 0,
        "shapeOfTheEarth": 6,
        "Ni": grid.nx,
        "Nj": grid.ny,
        "latitudeOfFirstGridPoint": round(grid.lat0 * 1e6),
        "longitudeOfFirstGridPoint": _longitude(grid.lon0),
        "latitudeOfLastGridPoint": round((grid.lat0 + (grid.ny - 1) * grid.dlat) * 1e6),
        "longitudeOfLastGridPoint": _longitude(grid.lon0 + (grid.nx - 1) * grid.dlon),
        "iDirectionIncrement": round(grid.dlon * 1e6),
        "jDirectionIncrement": round(abs(grid.dlat) * 1e6),
    }


def _lambert_keys(grid: LambertGrid) -> Keys:
    """Micro-degrees, and millimetres at the first standard parallel."""
    return {
        "gridDefinitionTemplateNumber": 30,
        **_shape(grid.radius),
        **_rows_and_columns(grid, "x", "y"),
        "LaD": round(grid.latin1 * 1e6),
        "LoV": _longitude(grid.lov),
        "projectionCentreFlag": _SOUTH_POLE * (grid.latin1 + grid.latin2 < 0),
        "Latin1": round(grid.latin1 * 1e6),
        "Latin2": round(grid.latin2 * 1e6),
        "latitudeOfSouthernPole": -90_000_000,
        "longitudeOfSouthernPole": 0,
    }


def _polar_keys(grid: PolarStereographicGrid) -> Keys:
    """Micro-degrees, and millimetres at LaD."""
    return {
        "gridDefinitionTemplateNumber": 20,
        **_shape(grid.radius),
        **_rows_and_columns(grid, "x", "y"),
        "LaD": round(grid.lad * 1e6),
        "orientationOfTheGrid": _longitude(grid.lov),
        "projectionCentreFlag": _SOUTH_POLE * (grid.lad < 0),
    }


def _mercator_keys(grid: MercatorGrid) -> Keys:
    """Micro-degrees, and millimetres at LaD."""
    last_lat, last_lon = grid.latlon(Cell(grid.ny - 1, grid.nx - 1))
    return {
        "gridDefinitionTemplateNumber": 10,
        **_shape(grid.radius),
        **_rows_and_columns(grid, "i", "j"),
        "LaD": round(grid.lad * 1e6),
        "latitudeOfLastGridPoint": round(last_lat * 1e6),
        "longitudeOfLastGridPoint": _longitude(last_lon),
        "orientationOfTheGrid": 0,
    }


def _rows_and_columns(grid: PlaneGrid, x: str, y: str) -> Keys:
    return {
        f"N{x}": grid.nx,
        f"N{y}": grid.ny,
        "latitudeOfFirstGridPoint": round(grid.lat0 * 1e6),
        "longitudeOfFirstGridPoint": _longitude(grid.lon0),
        f"D{x}": round(grid.dx * 1e3),
        f"D{y}": round(abs(grid.dy) * 1e3),
    }


def _shape(radius: float) -> Keys:
    if radius == NCEP_RADIUS:
        return {"shapeOfTheEarth": 6}
    digits = 0 if radius == round(radius) else 2
    return {
        "shapeOfTheEarth": 1,
        "scaleFactorOfRadiusOfSphericalEarth": digits,
        "scaledValueOfRadiusOfSphericalEarth": round(radius * 10**digits),
    }


def _longitude(degrees: float) -> int:
    """Micro-degrees from 0 to 360."""
    return round(degrees * 1e6) % 360_000_000
