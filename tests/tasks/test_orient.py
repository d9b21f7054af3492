"""The grid and the order of values come from the message: made fields whose values say where they are."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import eccodes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.grids import Box, Cell
from tasks.bands import strips_of
from tasks.errors import DecodeError
from tasks.fields import rows_of
from tasks.mixed import open_fields
from tasks.orient import Scan, orientation_of
from tasks.packing import packing_of

pytestmark = pytest.mark.usefixtures("in_one_process")


def decoded(
    stage: Any, scratch: Path, plane: Any, box: Box | None = None, **how: Any
) -> tuple[Any, NDArray[np.float32]]:
    """The grid, and [latitude or longitude, y, x] of two fields that hold the places of their points.

    Both decoders must agree about them.
    """
    lats, lons = plane.places()
    messages = [stage.field(field, plane=plane, **how) for field in (lats, (lons + 180) % 360 - 180)]
    found = []
    for claim in (packing_of, lambda message: None):
        with closing(open_fields(messages, scratch, box, lambda done, count: None, claim)) as fields:
            strips = [rows_of(fields, range(2), rows) for rows in strips_of(range(fields.grid.ny))]
            found.append((fields.grid, np.concatenate(strips, axis=1)))
    (grid, values), (other_grid, other_values) = found
    assert grid == other_grid
    np.testing.assert_allclose(values, other_values, rtol=1e-6, atol=1e-5)
    return grid, values


def every_cell_is_where_it_says(grid: Any, values: NDArray[np.float32]) -> None:
    assert values.shape == (2, *grid.shape)
    for y in range(grid.ny):
        for x in range(grid.nx):
            assert tuple(values[:, y, x]) == pytest.approx(grid.latlon(Cell(y, x)), abs=0.01)


@pytest.mark.parametrize(
    ("northward", "westward", "columns_first", "alternating"), list(product((False, True), repeat=4))
)
def test_every_scanning_mode_puts_every_value_where_it_belongs(
    stage: Any, tmp_path: Path, made: SimpleNamespace, northward: bool, westward: bool, columns_first: bool,
    alternating: bool,
) -> None:  # fmt: skip
    plane = made.Plane(
        lat0=49.0 if northward else 52.0,
        dlat=0.25 if northward else -0.25,
        westward=westward,
        columns_first=columns_first,
        alternating=alternating,
    )
    grid, values = decoded(stage, tmp_path, plane)
    assert (grid.lat0, grid.dlat, grid.lon0, grid.dlon) == (plane.lat0, plane.dlat, -3.0, 0.25)
    every_cell_is_where_it_says(grid, values)


@pytest.mark.parametrize(("northward", "westward", "columns_first"), list(product((False, True), repeat=3)))
def test_grib1_scanning_modes_too(
    stage: Any, tmp_path: Path, made: SimpleNamespace, northward: bool, westward: bool, columns_first: bool
) -> None:
    plane = made.Plane(
        lat0=49.0 if northward else 52.0,
        dlat=0.25 if northward else -0.25,
        westward=westward,
        columns_first=columns_first,
    )
    every_cell_is_where_it_says(*decoded(stage, tmp_path, plane, edition=1))


@pytest.mark.parametrize(
    ("lon0", "first"), [(0.0, 0.0), (-180.0, -180.0), (180.0, -180.0), (0.5, 0.5), (-179.5, -179.5)]
)
def test_global_grids_in_any_longitude_convention(
    stage: Any, tmp_path: Path, made: SimpleNamespace, lon0: float, first: float
) -> None:
    plane = made.Plane(lat0=90.0, dlat=-15.0, ny=13, lon0=lon0, dlon=7.5, nx=48)
    grid, values = decoded(stage, tmp_path, plane)
    assert grid.wraps
    assert grid.lon0 == pytest.approx(first)
    every_cell_is_where_it_says(grid, values)


@pytest.mark.parametrize("lon0", [-2.0, 178.0, 358.0, 359.75])
def test_regions_across_greenwich_and_the_antimeridian(
    stage: Any, tmp_path: Path, made: SimpleNamespace, lon0: float
) -> None:
    grid, values = decoded(stage, tmp_path, made.Plane(lon0=lon0))
    every_cell_is_where_it_says(grid, values)
    assert grid.lon0 >= -180
    assert grid.lon0 + grid.dlon * (grid.nx - 1) <= 360


@pytest.mark.parametrize("alternating", [False, True])
@pytest.mark.parametrize("westward", [False, True])
@pytest.mark.parametrize("lon0", [0.0, -180.0])
def test_a_crop_over_the_antimeridian_keeps_its_cells(
    stage: Any, tmp_path: Path, made: SimpleNamespace, lon0: float, westward: bool, alternating: bool
) -> None:
    plane = made.Plane(
        lat0=90.0, dlat=-5.0, ny=37, lon0=lon0, dlon=5.0, nx=72, westward=westward, alternating=alternating
    )
    grid, values = decoded(stage, tmp_path, plane, Box(160, -42, -165, 23))
    every_cell_is_where_it_says(grid, values)
    assert grid.shape == (13, 8)
    assert [grid.latlon(Cell(0, x))[1] for x in range(8)] == [160, 165, 170, 175, -180, -175, -170, -165]


@settings(deadline=None)  # The first call may compile.
@given(ny=st.integers(1, 5), nx=st.integers(1, 5), west=st.booleans(), columns=st.booleans(), alternating=st.booleans())
def test_positions_are_a_permutation(ny: int, nx: int, west: bool, columns: bool, alternating: bool) -> None:
    scan = Scan(ny, nx, west, columns, alternating)
    assert sorted(scan.position(y, x) for y in range(ny) for x in range(nx)) == list(range(ny * nx))


def test_a_window_may_name_columns_beyond_the_last() -> None:
    assert Scan(2, 5).position(1, 5 + 2) == 7


def test_a_grib1_step_with_a_sign_is_told_by_first_and_last_row(shared_data: Path) -> None:
    with (shared_data / "gfs" / "zygrib_gfs_20130214_06z_0-72h.grb1").open("rb") as file:
        handle = eccodes.codes_grib_new_from_file(file)
    assert eccodes.codes_get(handle, "jDirectionIncrementInDegrees") == pytest.approx(33.268)
    grid = orientation_of(handle).grid
    assert (grid.lat0, grid.dlat, grid.ny) == (48.0, -0.5, 47)  # type: ignore[attr-defined]


def changed(message: bytes, **keys: Any) -> bytes:
    handle = eccodes.codes_new_from_message(message)
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    return bytes(eccodes.codes_get_message(handle))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"jScansPositively": 1}, "rows run from 52 to 49 degrees"),
        ({"iDirectionIncrementInDegrees": 1.5}, "15 columns from 357 to 0.5 degrees are not 1.5 degrees apart"),
    ],
)
def test_a_grid_that_contradicts_itself_is_refused(
    stage: Any, tmp_path: Path, made: SimpleNamespace, keys: dict[str, Any], told: str
) -> None:
    data = changed(made.message(np.zeros((13, 15)), made.Plane()), **keys)
    message = stage.bytes(data, "air_temperature_2m", (0, 180))
    with pytest.raises(DecodeError, match=told) as caught:
        open_fields([message], tmp_path, None, lambda done, count: None)
    assert "air_temperature_2m at lead 3 h (https://mirror.test/air_temperature_2m.f003)" in str(caught.value)


def test_a_grid_without_a_type_is_refused_by_name() -> None:
    handle = eccodes.codes_grib_new_from_samples("reduced_gg_sfc_grib2")
    with pytest.raises(
        DecodeError, match=r"its grid is reduced_gg; regular latitude-longitude, Lambert, polar .* Merc"
    ):
        orientation_of(handle)
