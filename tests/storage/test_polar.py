"""What only polar stereographic grids have: a pole within, and the scale there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from storage.grids import Box, Cell, PolarStereographicGrid, Window
from tests.storage.places import MADE, REAL, proj_of

ALASKA = REAL["HRRR Alaska"]
ARCTIC, ANTARCTICA = MADE["arctic"], MADE["antarctica"]
assert isinstance(ALASKA, PolarStereographicGrid)
TIED = PolarStereographicGrid(5, 5, 90.0, 0.0, 50_000.0, -50_000.0, 20.0, 60.0, 6_371_229.0)
"""Its first point is the pole."""


def test_hrrr_alaska_lies_where_its_real_messages_do() -> None:
    """The other three corners, the northernmost point and the one nearest to Anchorage, as cfgrib and ecCodes read them
    of NCEP's files.
    """
    corners = {(0, 1298): (51.7256, -128.4731), (918, 0): (55.6054, 156.4368), (918, 1298): (76.3377, -115.7757)}
    for cell, place in corners.items():
        assert ALASKA.latlon(Cell(*cell)) == pytest.approx(place, abs=1e-4)
    assert ALASKA.latlons()[0].max() == pytest.approx(77.0929, abs=1e-4)
    assert ALASKA.latlon(ALASKA.cell(61.2181, -149.9003)) == pytest.approx((61.2267746, -149.9175587), abs=1e-6)


@pytest.mark.parametrize(("grid", "pole"), [(ARCTIC, 90.0), (ANTARCTICA, -90.0)], ids=["arctic", "antarctica"])
def test_the_pole_is_one_cell_from_every_side(grid: PolarStereographicGrid, pole: float) -> None:
    y, x = proj_of(grid)(0.0, pole)[::-1]
    y0, x0 = proj_of(grid)(grid.lon0, grid.lat0)[::-1]
    expected = Cell(math.floor((y - y0) / grid.dy + 0.5), math.floor((x - x0) / grid.dx + 0.5))
    assert {grid.cell(pole, lon) for lon in range(0, 360, 20)} == {expected}
    assert grid.cell(math.copysign(89.99, pole), 123.0) == expected
    lats = grid.crop(grid.window(Box(-180.0, min(pole, 80.0), 180.0, max(pole, -80.0)))).latlons()[0]
    assert (np.abs(lats).max() > 89.0, lats.shape < grid.shape) == (True, True)


def test_winds_at_a_pole_turn_with_the_meridian_that_its_longitude_says() -> None:
    """Towards `lov` y is north; a quarter further east, x points to the pole."""
    assert isinstance(ARCTIC, PolarStereographicGrid)
    for east, angle in ((0.0, 0.0), (90.0, 90.0), (-90.0, -90.0)):
        y, x = ARCTIC.cell(80.0, ARCTIC.lov + east)
        assert math.degrees(ARCTIC.convergence()[y, x]) == pytest.approx(angle, abs=8.0)
        ys, xs = ANTARCTICA.cell(-80.0, 180.0 + east)
        assert math.degrees(ANTARCTICA.convergence()[ys, xs]) == pytest.approx(-angle, abs=12.0)


def test_a_grid_may_begin_at_its_pole() -> None:
    assert TIED.cell(90.0, 77.0) == (0, 0)
    assert TIED.latlon(Cell(0, 0))[0] == 90.0
    crop = ARCTIC.crop(Window(*ARCTIC.cell(90.0, 0.0)[:1], 3, ARCTIC.cell(90.0, 0.0).x, 3))
    assert crop.cell(90.0, 0.0) == (0, 0)
    # Towards 20 degrees east y falls.
    assert TIED.latlon(Cell(4, 0)) == (pytest.approx(88.07, abs=0.01), pytest.approx(20.0))


def test_the_grid_mapping_names_its_pole() -> None:
    """PROJ takes it from the standard parallel; other readers take the latitude of the origin."""
    for grid, pole in ((ALASKA, 90.0), (ARCTIC, 90.0), (ANTARCTICA, -90.0)):
        assert grid.grid_mapping()["latitude_of_projection_origin"] == pole
    assert ANTARCTICA.grid_mapping()["straight_vertical_longitude_from_pole"] == -180.0


@pytest.mark.parametrize("lad", [45.0, 60.0, 75.0])
def test_the_scale_is_true_at_lad(lad: float) -> None:
    assert isinstance(ALASKA, PolarStereographicGrid)
    grid = replace(ALASKA, lad=lad)
    lats, _ = grid.latlons()
    y, x = np.unravel_index(np.abs(lats[:, :-1] - lad).argmin(), (grid.ny, grid.nx - 1))
    assert lats[y, x] == pytest.approx(lad, abs=0.001)
    step = math.radians(math.hypot(*_step(grid, int(y), int(x)))) * grid.radius
    assert step == pytest.approx(3000.0, rel=1e-3)


def _step(grid: PolarStereographicGrid, y: int, x: int) -> tuple[float, float]:
    """Degrees of a great circle from a point to the next in its row."""
    (lat, lon), (next_lat, next_lon) = grid.latlon(Cell(y, x)), grid.latlon(Cell(y, x + 1))
    return next_lat - lat, ((next_lon - lon + 180) % 360 - 180) * math.cos(math.radians((lat + next_lat) / 2))


def test_the_area_is_told_by_its_corners() -> None:
    assert ALASKA.extent() == (
        "a polar stereographic grid around longitude -135 with corners at 41.61 -174.9, 51.73 -128.5, 76.34 -115.8, "
        "55.61 156.4"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ny": 0}, "not a polar stereographic grid"),
        ({"nx": 0}, "not a polar stereographic grid"),
        ({"dx": 0.0}, "not a polar stereographic grid"),
        ({"dx": math.inf}, "not a polar stereographic grid"),
        ({"dy": math.nan}, "not a polar stereographic grid"),
        ({"lat0": -90.0}, "not a polar stereographic grid"),
        ({"lat0": 91.0}, "not a polar stereographic grid"),
        ({"lon0": math.nan}, "not a polar stereographic grid"),
        ({"lov": math.nan}, "not a polar stereographic grid"),
        ({"lad": 0.0}, "no plane at a pole has true scale at latitude 0 of a sphere of 6.37123e\\+06 m"),
        ({"lad": 90.5}, "no plane at a pole"),
        ({"radius": 0.0}, "no plane at a pole"),
    ],
)
def test_impossible_grids_are_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(ALASKA, **change)
