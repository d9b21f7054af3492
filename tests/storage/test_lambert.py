"""What only Lambert grids have: the gap of the cone, one or two parallels. `test_grid_laws.py` has the rest."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.grids import Box, Cell, Grid, LambertGrid, OutsideGrid, Window
from tests.storage.places import MADE, REAL, proj_of

HRRR = REAL["HRRR"]
EUROPE, PATAGONIA, ALEUTIANS = (MADE[name] for name in ("europe", "patagonia", "aleutians"))
assert isinstance(HRRR, LambertGrid)


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


@pytest.mark.parametrize("grid", [EUROPE, PATAGONIA, ALEUTIANS], ids=["europe", "patagonia", "aleutians"])
@given(box=boxes)
@settings(max_examples=60)
def test_a_window_is_the_smallest_that_holds_every_point_of_the_box(grid: Grid, box: Box) -> None:
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
        ({"lat0": 90.1}, "not a Lambert grid"),
        ({"lat0": -90.0}, "not a Lambert grid"),
        ({"lat0": 90.0}, "gap of its cone"),
        ({"dx": math.inf}, "not a Lambert grid"),
        ({"latin1": 90.0}, "no cone touches"),
        ({"latin1": -38.5}, "no cone touches a sphere of 6.37123e\\+06 m at latitudes -38.5 and 38.5"),
        ({"latin1": 0.0, "latin2": 0.0}, "no cone touches"),
        ({"radius": 0.0}, "no cone touches"),
        ({"lov": math.nan}, "not a Lambert grid"),
    ],
)
def test_impossible_grids_are_refused(change: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(HRRR, **change)  # type: ignore[arg-type]
