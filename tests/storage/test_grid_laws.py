"""Laws of every grid, held against PROJ: of each kind, and of those that models really have."""

from __future__ import annotations

import json
import math

import numpy as np
import pyproj
import pytest

from storage.grids import GRIDS, Box, Cell, Grid, LatLonGrid, OutsideGrid, PlaneGrid, Window, grid_from_attrs
from tests.storage.places import ALL, REAL, Numbers, places, proj_of, some_lines

each = pytest.mark.parametrize("grid", ALL.values(), ids=ALL)
each_plane = pytest.mark.parametrize(
    "grid", *[[grid for grid in ALL.values() if isinstance(grid, PlaneGrid)]],
    ids=[name for name, grid in ALL.items() if isinstance(grid, PlaneGrid)],
)  # fmt: skip


def apart(one: Numbers, other: Numbers) -> Numbers:
    """Between meridians, degrees from -180."""
    return (one - other + 180.0) % 360.0 - 180.0


def scattered(grid: Grid, count: int) -> tuple[Numbers, Numbers]:
    """Fractional rows and columns at random: within a cell around the grid, a fifth of them at its edges."""
    random = np.random.default_rng(grid.nx)
    found = []
    for size in grid.shape:
        values = random.uniform(-1.0, size, count)
        edge = random.random(count) < 0.1
        values[edge] = random.choice([-0.5, size - 0.5], edge.sum()) + random.uniform(-0.01, 0.01, edge.sum())
        found.append(values)
    return found[0], found[1]


def holds(grid: Grid, rows: Numbers, columns: Numbers, lats: Numbers) -> Numbers:
    """Whether a place is at most half a cell outside, and on Earth."""
    inside = (rows >= -0.5) & (rows <= grid.ny - 0.5) & (np.abs(lats) <= 90.0)
    return inside & (((columns >= -0.5) & (columns <= grid.nx - 0.5)) | grid.wraps)


def test_there_is_a_grid_of_every_kind() -> None:
    assert {grid.kind for grid in ALL.values()} == {grid.kind for grid in REAL.values()} == set(GRIDS)


@each
def test_the_nearest_cell_is_projs_and_outside_is_refused(grid: Grid) -> None:
    rows, columns = scattered(grid, 10_000)
    lats, lons = places(grid, rows, columns)
    inside = holds(grid, rows, columns, lats)
    found = np.full((len(rows), 2), -1)
    for number, (lat, lon) in enumerate(zip(lats.tolist(), lons.tolist(), strict=True)):
        try:
            found[number] = grid.cell(lat, lon)
        except OutsideGrid as error:
            assert "is outside" in str(error) or abs(lat) > 90  # noqa: PT017
    expected = np.stack(
        [np.floor(rows + 0.5), np.floor(columns + 0.5) % grid.nx if grid.wraps else np.floor(columns + 0.5)]
    )
    np.testing.assert_array_equal(found, np.where(inside, expected, -1).T)
    assert 150 < (~inside).sum() < 5_000


@each
def test_neighbours_are_those_of_projs_plane(grid: Grid) -> None:
    rows, columns = scattered(grid, 10_000)
    lats, lons = places(grid, rows, columns)
    inside = holds(grid, rows, columns, lats)
    # Half a cell outside the outermost points the nearest of them answer.
    y = np.clip(rows, 0, grid.ny - 1)
    x = columns if grid.wraps else np.clip(columns, 0, grid.nx - 1)
    sums = np.zeros((len(rows), 4))
    for number in np.flatnonzero(inside).tolist():
        around = grid.neighbours(lats[number].item(), lons[number].item())
        for cell, weight in zip(around.cells, around.weights, strict=True):
            down = cell.y - y[number]
            right = cell.x - x[number]
            if grid.wraps:
                right = (right + grid.nx / 2) % grid.nx - grid.nx / 2
            # Of bilinear weights, rows and columns and their product are in balance.
            sums[number] += weight * np.array([1.0, down, right, down * right])
            assert weight > 0
            assert 0 <= cell.y < grid.ny
            assert 0 <= cell.x < grid.nx
            assert abs(down) <= 1 + 1e-6
            assert abs(right) <= 1 + 1e-6
        assert len(set(around.cells)) == len(around.cells) <= 4
        assert around.cells[around.nearest] == grid.cell(lats[number].item(), lons[number].item())
    np.testing.assert_allclose(sums[inside], [[1.0, 0.0, 0.0, 0.0]] * inside.sum(), rtol=0, atol=2e-6)
    for lat, lon in zip(lats[~inside][:500].tolist(), lons[~inside].tolist(), strict=False):
        with pytest.raises(OutsideGrid):
            grid.neighbours(lat, lon)


@each
def test_every_point_lies_where_proj_says_and_finds_its_cell(grid: Grid) -> None:
    rows, columns = some_lines(grid, 40)
    lats, lons = grid.latlons(rows, columns)
    assert lons.min() >= -180
    assert lons.max() < 180
    at_lats, at_lons = places(grid, rows[:, None].astype(float), columns.astype(float))
    np.testing.assert_allclose(lats, at_lats, rtol=0, atol=1e-9)
    # A metre is a metre at the pole, too.
    np.testing.assert_allclose(apart(lons, at_lons) * np.cos(np.radians(lats)), 0.0, rtol=0, atol=1e-9)
    for row, y in enumerate(rows.tolist()):
        for column, x in enumerate(columns.tolist()):
            lat, lon = grid.latlon(Cell(y, x))
            assert abs(lat - lats[row, column]) < 1e-11
            assert abs((lon - lons[row, column] + 180) % 360 - 180) < 1e-11
            if abs(lat) < 90.0 - 1e-9 or isinstance(grid, PlaneGrid):
                assert grid.cell(lat, lon) == grid.cell(lat, lon + 360.0) == (y, x)


@each
def test_some_points_are_among_all_points(grid: Grid) -> None:
    lats, lons = grid.latlons()
    assert lats.shape == lons.shape == grid.shape
    rows, columns = some_lines(grid, 5)
    for some, whole in zip(grid.latlons(rows, columns), (lats, lons), strict=True):
        np.testing.assert_array_equal(some, whole[np.ix_(rows, columns)])
    np.testing.assert_array_equal(grid.latlons(slice(1, 9, 2))[0], lats[1:9:2])
    np.testing.assert_array_equal(grid.convergence(rows), grid.convergence()[rows])


@each_plane
def test_the_grid_mapping_leads_to_the_same_coordinates(grid: PlaneGrid) -> None:
    mapped = pyproj.Proj(pyproj.CRS.from_cf(grid.grid_mapping()))
    rows, columns = some_lines(grid, 40)
    y_name, y, x_name, x = grid.axes()
    assert (y_name, x_name) == ("y", "x")
    lats, lons = grid.latlons(rows, columns)
    at_lons, at_lats = mapped(*np.meshgrid(x[columns], y[rows]), inverse=True)
    np.testing.assert_allclose(lats, at_lats, rtol=0, atol=1e-9)
    np.testing.assert_allclose(apart(lons, at_lons) * np.cos(np.radians(lats)), 0.0, rtol=0, atol=1e-9)
    at_x, at_y = mapped(lons, lats)
    np.testing.assert_allclose(at_y, np.broadcast_to(y[rows][:, None], at_y.shape), rtol=0, atol=1e-3)
    np.testing.assert_allclose(at_x, np.broadcast_to(x[columns], at_x.shape), rtol=0, atol=1e-3)


@each
def test_the_convergence_is_projs(grid: Grid) -> None:
    rows, columns = some_lines(grid, 40)
    ours = grid.convergence(rows, columns)
    assert ours.shape == (len(rows), len(columns))
    if not isinstance(grid, PlaneGrid):
        assert not ours.any()
        return
    lats, lons = grid.latlons(rows, columns)
    told = proj_of(grid).get_factors(lons, lats).meridian_convergence
    away = np.abs(lats) < 89.9
    np.testing.assert_allclose(apart(np.degrees(ours), told)[away], 0.0, rtol=0, atol=1e-6)


@each
def test_a_crop_of_a_crop_keeps_every_point(grid: Grid) -> None:
    crop = grid.crop(Window(3, 8, 5, 11)).crop(Window(2, 5, 1, 8))
    rows, columns = slice(5, 10), slice(6, 14)
    assert type(crop) is type(grid)
    assert crop.shape == (5, 8)
    for mine, whole in zip(crop.latlons(), grid.latlons(rows, columns), strict=True):
        np.testing.assert_allclose(mine, whole, rtol=0, atol=1e-9)
    for mine, whole in zip(crop.axes()[1::2], (grid.axes()[1][rows], grid.axes()[3][columns]), strict=True):
        np.testing.assert_allclose(mine, whole, rtol=0, atol=1e-6)
    np.testing.assert_allclose(crop.convergence(), grid.convergence(rows, columns), rtol=0, atol=1e-11)
    assert crop.grid_mapping() == grid.grid_mapping()
    assert grid.crop(Window(0, grid.ny, 0, grid.nx)) == grid


@each
def test_attrs_are_json_and_come_back(grid: Grid) -> None:
    again = grid_from_attrs(json.loads(json.dumps(grid.to_attrs())))
    assert again == grid
    assert hash(again) == hash(grid)
    assert again.latlon(Cell(3, 4)) == grid.latlon(Cell(3, 4))


BOXES = [
    Box(177.0, -90.0, -178.0, 90.0),
    Box(172.3, 47.2, 189.1, 56.7),
    Box(-187.7, -19.3, -178.2, -12.1),
    Box(150.3, -3.3, 200.7, 6.7),
    Box(-164.3, 17.3, -153.1, 23.7),
    Box(-180.0, 60.3, 180.0, 90.0),
]


@each
@pytest.mark.parametrize("box", BOXES, ids=str)
def test_a_window_is_the_smallest_that_holds_every_point_of_the_box(grid: Grid, box: Box) -> None:
    lats, lons = grid.latlons()
    width = 360.0 if box.east - box.west >= 360.0 else (box.east - box.west) % 360.0
    within = (lats >= box.south) & (lats <= box.north) & ((lons - box.west) % 360.0 <= width)
    if not within.any():
        with pytest.raises(OutsideGrid, match="no grid point lies within"):
            grid.window(box)
        return
    window = grid.window(box)
    rows = range(window.row, window.row + window.rows)
    columns = [(window.column + x) % grid.nx for x in range(window.columns)]
    taken = np.zeros(grid.shape, bool)
    taken[np.ix_(rows, columns)] = True
    assert not within[~taken].any()
    for edge in (within[rows[0]], within[rows[-1]], within[:, columns[0]], within[:, columns[-1]]):
        assert edge.any()
    crop = grid.crop(window)
    np.testing.assert_allclose(crop.latlons()[0][0, 0], lats[rows[0], columns[0]], rtol=0, atol=1e-9)
    np.testing.assert_allclose(apart(crop.latlons()[1][-1], lons[rows[-1], columns]), 0.0, rtol=0, atol=1e-9)


@each
@pytest.mark.parametrize(
    ("lat", "lon"), [(91, 0), (-90.01, 0), (math.nan, 0), (0, math.nan), (math.inf, 0), (0, -math.inf)]
)
def test_no_place_on_earth(grid: Grid, lat: float, lon: float) -> None:
    for ask in (grid.cell, grid.neighbours):
        with pytest.raises(OutsideGrid, match="not a place on Earth"):
            ask(lat, lon)


@each
def test_the_other_side_of_the_earth_is_outside(grid: Grid) -> None:
    lat, lon = grid.latlon(Cell(grid.ny // 2, grid.nx // 2))
    pole = math.copysign(90.0, -lat)
    if isinstance(grid, LatLonGrid) and grid.wraps:
        assert grid.cell(pole, lon).y == grid.ny - 1
        return
    for far in ((-80.0 if lat > 0 else 80.0, lon + 180.0), (pole, lon)):
        with pytest.raises(OutsideGrid, match="is outside"):
            grid.cell(*far)


@each
def test_cells_are_made_of_plain_numbers_and_areas_of_words(grid: Grid) -> None:
    lat, lon = grid.latlon(Cell(grid.ny // 2, grid.nx // 2))
    assert [type(part) for part in grid.cell(lat, lon)] == [int, int]
    assert grid.extent()
    assert grid.grid_mapping()["earth_radius"] > 6e6
