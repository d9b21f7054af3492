"""Lambert grids, held against PROJ and plain enumeration."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.grids import Box, Cell, LambertGrid, OutsideGrid, Window, grid_from_attrs

HRRR = LambertGrid(1059, 1799, 21.138123, 237.280472, 3000.0, 3000.0, 262.5, 38.5, 38.5, 6_371_229.0)
NBM = LambertGrid(1597, 2345, 19.229, 233.7234, 2539.703, 2539.703, 265.0, 25.0, 25.0, 6_371_200.0)
EUROPE = LambertGrid(19, 23, 55.0, -4.0, 60_000.0, -80_000.0, 8.0, 40.0, 60.0, 6_371_229.0)
PATAGONIA = LambertGrid(21, 18, -55.0, 285.0, 90_000.0, 70_000.0, 296.0, -35.0, -50.0, 6_371_229.0)
ALEUTIANS = LambertGrid(17, 31, 48.0, 168.0, 75_000.0, 75_000.0, 190.0, 52.0, 52.0, 6_371_229.0)
SMALL = [EUROPE, PATAGONIA, ALEUTIANS]
ALL = [HRRR, NBM, *SMALL]
NAMES = ["hrrr", "nbm", "europe", "patagonia", "aleutians"]

Numbers = NDArray[np.float64]


def proj_of(grid: LambertGrid) -> pyproj.Proj:
    """PROJ's own cone."""
    return pyproj.Proj(
        proj="lcc", lat_1=grid.latin1, lat_2=grid.latin2, lat_0=grid.latin1, lon_0=grid.lov, R=grid.radius
    )


def places(grid: LambertGrid, rows: Numbers, columns: Numbers) -> tuple[Numbers, Numbers]:
    """Latitudes and longitudes of fractional rows and columns by PROJ."""
    proj = proj_of(grid)
    x, y = proj(grid.lon0, grid.lat0)
    lons, lats = proj(x + columns * grid.dx, y + rows * grid.dy, inverse=True)
    return lats, lons


def scattered(grid: LambertGrid, count: int) -> tuple[Numbers, Numbers]:
    """Fractional rows and columns at random: within a cell around the grid, a fifth of them at its edges."""
    random = np.random.default_rng(grid.nx)
    found = []
    for size in grid.shape:
        values = random.uniform(-1.0, size, count)
        edge = random.random(count) < 0.1
        values[edge] = random.choice([-0.5, size - 0.5], edge.sum()) + random.uniform(-0.01, 0.01, edge.sum())
        found.append(values)
    return found[0], found[1]


@pytest.mark.parametrize("grid", ALL, ids=NAMES)
def test_the_nearest_cell_is_projs(grid: LambertGrid) -> None:
    rows, columns = scattered(grid, 10_000)
    told = [part.tolist() for part in (rows, columns, *places(grid, rows, columns))]
    outside = 0
    for row, column, lat, lon in zip(*told, strict=True):
        if not (-0.5 <= row <= grid.ny - 0.5 and -0.5 <= column <= grid.nx - 0.5):
            outside += 1
            with pytest.raises(OutsideGrid, match="is outside a Lambert grid around longitude"):
                grid.cell(lat, lon)
            with pytest.raises(OutsideGrid):
                grid.neighbours(lat, lon)
        else:
            assert grid.cell(lat, lon) == (math.floor(row + 0.5), math.floor(column + 0.5))
            assert grid.cell(lat, lon % 360.0) == grid.cell(lat, lon)
    assert 500 < outside < 5_000


@pytest.mark.parametrize("grid", ALL, ids=NAMES)
def test_neighbours_give_back_projs_plane(grid: LambertGrid) -> None:
    rows, columns = scattered(grid, 10_000)
    inside = (np.abs(rows - (grid.ny - 1) / 2) < grid.ny / 2) & (np.abs(columns - (grid.nx - 1) / 2) < grid.nx / 2)
    rows, columns = rows[inside], columns[inside]
    told = [part.tolist() for part in (rows, columns, *places(grid, rows, columns))]
    for row, column, lat, lon in zip(*told, strict=True):
        around = grid.neighbours(lat, lon)
        assert 1 <= len(around) <= 4
        assert all(0 <= cell.y < grid.ny and 0 <= cell.x < grid.nx and weight > 0 for cell, weight in around)
        assert sum(weight for _, weight in around) == pytest.approx(1.0)
        # Half a cell outside the outermost points the nearest of them answer.
        y, x = min(max(row, 0), grid.ny - 1), min(max(column, 0), grid.nx - 1)
        assert sum(weight * cell.y for cell, weight in around) == pytest.approx(y, abs=1e-6)
        assert sum(weight * cell.x for cell, weight in around) == pytest.approx(x, abs=1e-6)


@pytest.mark.parametrize("grid", ALL, ids=NAMES)
def test_every_point_lies_where_proj_and_the_grid_mapping_say(grid: LambertGrid) -> None:
    lats, lons = grid.latlons()
    assert lats.shape == lons.shape == grid.shape
    assert lons.min() >= -180
    assert lons.max() < 180
    _, y, _, x = grid.axes()
    mapped = pyproj.Proj(pyproj.CRS.from_cf(grid.grid_mapping()))(*np.meshgrid(x, y), inverse=True)
    direct = places(grid, *np.indices(grid.shape).astype(float))
    for at_lats, at_lons in (mapped[::-1], direct):
        np.testing.assert_allclose(lats, at_lats, rtol=0, atol=1e-6)
        np.testing.assert_allclose((lons - at_lons + 180) % 360, 180, rtol=0, atol=1e-6)


@pytest.mark.parametrize("grid", ALL, ids=NAMES)
def test_one_point_and_all_points_agree_and_find_their_cells(grid: LambertGrid) -> None:
    random = np.random.default_rng(0)
    rows = np.unique([0, grid.ny - 1, *random.integers(0, grid.ny, 30)])
    columns = np.unique([0, grid.nx - 1, *random.integers(0, grid.nx, 30)])
    lats, lons = grid.latlons()
    some_lats, some_lons = grid.latlons(rows, columns)
    np.testing.assert_array_equal(some_lats, lats[np.ix_(rows, columns)])
    np.testing.assert_array_equal(some_lons, lons[np.ix_(rows, columns)])
    np.testing.assert_array_equal(grid.latlons(slice(1, 9, 2))[0], lats[1:9:2])
    for y in rows.tolist():
        for x in columns.tolist():
            lat, lon = grid.latlon(Cell(y, x))
            assert (lat, lon) == pytest.approx((lats[y, x], lons[y, x]), abs=1e-11)
            assert grid.cell(lat, lon) == (y, x)
    assert grid.latlon(Cell(0, 0)) == pytest.approx((grid.lat0, (grid.lon0 + 180) % 360 - 180), abs=1e-11)


def test_a_cell_is_made_of_plain_numbers() -> None:
    assert [type(part) for part in HRRR.cell(38.5, -97.5)] == [int, int]


@pytest.mark.parametrize(
    ("lat", "lon"), [(91, 0), (math.nan, 0), (40, math.nan), (40, math.inf), (-math.inf, 0), (90.0001, -97.5)]
)
def test_no_place_on_earth(lat: float, lon: float) -> None:
    with pytest.raises(OutsideGrid, match="not a place on Earth"):
        HRRR.cell(lat, lon)


@pytest.mark.parametrize("grid", ALL, ids=NAMES)
def test_poles_and_the_far_side_are_outside(grid: LambertGrid) -> None:
    for lat, lon in ((90, 0), (-90, 0), (40, grid.lov + 180), (-40, grid.lov + 180), (0, grid.lov)):
        with pytest.raises(OutsideGrid, match="is outside"):
            grid.cell(lat, lon)


@pytest.mark.parametrize("side", [1, -1])
def test_a_grid_may_reach_to_the_pole_but_not_beyond(side: int) -> None:
    near = LambertGrid(2, 3, side * 89.0, 9.0, 40_000, side * 40_000, 10.0, side * 60, side * 60, 6_371_229.0)
    proj = proj_of(near)
    to_pole = abs(proj(10.0, side * 90.0)[1] - proj(9.0, side * 89.0)[1])
    upto = replace(near, dy=side * to_pole * 0.999)
    assert {upto.cell(side * 90.0, lon).y for lon in range(0, 360, 20)} == {1}
    with pytest.raises(ValueError, match="gap of its cone"):
        replace(near, dy=side * to_pole * 1.5)
    with pytest.raises(ValueError, match="gap of its cone"):
        replace(near, lon0=12.0, dy=side * to_pole * 3)


boxes = st.builds(Box, st.floats(-180, 180), st.floats(-65, 60), st.floats(-180, 360), st.floats(-60, 70))


@pytest.mark.parametrize("grid", SMALL, ids=NAMES[2:])
@given(box=boxes)
@settings(max_examples=60)
def test_a_window_is_the_smallest_that_holds_every_point_of_the_box(grid: LambertGrid, box: Box) -> None:
    width = 360.0 if box.east - box.west >= 360.0 else (box.east - box.west) % 360.0
    within = []
    for y, x in np.ndindex(*grid.shape):
        lat, lon = grid.latlon(Cell(y, x))
        if box.south <= lat <= box.north and (lon - box.west) % 360.0 <= width:
            within.append((y, x))
    if not within:
        with pytest.raises(OutsideGrid, match="no grid point lies within"):
            grid.window(box)
        return
    low, high = np.min(within, axis=0).tolist(), np.max(within, axis=0).tolist()
    assert grid.window(box) == Window(low[0], high[0] + 1 - low[0], low[1], high[1] + 1 - low[1])


def test_a_box_over_the_antimeridian_is_one_window() -> None:
    window = ALEUTIANS.window(Box(178.0, 50.0, -172.0, 55.0))
    crop = ALEUTIANS.crop(window)
    lons = crop.latlons()[1]
    assert (window.columns, lons.min() < -172, lons.max() > 178) == (crop.nx, True, True)
    y, x = ALEUTIANS.cell(52.0, 179.9)
    assert crop.cell(52.0, 179.9) == (y - window.row, x - window.column)


@pytest.mark.parametrize("grid", ALL, ids=NAMES)
def test_a_crop_of_a_crop_keeps_every_point(grid: LambertGrid) -> None:
    crop = grid.crop(Window(3, 12, 5, 11)).crop(Window(2, 7, 1, 8))
    assert isinstance(crop, LambertGrid)
    assert crop.shape == (7, 8)
    assert (crop.dx, crop.dy, crop.lov, crop.radius) == (grid.dx, grid.dy, grid.lov, grid.radius)
    assert crop.grid_mapping() == grid.grid_mapping()
    rows, columns = slice(5, 12), slice(6, 14)
    for mine, whole in zip(crop.latlons(), grid.latlons(rows, columns), strict=True):
        np.testing.assert_allclose(mine, whole, rtol=0, atol=1e-9)
    y_name, y, x_name, x = crop.axes()
    assert (y_name, x_name) == ("y", "x")
    np.testing.assert_allclose(y, grid.axes()[1][rows], rtol=0, atol=1e-6)
    np.testing.assert_allclose(x, grid.axes()[3][columns], rtol=0, atol=1e-6)
    assert grid.crop(Window(0, grid.ny, 0, grid.nx)) == grid


@pytest.mark.parametrize("grid", ALL, ids=NAMES)
def test_attrs_are_json_and_come_back(grid: LambertGrid) -> None:
    again = grid_from_attrs(json.loads(json.dumps(grid.to_attrs())))
    assert again == grid
    assert again.latlon(Cell(3, 4)) == grid.latlon(Cell(3, 4))


def test_one_or_two_standard_parallels_are_told() -> None:
    assert HRRR.grid_mapping()["standard_parallel"] == 38.5
    assert EUROPE.grid_mapping()["standard_parallel"] == [40.0, 60.0]


def test_parallels_that_nearly_meet_make_nearly_the_same_cone() -> None:
    lats, lons = replace(HRRR, latin2=38.500001).latlons(slice(0, None, 100), slice(0, None, 100))
    np.testing.assert_allclose(lats, HRRR.latlons()[0][::100, ::100], rtol=0, atol=1e-6)
    np.testing.assert_allclose(lons, HRRR.latlons()[1][::100, ::100], rtol=0, atol=1e-6)


def test_the_area_is_told_by_its_corners() -> None:
    assert HRRR.extent() == (
        "a Lambert grid around longitude -97.5 with corners at 21.14 -122.7, 21.14 -72.29, 47.84 -60.92, 47.84 -134.1"
    )
    assert HRRR.crop(Window(0, 1, 0, 1)).extent().endswith("with corners at 21.14 -122.7")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ny": 0}, "not a Lambert grid"),
        ({"nx": 0}, "not a Lambert grid"),
        ({"dx": 0.0}, "not a Lambert grid"),
        ({"dx": -3000.0}, "not a Lambert grid"),
        ({"dy": 0.0}, "not a Lambert grid"),
        ({"dy": math.nan}, "not a Lambert grid"),
        ({"lat0": 90.0}, "not a Lambert grid"),
        ({"latin1": 90.0}, "no cone touches"),
        ({"latin1": -38.5}, "no cone touches a sphere of 6.37123e\\+06 m at latitudes -38.5 and 38.5"),
        ({"latin1": 0.0, "latin2": 0.0}, "no cone touches"),
        ({"radius": 0.0}, "no cone touches"),
        ({"lov": math.nan}, "gap of its cone"),
    ],
)
def test_impossible_grids_are_refused(change: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(HRRR, **change)  # type: ignore[arg-type]
