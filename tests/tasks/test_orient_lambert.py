"""Lambert grids out of messages: against ecCodes' own latitudes and longitudes, and against PROJ where it has none."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import eccodes
import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray

from storage.grids import Box, Cell, LambertGrid, Window
from tasks.bands import strips_of
from tasks.errors import DecodeError
from tasks.fields import rows_of
from tasks.mixed import open_fields
from tasks.orient import Orientation, orientation_of
from tasks.packing import packing_of


@dataclass(frozen=True)
class Area:
    """Where made fields lie. `lat`, `lon`: of the first point as scanned, degrees; steps in metres."""

    lat: float = 40.0
    lon: float = 250.0
    lov: float = 262.5
    latin1: float = 38.5
    latin2: float = 38.5
    dx: float = 30_000.0
    dy: float = 20_000.0
    nx: int = 15
    ny: int = 13
    northward: bool = True
    westward: bool = False

    def message(self, ordered: NDArray[np.float64] | None = None, edition: int = 2, **more: Any) -> bytes:
        """`ordered`: values in the order of the message."""
        handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
        keys: dict[str, Any] = {
            "gridType": "lambert",
            "Nx": self.nx,
            "Ny": self.ny,
            "latitudeOfFirstGridPointInDegrees": self.lat,
            "longitudeOfFirstGridPointInDegrees": self.lon,
            "LoVInDegrees": self.lov,
            "Latin1InDegrees": self.latin1,
            "Latin2InDegrees": self.latin2,
            "DxInMetres": self.dx,
            "DyInMetres": self.dy,
            "jScansPositively": int(self.northward),
            "iScansNegatively": int(self.westward),
            "bitsPerValue": 24,
        }
        if edition == 2:
            keys["LaDInDegrees"] = self.latin1
        for key, value in (keys | more).items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.zeros(self.nx * self.ny) if ordered is None else ordered)
        return bytes(eccodes.codes_get_message(handle))

    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes [y, x] by PROJ, rows as scanned, columns from the west."""
        proj = pyproj.Proj(
            proj="lcc", lat_1=self.latin1, lat_2=self.latin2, lat_0=self.latin1, lon_0=self.lov, R=6_371_229
        )
        x, y = proj(self.lon, self.lat)
        xs = x + self.dx * (np.arange(self.nx) - (self.nx - 1 if self.westward else 0))
        ys = y + self.dy * np.arange(self.ny) * (1 if self.northward else -1)
        lons, lats = proj(*np.meshgrid(xs, ys), inverse=True)
        return lats, lons


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


@pytest.mark.parametrize(("folder", "kinds"), [("hrrr", 3), ("nbm", 2), ("other", 4)])
def test_real_messages_lie_where_eccodes_says(shared_data: Path, folder: str, kinds: int) -> None:
    seen = set()
    for path in sorted((shared_data / folder).rglob("*.gr*b*")):
        with path.open("rb") as file:
            while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
                if eccodes.codes_get(handle, "gridType") == "lambert":
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
    "tangent cone": Area(),
    "secant cone": Area(latin1=30.0, latin2=60.0),
    "secant cone, the northern parallel first": Area(latin1=60.0, latin2=30.0),
    "southern cone": Area(lat=-50.0, lon=290.0, lov=300.0, latin1=-35.0, latin2=-35.0),
    "southern secant cone": Area(lat=-50.0, lon=290.0, lov=300.0, latin1=-35.0, latin2=-50.0),
    "over the antimeridian": Area(lat=55.0, lon=178.0, lov=210.0, latin1=50.0, latin2=50.0),
    "over Greenwich": Area(lat=48.0, lon=358.0, lov=3.0, latin1=46.5, latin2=46.5),
    "one row": Area(ny=1),
    "one column": Area(nx=1),
}


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS)
def test_made_messages_lie_where_eccodes_says(area: Area, edition: int) -> None:
    handle = eccodes.codes_new_from_message(area.message(edition=edition))
    grid = orientation_of(handle).grid
    the_same_places(grid, *own_places(handle, (area.ny, area.nx)))
    assert grid.to_attrs()["radius"] == (6_371_229 if edition == 2 else 6_367_470)


@pytest.mark.parametrize("area", AREAS.values(), ids=AREAS)
@pytest.mark.parametrize(("northward", "westward"), list(product((False, True), repeat=2)))
def test_rows_and_columns_run_from_the_first_point_as_the_message_says(
    area: Area, northward: bool, westward: bool
) -> None:
    area = replace(area, northward=northward, westward=westward)
    the_same_places(orientation(area.message()).grid, *area.places())


@pytest.mark.parametrize(
    ("northward", "westward", "columns_first", "alternating"), list(product((False, True), repeat=4))
)
@pytest.mark.parametrize("box", [None, Box(-109.0, 38.2, -106.5, 41.9)])
def test_every_scanning_mode_puts_every_value_where_it_belongs(
    made: SimpleNamespace, box: Box | None, northward: bool, westward: bool, columns_first: bool, alternating: bool
) -> None:
    area = Area(northward=northward, westward=westward, lon=254.0 if westward else 250.0)
    order = made.Plane(westward=westward, columns_first=columns_first, alternating=alternating)
    flags = {"jPointsAreConsecutive": int(columns_first), "alternativeRowScanning": int(alternating)}
    for axis, field in enumerate(area.places()):
        handle = eccodes.codes_new_from_message(area.message(order.ordered(field), **flags))
        found = orientation_of(handle)
        values = eccodes.codes_get_array(handle, "values")
        whole = Window(0, area.ny, 0, area.nx)
        window = found.grid.window(box) if box else whole
        assert (window == whole) is (box is None)
        grid = found.grid.crop(window)
        assert isinstance(grid, LambertGrid)
        assert (grid.dy > 0) is northward
        for y, x in np.ndindex(*grid.shape):
            value = values[found.scan.position(window.row + y, window.column + x)]
            assert grid.latlon(Cell(y, x))[axis] % 360 == pytest.approx(value % 360, abs=1e-4)


@pytest.mark.parametrize("claim", [packing_of, lambda message: None], ids=["our decoder", "ecCodes"])
@pytest.mark.parametrize(("northward", "alternating"), list(product((False, True), repeat=2)))
def test_decoders_crop_a_lambert_grid(
    stage: Any, tmp_path: Path, made: SimpleNamespace, northward: bool, alternating: bool, claim: Any
) -> None:
    area = Area(northward=northward)
    order = made.Plane(alternating=alternating)
    messages = [
        stage.bytes(area.message(order.ordered(field), alternativeRowScanning=int(alternating)), "humidity", (0, 0))
        for field in area.places()
    ]
    box = Box(-109.0, 39.0 if northward else 38.2, -106.5, 41.9)
    with closing(open_fields(messages, tmp_path, box, lambda done, count: None, claim)) as fields:
        values = np.concatenate([rows_of(fields, range(2), rows) for rows in strips_of(range(fields.grid.ny))], axis=1)
        assert fields.grid.nx < area.nx
        lats, lons = fields.grid.latlons()
        np.testing.assert_allclose(values[0], lats, atol=1e-4)
        np.testing.assert_allclose(values[1] % 360, lons % 360, atol=1e-4)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"scanningMode": 0x48}, "its grid is staggered"),
        ({"projectionCentreFlag": 0x40}, "is bipolar"),
        ({"shapeOfTheEarth": 2}, "its earth is no sphere"),
        ({"LaDInDegrees": 50.0}, "its Dx and Dy hold at latitude 50, its standard parallels are 38.5, 38.5"),
        ({"Latin2InDegrees": -38.5}, "its grid cannot be: no cone touches"),
        ({"DxInMetres": 0.0}, "its grid cannot be: not a Lambert grid"),
        ({"latitudeOfFirstGridPointInDegrees": 89.9}, "its grid cannot be: .* gap of its cone"),
    ],
)
def test_a_lambert_grid_that_is_not_known_or_cannot_be_is_refused_in_words(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(DecodeError, match=told):
        orientation(Area().message(**keys))


def test_grib1_on_an_oblate_earth_is_refused() -> None:
    with pytest.raises(DecodeError, match="its earth is no sphere"):
        orientation(Area().message(edition=1, earthIsOblate=1))
