"""Grids of every kind, and where PROJ says their points lie."""

from __future__ import annotations

import numpy as np
import pyproj
from numpy.typing import NDArray

from storage.grids import Grid, LambertGrid, LatLonGrid, MercatorGrid, PlaneGrid, PolarStereographicGrid

Numbers = NDArray[np.float64]

# Of the regions of NBM: the grid specifications of NCEP's URMA and RAP products for the same NDFD grids, and the table
# of MDL's blend grids (pytdlpack).
REAL: dict[str, Grid] = {
    "GFS 0.25": LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440),
    "HRRR": LambertGrid(1059, 1799, 21.138123, 237.280472, 3000.0, 3000.0, 262.5, 38.5, 38.5, 6_371_229.0),
    "HRRR Alaska": PolarStereographicGrid(919, 1299, 41.612949, 185.117126, 3000.0, 3000.0, 225.0, 60.0, 6_371_229.0),
    "NBM": LambertGrid(1597, 2345, 19.229, 233.7234, 2539.703, 2539.703, 265.0, 25.0, 25.0, 6_371_200.0),
    "NBM Alaska": PolarStereographicGrid(1105, 1649, 40.530101, 181.429, 2976.563, 2976.563, 210.0, 60.0, 6_371_200.0),
    "NBM Hawaii": MercatorGrid(561, 625, 14.3515, 195.0305, 2500.0, 2500.0, 202.495, 20.0, 6_371_200.0),
    "NBM Puerto Rico": MercatorGrid(257, 353, 16.828685, 291.804687, 1250.0, 1250.0, 293.9101, 20.0, 6_371_200.0),
    "NBM Guam": MercatorGrid(193, 193, 12.349884, 143.686538, 2500.0, 2500.0, 145.98, 20.0, 6_371_200.0),
}
MADE: dict[str, Grid] = {
    "fiji": LatLonGrid(-15.0, -0.5, 11, 175.0, 0.5, 21),
    "europe": LambertGrid(19, 23, 55.0, -4.0, 60_000.0, -80_000.0, 8.0, 40.0, 60.0, 6_371_229.0),
    "patagonia": LambertGrid(21, 18, -55.0, 285.0, 90_000.0, 70_000.0, 296.0, -35.0, -50.0, 6_371_229.0),
    "aleutians": LambertGrid(17, 31, 48.0, 168.0, 75_000.0, 75_000.0, 190.0, 52.0, 52.0, 6_371_229.0),
    "arctic": PolarStereographicGrid(41, 43, 57.0, -58.0, 170_000.0, 150_000.0, -10.0, 70.0, 6_371_229.0),
    "antarctica": PolarStereographicGrid(33, 29, -56.0, 142.0, 260_000.0, -230_000.0, 180.0, -71.0, 6_367_470.0),
    "true at the pole": PolarStereographicGrid(17, 15, 61.0, 10.0, 90_000.0, 90_000.0, 30.0, 90.0, 6_371_229.0),
    "kiribati": MercatorGrid(21, 27, 8.0, 171.0, 90_000.0, -80_000.0, 182.0, 0.0, 6_371_229.0),
    "tropics": MercatorGrid(23, 72, -40.0, 20.0, 513_669.709, 400_000.0, 197.5, 22.5, 6_371_200.0),
}
ALL = REAL | MADE


def proj_of(grid: PlaneGrid) -> pyproj.Proj:
    """PROJ's own projection."""
    match grid:
        case LambertGrid():
            return pyproj.Proj(
                proj="lcc", lat_1=grid.latin1, lat_2=grid.latin2, lat_0=grid.latin1, lon_0=grid.lov, R=grid.radius
            )
        case PolarStereographicGrid():
            pole = 90.0 if grid.lad > 0 else -90.0
            return pyproj.Proj(proj="stere", lat_0=pole, lat_ts=grid.lad, lon_0=grid.lov, R=grid.radius)
        case MercatorGrid():
            return pyproj.Proj(proj="merc", lat_ts=grid.lad, lon_0=grid.lov, R=grid.radius)
    raise TypeError(f"no projection is known for {grid}")


def places(grid: Grid, rows: Numbers, columns: Numbers) -> tuple[Numbers, Numbers]:
    """Latitudes and longitudes of fractional rows and columns, broadcast against each other: by PROJ, of a grid of
    latitudes and longitudes by its definition.
    """
    rows, columns = np.broadcast_arrays(rows, columns)
    if isinstance(grid, LatLonGrid):
        return grid.lat0 + grid.dlat * rows, grid.lon0 + grid.dlon * columns
    assert isinstance(grid, PlaneGrid)
    proj = proj_of(grid)
    x, y = proj(grid.lon0, grid.lat0)
    lons, lats = proj(x + columns * grid.dx, y + rows * grid.dy, inverse=True)
    return lats, lons


def some_lines(grid: Grid, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns at random, the outermost among them."""
    random = np.random.default_rng(grid.nx)
    rows, columns = (np.unique([0, size - 1, *random.integers(0, size, count)]) for size in grid.shape)
    return rows, columns
