"""What only Mercator grids have: rows along parallels, and columns that may close the circle."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.grids import Box, Cell, MercatorGrid, OutsideGrid
from tests.storage.places import MADE, REAL

HAWAII, TROPICS, KIRIBATI = REAL["NBM Hawaii"], MADE["tropics"], MADE["kiribati"]
assert isinstance(HAWAII, MercatorGrid)
assert isinstance(TROPICS, MercatorGrid)
AGAIN = replace(TROPICS, nx=73)
"""Its last column is the first once more, as some producers have it."""


def test_rows_run_along_parallels_and_columns_along_meridians() -> None:
    lats, lons = HAWAII.latlons()
    assert (np.ptp(lats, axis=1).max(), np.ptp(lons, axis=0).max()) == (0.0, 0.0)
    # 2.5 km at 20 degrees, more towards the equator.
    steps = np.radians(np.diff(lats[:, 0])) * HAWAII.radius
    for lat, step in zip(lats[:-1, 0], steps, strict=True):
        assert step == pytest.approx(2500.0 * math.cos(math.radians(lat)) / math.cos(math.radians(20.0)), rel=1e-3)
    assert not HAWAII.convergence().any()


@pytest.mark.parametrize(
    ("ny", "nx", "step", "first", "last"),
    [
        (225, 321, 2500.0, (18.072699, 198.474999), (23.087799, 206.130999)),
        (257, 353, 1250.0, (16.8287, 291.8047), (19.7362, 296.0155)),
        (193, 193, 2500.0, (12.35, 143.687), (16.794, 148.28)),
    ],
    ids=["hawaii", "puerto rico", "guam"],
)
def test_the_grids_of_the_islands_end_where_ncep_says(
    ny: int, nx: int, step: float, first: tuple[float, float], last: tuple[float, float]
) -> None:
    """First and last point of NDFD's grids as NCEP's scripts give them to wgrib2, within a thousandth of a degree."""
    assert isinstance(HAWAII, MercatorGrid)
    grid = replace(HAWAII, ny=ny, nx=nx, dx=step, dy=step, lat0=first[0], lon0=first[1])
    assert grid.latlon(Cell(ny - 1, nx - 1)) == pytest.approx((last[0], last[1] - 360.0 * (last[1] > 180)), abs=1e-3)


def test_the_circle_closes() -> None:
    assert TROPICS.wraps
    assert TROPICS.cell(0.0, 19.9) == TROPICS.cell(0.0, 379.9) == (TROPICS.cell(0.0, 20.0).y, 0)
    assert TROPICS.cell(0.0, 15.1).x == 71
    around = TROPICS.neighbours(TROPICS.latlon(Cell(9, 0))[0], 17.5)
    assert {cell.x for cell, weight in zip(around.cells, around.weights, strict=True) if weight > 1e-6} == {0, 71}
    crop = TROPICS.crop(TROPICS.window(Box(3.0, -20.0, 31.0, 20.0)))
    assert isinstance(crop, MercatorGrid)
    assert [round(lon) for lon in crop.latlons()[1][0]] == [5, 10, 15, 20, 25, 30]
    assert not crop.wraps
    whole = TROPICS.crop(TROPICS.window(Box(-180.0, -90.0, 180.0, 90.0)))
    assert whole == TROPICS


def test_a_column_that_comes_twice_is_found_once() -> None:
    assert not AGAIN.wraps
    assert {AGAIN.cell(0.0, lon).x for lon in range(360)} == set(range(72))
    assert AGAIN.latlon(Cell(0, 72)) == pytest.approx(AGAIN.latlon(Cell(0, 0)))
    assert {cell.x for cell in AGAIN.neighbours(0.0, 17.0).cells} <= {71, 72}


def test_a_grid_over_the_antimeridian_speaks_both_conventions() -> None:
    y, x = KIRIBATI.cell(1.9, -171.4)
    assert KIRIBATI.cell(1.9, 188.6) == (y, x)
    assert KIRIBATI.cell(0.0, 179.9).x < KIRIBATI.cell(0.0, -179.0).x < x
    for lon in (168.0, -164.0):
        with pytest.raises(OutsideGrid, match="is outside a Mercator grid around longitude -178 with corners at 8 171"):
            KIRIBATI.cell(0.0, lon)


@given(west=st.floats(-180, 180), width=st.floats(0.01, 359.0), south=st.floats(-45, 40), height=st.floats(0.01, 40))
@settings(max_examples=60)
def test_a_window_of_a_closed_grid_holds_just_the_columns_of_the_box(
    west: float, width: float, south: float, height: float
) -> None:
    assert isinstance(TROPICS, MercatorGrid)
    lats, lons = TROPICS.latlons()
    columns = {x for x, lon in enumerate(lons[0].tolist()) if (lon - west) % 360.0 <= width}
    rows = {y for y, lat in enumerate(lats[:, 0].tolist()) if south <= lat <= south + height}
    box = Box(west, south, west + width, south + height)
    if not rows or not columns:
        with pytest.raises(OutsideGrid, match="no grid point lies within"):
            TROPICS.window(box)
        return
    window = TROPICS.window(box)
    assert {(window.column + x) % 72 for x in range(window.columns)} == columns
    assert set(range(window.row, window.row + window.rows)) == rows


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ny": 0}, "not a Mercator grid"),
        ({"dx": -1.0}, "not a Mercator grid"),
        ({"dy": 0.0}, "not a Mercator grid"),
        ({"lat0": 90.0}, "not a Mercator grid"),
        ({"dy": 1e9}, "not a Mercator grid"),
        ({"lov": math.nan}, "not a Mercator grid"),
        ({"lad": 90.0}, "no cylinder cuts a sphere of 6.3712e\\+06 m at latitude 90"),
        ({"radius": -1.0}, "no cylinder"),
        ({"nx": 16_000}, "goes more than once around the Earth"),
    ],
)
def test_impossible_grids_are_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(HAWAII, **change)
