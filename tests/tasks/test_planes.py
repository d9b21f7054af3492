"""Grids in metres out of messages: against ecCodes' own latitudes and longitudes, against PROJ where it has none."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from storage.grids import Box, Cell, PlaneGrid, Window
from tasks.bands import strips_of
from tasks.errors import DecodeError
from tasks.fields import rows_of
from tasks.mixed import open_fields
from tasks.orient import Orientation, orientation_of
from tasks.packing import packing_of
from tasks.planes import PLANES
from tests.tasks.areas import Area, cone, mercator, polar

pytestmark = pytest.mark.usefixtures("in_one_process")


def orientation(message: bytes) -> Orientation:
    handle = eccodes.codes_new_from_message(message)
    try:
        return orientation_of(handle)
    finally:
        eccodes.codes_release(handle)


def own_places(handle: int, shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ecCodes' latitudes and longitudes [y, x]; its list runs eastward along each row, whatever the message does."""
    lats, lons = (eccodes.codes_get_array(handle, key).reshape(shape) for key in ("latitudes", "longitudes"))
    return lats, lons


def the_same_places(grid: Any, lats: NDArray[np.float64], lons: NDArray[np.float64]) -> None:
    """Corners and cells at random within 1e-6 degrees, 0.1 m."""
    assert lats.shape == lons.shape == grid.shape
    chance = np.random.default_rng(grid.ny)
    ys = [0, 0, grid.ny - 1, grid.ny - 1, *chance.integers(0, grid.ny, 200)]
    xs = [0, grid.nx - 1, 0, grid.nx - 1, *chance.integers(0, grid.nx, 200)]
    for y, x in zip(ys, xs, strict=True):
        lat, lon = grid.latlon(Cell(int(y), int(x)))
        assert lat == pytest.approx(lats[y, x], abs=1e-6)
        assert abs((lon - lons[y, x] + 180) % 360 - 180) < 1e-6


@pytest.mark.parametrize(("folder", "kinds"), [("hrrr", 3), ("nbm", 2), ("other", 5)])
def test_real_messages_lie_where_eccodes_says(shared_data: Path, folder: str, kinds: int) -> None:
    seen = set()
    for path in sorted((shared_data / folder).rglob("*.gr*b*")):
        with path.open("rb") as file:
            while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
                if eccodes.codes_get(handle, "gridType") in PLANES:
                    found = orientation_of(handle)
                    if found not in seen:
                        the_same_places(found.grid, *own_places(handle, found.grid.shape))
                    seen.add(found)
                eccodes.codes_release(handle)
    assert len(seen) == kinds


def test_the_rows_of_nbm_run_to_and_fro(shared_data: Path) -> None:
    with (shared_data / "nbm" / "grib2io_blend.t00z.core.f001.tmp.co.grib2").open("rb") as file:
        handle = eccodes.codes_grib_new_from_file(file)
    scan = orientation_of(handle).scan
    values = eccodes.codes_get_array(handle, "values")
    assert scan.alternating

    def unrest(alternating: bool) -> float:
        """Mean difference between neighbours in a column, K."""
        told = scan._replace(alternating=alternating)
        rows = [[values[told.position(y, x)] for x in range(0, scan.nx, 50)] for y in range(scan.ny)]
        return float(np.abs(np.diff(rows, axis=0)).mean())

    assert unrest(alternating=True) < 0.3 < 3.0 < unrest(alternating=False)


AREAS = {
    "tangent cone": cone(),
    "secant cone": cone(30.0, 60.0),
    "secant cone, the northern parallel first": cone(60.0, 30.0),
    "southern cone": cone(-35.0, -35.0, 300.0, lat=-50.0, lon=290.0),
    "southern secant cone": cone(-35.0, -50.0, 300.0, lat=-50.0, lon=290.0),
    "cone over the antimeridian": cone(50.0, 50.0, 210.0, lat=55.0, lon=178.0),
    "cone over Greenwich": cone(46.5, 46.5, 3.0, lat=48.0, lon=358.0),
    "one row": cone(ny=1),
    "one column": cone(nx=1),
    "north pole": polar(lat=62.0, lon=187.0),
    "north pole, true elsewhere": polar(75.0, 10.0, lat=-3.0, lon=2.0),
    "south pole": polar(-60.0, 180.0, lat=-50.0, lon=290.0),
    "the north pole within": polar(90.0, 30.0, lat=88.5, lon=345.0, dx=25_000.0),
    "one row at a pole": polar(lat=62.0, ny=1),
    "mercator": mercator(lat=14.0),
    "mercator over the antimeridian": mercator(0.0, 179.0, lat=-5.0),
    "mercator over Greenwich": mercator(-30.0, 358.5, lat=-40.0),
    "one column of mercator": mercator(lat=3.0, nx=1),
}
each_area = pytest.mark.parametrize("area", AREAS.values(), ids=AREAS)


@pytest.mark.parametrize("edition", [1, 2])
@each_area
def test_made_messages_lie_where_eccodes_says(area: Area, edition: int) -> None:
    radius = 6_371_229.0 if edition == 2 else 6_367_470.0
    if edition == 1 and area.kind == "polar_stereographic":
        # Dx and Dy hold at 60 degrees of the pole's hemisphere.
        area = replace(area, proj=area.proj | {"lat_ts": math.copysign(60.0, area.proj["lat_0"])})
    handle = eccodes.codes_new_from_message(area.message(edition=edition))
    grid = orientation_of(handle).grid
    the_same_places(grid, *area.places(radius))
    # ecCodes 2.50 takes a southern plane of edition 1 for a northern one.
    if edition == 2 or area.proj.get("lat_0") != -90.0:
        the_same_places(grid, *own_places(handle, (area.ny, area.nx)))
    assert grid.to_attrs()["radius"] == radius


@each_area
@pytest.mark.parametrize(("northward", "westward"), list(product((False, True), repeat=2)))
def test_rows_and_columns_run_from_the_first_point_as_the_message_says(
    area: Area, northward: bool, westward: bool
) -> None:
    area = replace(area, northward=northward, westward=westward)
    the_same_places(orientation(area.message()).grid, *area.places())


REGIONS = {
    "lambert": (cone(), Box(-109.0, 38.2, -106.5, 41.9)),
    "polar_stereographic": (polar(), Box(-109.0, 37.2, -106.5, 41.9)),
    "mercator": (mercator(lat=14.0), Box(-109.0, 12.3, -106.5, 15.5)),
}
each_region = pytest.mark.parametrize(("area", "box"), REGIONS.values(), ids=REGIONS)


@pytest.mark.parametrize(
    ("northward", "westward", "columns_first", "alternating"), list(product((False, True), repeat=4))
)
@pytest.mark.parametrize("cropped", [False, True])
@each_region
def test_every_scanning_mode_puts_every_value_where_it_belongs(
    made: SimpleNamespace, area: Area, box: Box, cropped: bool, northward: bool, westward: bool, columns_first: bool,
    alternating: bool,
) -> None:  # fmt: skip
    area = replace(area, northward=northward, westward=westward, lon=254.0 if westward else 250.0)
    order = made.Plane(westward=westward, columns_first=columns_first, alternating=alternating)
    flags = {"jPointsAreConsecutive": int(columns_first), "alternativeRowScanning": int(alternating)}
    for axis, field in enumerate(area.places()):
        handle = eccodes.codes_new_from_message(area.message(order.ordered(field), **flags))
        found = orientation_of(handle)
        values = eccodes.codes_get_array(handle, "values")
        whole = Window(0, area.ny, 0, area.nx)
        window = found.grid.window(box) if cropped else whole
        assert (window == whole) is not cropped
        grid = found.grid.crop(window)
        assert isinstance(grid, PlaneGrid)
        assert (grid.dy > 0) is northward
        for y, x in np.ndindex(*grid.shape):
            value = values[found.scan.position(window.row + y, window.column + x)]
            assert grid.latlon(Cell(y, x))[axis] % 360 == pytest.approx(value % 360, abs=1e-4)


@pytest.mark.parametrize("claim", [packing_of, lambda message: None], ids=["our decoder", "ecCodes"])
@pytest.mark.parametrize(("northward", "alternating"), list(product((False, True), repeat=2)))
@each_region
def test_decoders_crop_a_grid_in_metres(
    stage: Any, tmp_path: Path, made: SimpleNamespace, area: Area, box: Box, northward: bool, alternating: bool,
    claim: Any,
) -> None:  # fmt: skip
    area = replace(area, northward=northward)
    order = made.Plane(alternating=alternating)
    messages = [
        stage.bytes(area.message(order.ordered(field), alternativeRowScanning=int(alternating)), "humidity", (0, 0))
        for field in area.places()
    ]
    with closing(open_fields(messages, tmp_path, box, lambda done, count: None, claim)) as fields:
        values = np.concatenate([rows_of(fields, range(2), rows) for rows in strips_of(range(fields.grid.ny))], axis=1)
        assert fields.grid.nx < area.nx
        lats, lons = fields.grid.latlons()
        np.testing.assert_allclose(values[0], lats, atol=1e-4)
        np.testing.assert_allclose(values[1] % 360, lons % 360, atol=1e-4)


@pytest.mark.parametrize("edition", [1, 2])
def test_winds_may_be_given_along_a_cone_or_a_plane_but_not_along_parallels(edition: int) -> None:
    for area, along in ((cone(), True), (polar(lat=62.0), True), (mercator(lat=14.0), False)):
        assert (
            orientation(
                area.message(edition=edition, resolutionAndComponentFlags=0x38 if edition == 2 else 0x88)
            ).turned
            is along
        )
        assert not orientation(area.message(edition=edition)).turned


NO_PLANE = [
    (cone(), {"scanningMode": 0x48}, "its grid is staggered"),
    (cone(), {"projectionCentreFlag": 0x40}, "^its Lambert projection is bipolar"),
    (cone(), {"shapeOfTheEarth": 2}, "its earth is no sphere"),
    (cone(), {"LaDInDegrees": 50.0}, "its Dx and Dy hold at latitude 50, its standard parallels are 38.5, 38.5"),
    (cone(), {"Latin2InDegrees": -38.5}, "its grid cannot be: no cone touches"),
    (cone(), {"DxInMetres": 0.0}, "its grid cannot be: not a Lambert grid"),
    (cone(), {"latitudeOfFirstGridPointInDegrees": 89.9}, "its grid cannot be: .* gap of its cone"),
    (polar(), {"scanningMode": 0x42}, "its grid is staggered"),
    (polar(), {"projectionCentreFlag": 0x40}, "^its polar stereographic projection is bipolar"),
    (polar(), {"shapeOfTheEarth": 5}, "its earth is no sphere"),
    (polar(), {"projectionCentreFlag": 0x80}, "its plane is at the south pole, its Dx and Dy hold at latitude 60"),
    (polar(), {"LaDInDegrees": -60.0}, "its plane is at the north pole, its Dx and Dy hold at latitude -60"),
    (polar(), {"LaDInDegrees": 0.0}, "its Dx and Dy hold at latitude 0"),
    (polar(), {"DyInMetres": 0.0}, "its grid cannot be: not a polar stereographic grid"),
    (polar(), {"Dx": 0xFFFFFFFF}, "its Dx is missing"),
    (polar(), {"latitudeOfFirstGridPointInDegrees": -90.0}, "its grid cannot be: not a polar stereographic grid"),
    (mercator(), {"scanningMode": 0x44}, "its grid is staggered"),
    (mercator(), {"orientationOfTheGridInDegrees": 15.0}, "its Mercator grid is turned by 15 degrees"),
    (mercator(), {"shapeOfTheEarth": 4}, "its earth is no sphere"),
    (mercator(), {"LaDInDegrees": 90.0}, "its grid cannot be: no cylinder"),
    (mercator(), {"Dj": 0xFFFFFFFF}, "its Dj is missing"),
    (mercator(), {"DiInMetres": 3e6}, "its grid cannot be: this Mercator grid goes more than once around"),
    (mercator(), {"DiInMetres": 40_000.0}, "its last point is 41.7.* 254.*, but 13 x 15 points .* end at 41.7.* 255"),
    (mercator(), {"latitudeOfLastGridPointInDegrees": 0.0}, "its last point is 0 25"),
]


@pytest.mark.parametrize(("area", "keys", "told"), NO_PLANE, ids=[f"{row[0].kind} {row[1]}" for row in NO_PLANE])
def test_a_grid_that_is_not_known_or_cannot_be_is_refused_in_words(area: Area, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(DecodeError, match=told):
        orientation(area.message(**keys))


@pytest.mark.parametrize("area", [cone(), polar(), mercator()], ids=["lambert", "polar", "mercator"])
def test_grib1_on_an_oblate_earth_is_refused(area: Area) -> None:
    with pytest.raises(DecodeError, match="its earth is no sphere"):
        orientation(area.message(edition=1, earthIsOblate=1))
