"""Cells, windows and crops, held against the great circle and plain enumeration."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.grids import Box, Cell, LatLonGrid, OutsideGrid, grid_from_attrs, wrap_longitude

GFS = LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440)
IFS = LatLonGrid(90.0, -0.25, 721, -180.0, 0.25, 1440)
UPWARDS = LatLonGrid(-90.0, 0.25, 721, 0.0, 0.25, 1440)
POLAND = LatLonGrid(48.0, 0.25, 33, 13.0, 0.25, 49)
FIJI = LatLonGrid(-15.0, -0.5, 11, 175.0, 0.5, 21)
GLOBES = [GFS, IFS, UPWARDS]

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 360)


def degrees_apart(a: float, b: float) -> float:
    return abs((a - b + 180.0) % 360.0 - 180.0)


@pytest.mark.parametrize("grid", GLOBES)
@given(lat=latitudes, lon=longitudes)
def test_the_nearest_cell_is_within_half_a_step(grid: LatLonGrid, lat: float, lon: float) -> None:
    cell = grid.cell(lat, lon)
    assert 0 <= cell.y < grid.ny
    assert 0 <= cell.x < grid.nx
    at_lat, at_lon = grid.latlon(cell)
    assert abs(at_lat - lat) <= 0.125 + 1e-9
    assert degrees_apart(at_lon, lon) <= 0.125 + 1e-9
    assert -180 <= at_lon < 180


@pytest.mark.parametrize("grid", [*GLOBES, POLAND, FIJI])
def test_every_cells_own_place_finds_it(grid: LatLonGrid) -> None:
    for y in {0, 1, grid.ny // 2, grid.ny - 1}:
        for x in range(grid.nx):
            lat, lon = grid.latlon(Cell(y, x))
            assert grid.cell(lat, lon) == (y, x)
            assert grid.cell(lat, lon + 360.0) == (y, x)


@pytest.mark.parametrize("grid", GLOBES)
def test_all_globes_mean_the_same_place(grid: LatLonGrid) -> None:
    for lat, lon in [(52.37, 4.89), (-33.9, 151.2), (90.0, 0.0), (-90.0, 17.0), (0.0, 180.0), (0.0, -180.0)]:
        assert grid.latlon(grid.cell(lat, lon)) == GFS.latlon(GFS.cell(lat, lon))


def test_the_circle_closes() -> None:
    assert GFS.wraps
    assert GFS.cell(0.0, 359.9) == GFS.cell(0.0, -0.1) == (360, 0)
    assert IFS.cell(0.0, 179.9) == IFS.cell(0.0, -180.0) == (360, 0)
    assert IFS.cell(0.0, 179.8) == (360, 1439)


def test_poles_are_reached() -> None:
    assert GFS.cell(90.0, 12.0).y == UPWARDS.cell(-90.0, 12.0).y == 0
    assert GFS.cell(-90.0, 12.0).y == UPWARDS.cell(90.0, 12.0).y == 720


@pytest.mark.parametrize(("lat", "lon"), [(47.874, 20), (56.126, 20), (50, 12.874), (50, 25.126), (50, -160), (0, 0)])
def test_half_a_cell_outside_is_outside(lat: float, lon: float) -> None:
    with pytest.raises(OutsideGrid, match=r"outside latitudes 48\.\.56, longitudes 13\.\.25"):
        POLAND.cell(lat, lon)


@pytest.mark.parametrize(("lat", "lon"), [(47.876, 20), (56.124, 20), (50, 12.876), (50, 25.124)])
def test_within_half_a_cell_of_the_edge_is_inside(lat: float, lon: float) -> None:
    cell = POLAND.cell(lat, lon)
    assert cell.y in (0, 8, 32)
    assert cell.x in (0, 28, 48)


@pytest.mark.parametrize(
    ("lat", "lon"), [(91, 0), (-90.01, 0), (math.nan, 0), (0, math.nan), (math.inf, 0), (0, math.inf)]
)
def test_no_place_on_earth(lat: float, lon: float) -> None:
    with pytest.raises(OutsideGrid, match="not a place on Earth"):
        GFS.cell(lat, lon)
    with pytest.raises(OutsideGrid):
        GFS.neighbours(lat, lon)


def test_a_crop_over_the_antimeridian_speaks_both_conventions() -> None:
    assert FIJI.cell(-17.0, 179.0) == (4, 8)
    assert FIJI.cell(-17.0, -179.0) == FIJI.cell(-17.0, 181.0) == (4, 12)
    assert FIJI.latlon(Cell(4, 12)) == (-17.0, -179.0)


@pytest.mark.parametrize("grid", [*GLOBES, POLAND, FIJI])
@given(down=st.floats(0, 1), right=st.floats(0, 1))
def test_neighbours_give_back_a_plane(grid: LatLonGrid, down: float, right: float) -> None:
    y, x = down * (grid.ny - 1), right * (grid.nx - 1)
    around = grid.neighbours(grid.lat0 + grid.dlat * y, grid.lon0 + grid.dlon * x)
    assert 1 <= len(around.cells) <= 4
    assert sum(around.weights) == pytest.approx(1.0)
    assert all(0 <= cell.y < grid.ny and 0 <= cell.x < grid.nx for cell in around.cells)
    ys, xs = zip(*around.cells, strict=True)
    assert np.dot(around.weights, ys) == pytest.approx(y, abs=1e-6)
    assert np.dot(around.weights, xs) == pytest.approx(x, abs=1e-6)


def test_neighbours_reach_over_the_seam() -> None:
    around = GFS.neighbours(0.0, 359.875)
    assert dict(zip(around.cells, around.weights, strict=True)) == {Cell(360, 1439): 0.5, Cell(360, 0): 0.5}


def between(low: int, high: int) -> st.SearchStrategy[float]:
    """Degrees that no point of the grids below lies on: a point at the very edge of a box may fall either way."""
    return st.integers(100 * low, 100 * high - 1).map(lambda hundredths: (hundredths + 0.5) / 100)


boxes = st.builds(Box, between(-180, 180), between(-90, 89), between(-180, 360), between(-89, 90))


@pytest.mark.parametrize(
    "grid",
    [
        *(LatLonGrid(90.0, -5.0, 37, lon0, 5.0, 72) for lon0 in (0.0, -180.0)),
        FIJI,
        LatLonGrid(-60.0, 5.0, 25, -170.0, 5.0, 69),
    ],
)
@given(box=boxes)
def test_a_window_holds_every_point_of_the_box(grid: LatLonGrid, box: Box) -> None:
    width = 360.0 if box.east - box.west >= 360.0 else (box.east - box.west) % 360.0
    _, lats, _, lons = grid.axes()
    rows = {y for y, lat in enumerate(lats) if box.south <= lat <= box.north}
    columns = {x for x, lon in enumerate(lons) if (lon - box.west) % 360.0 <= width}
    if not rows or not columns:
        with pytest.raises(OutsideGrid, match="no grid point"):
            grid.window(box)
        return
    window = grid.window(box)
    assert set(range(window.row, window.row + window.rows)) == rows
    taken = [(window.column + x) % grid.nx for x in range(window.columns)]
    assert columns <= set(taken)
    assert grid.wraps is False or set(taken) == columns
    crop = grid.crop(window)
    assert crop.shape == (window.rows, window.columns)
    for y, x in ((0, 0), (window.rows - 1, window.columns - 1), (0, window.columns // 2)):
        lat, lon = crop.latlon(Cell(y, x))
        assert crop.cell(lat, lon) == (y, x)
        at_lat, at_lon = grid.latlon(Cell(window.row + y, taken[x]))
        assert lat == pytest.approx(at_lat)
        assert degrees_apart(lon, at_lon) < 1e-9


def test_the_whole_globe_stays_itself() -> None:
    for grid in GLOBES:
        window = grid.window(Box(-180, -90, 180, 90))
        assert grid.crop(window) == grid


def test_a_box_over_the_antimeridian_is_one_piece() -> None:
    for grid in GLOBES:
        crop = grid.crop(grid.window(Box(177, -20, -178, -12)))
        assert (crop.lon0, crop.nx) == (177.0, 21)


@pytest.mark.parametrize("grid", [GFS, POLAND, FIJI])
def test_attrs_are_json_and_come_back(grid: LatLonGrid) -> None:
    assert grid_from_attrs(json.loads(json.dumps(grid.to_attrs()))) == grid


def test_unknown_kinds_and_impossible_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown grid kind 'cube'; known: lambert, latlon, mercator, polar_"):
        grid_from_attrs({"kind": "cube"})
    with pytest.raises(ValueError, match="not a latitude-longitude grid"):
        LatLonGrid(0, 0, 1, 0, 1, 1)


@given(lon=st.floats(-1e6, 1e6))
@example(lon=-180.00000000000003)
@example(lon=180.0)
@example(lon=-1e-14 - 180.0)
def test_meridians_keep_their_place(lon: float) -> None:
    wrapped = wrap_longitude(lon)
    assert -180 <= wrapped < 180
    assert degrees_apart(wrapped, lon) < 1e-6
