"""Section 3 of a message, the grid definition: templates 3.0 and 3.30, as ecCodes' keys."""

from __future__ import annotations

from storage.grids import Grid, LambertGrid, LatLonGrid

Keys = dict[str, int | str]

NCEP_RADIUS = 6_371_229.0
"""Of the sphere that shape of the earth 6 stands for (code table 3.2), m."""

_EARTHWARD = 0x30
"""Flag table 3.3: both increments are given; winds are eastward and northward, not along the grid."""
_NORTHWARD, _ALTERNATING = 0x40, 0x10
"""Scanning mode, flag table 3.4: rows from south to north; every second one backwards."""
_SOUTH_POLE = 0x80
"""Projection centre, flag table 3.5."""


def grid_keys(grid: Grid, alternating: bool) -> Keys:
    """The keys of a grid, the template first. alternating: every second row is scanned backwards.

    Raises TypeError for a kind of grid that has no template here.
    """
    match grid:
        case LatLonGrid():
            keys, step = _latlon_keys(grid), grid.dlat
        case LambertGrid():
            keys, step = _lambert_keys(grid), grid.dy
        case _:
            raise TypeError(f"no grid definition template is known for {grid}")
    return keys | {"scanningMode": _NORTHWARD * (step > 0) | _ALTERNATING * alternating}


def _latlon_keys(grid: LatLonGrid) -> Keys:
    """Micro-degrees."""
    return {
        "gridDefinitionTemplateNumber": 0,
        "shapeOfTheEarth": 6,
        "Ni": grid.nx,
        "Nj": grid.ny,
        "latitudeOfFirstGridPoint": round(grid.lat0 * 1e6),
        "longitudeOfFirstGridPoint": _longitude(grid.lon0),
        "resolutionAndComponentFlags": _EARTHWARD,
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
        "Nx": grid.nx,
        "Ny": grid.ny,
        "latitudeOfFirstGridPoint": round(grid.lat0 * 1e6),
        "longitudeOfFirstGridPoint": _longitude(grid.lon0),
        "resolutionAndComponentFlags": _EARTHWARD,
        "LaD": round(grid.latin1 * 1e6),
        "LoV": _longitude(grid.lov),
        "Dx": round(grid.dx * 1e3),
        "Dy": round(abs(grid.dy) * 1e3),
        "projectionCentreFlag": _SOUTH_POLE * (grid.latin1 + grid.latin2 < 0),
        "Latin1": round(grid.latin1 * 1e6),
        "Latin2": round(grid.latin2 * 1e6),
        "latitudeOfSouthernPole": -90_000_000,
        "longitudeOfSouthernPole": 0,
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
