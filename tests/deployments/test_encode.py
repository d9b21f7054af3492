"""Encoded messages as ecCodes reads them: grids, the order of their points, missing values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from deployments.simulator.definition import grid_keys
from deployments.simulator.encode import Encoder, Identity
from deployments.simulator.producer import Producer
from deployments.simulator.producers.gfs import GFS
from deployments.simulator.producers.ifs import IFS
from storage.grids import Cell, Grid, LambertGrid, LatLonGrid, MercatorGrid, PolarStereographicGrid
from storage.variables import Statistic
from tasks.orient import orientation_of
from tasks.wanted import Level, Parameter

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
HEAT = Identity(Parameter(0, 0, 0), Level(103, 2), Statistic.INSTANT)
RAIN = Identity(Parameter(0, 1, 8), Level(1), Statistic.ACCUMULATION)
ABSENT = 1e300

GLOBE = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
HRRR = LambertGrid(1059, 1799, 21.138123, 237.280472, 3000.0, 3000.0, 262.5, 38.5, 38.5, 6_371_229.0)
NBM = LambertGrid(1597, 2345, 19.229, 233.7234, 2539.703, 2539.703, 265.0, 25.0, 25.0, 6_371_200.0)
ALASKA = PolarStereographicGrid(919, 1299, 41.612949, 185.117126, 3000.0, 3000.0, 225.0, 60.0, 6_371_229.0)
HAWAII = MercatorGrid(561, 625, 14.3515, 195.0305, 2500.0, 2500.0, 202.495, 20.0, 6_371_200.0)
GRIDS: dict[str, Grid] = {
    "globe": GLOBE,
    "south to north": LatLonGrid(-90.0, 10.0, 19, 180.0, 10.0, 36),
    "a corner of HRRR": replace(HRRR, ny=7, nx=9),
    "a corner of NBM": replace(NBM, ny=7, nx=9),
    "two parallels": LambertGrid(6, 5, 48.0, 2.0, 90_000.0, 90_000.0, 10.0, 35.0, 65.0, 6_371_229.0),
    "a cone of the south": LambertGrid(6, 5, -45.0, 140.0, 90_000.0, 80_000.0, 145.0, -30.0, -60.0, 6_370_997.25),
    "a cone from north to south": LambertGrid(6, 5, 48.0, 2.0, 90_000.0, -90_000.0, 10.0, 50.0, 50.0, 6_371_229.0),
    "a corner of HRRR Alaska": replace(ALASKA, ny=7, nx=9),
    "around the north pole": PolarStereographicGrid(9, 9, 85.0, 305.0, 99_000.0, 99_000.0, 350.0, 75.0, 6_371_200.0),
    "around the south pole": PolarStereographicGrid(9, 9, -86.0, 225.0, 80_000.0, 90_000.0, 0.0, -60.0, 6_371_229.0),
    "a corner of NBM Hawaii": replace(HAWAII, ny=7, nx=9),
    "over the antimeridian": MercatorGrid(6, 9, -12.0, 177.0, 90_000.0, 80_000.0, 180.0, 10.0, 6_371_229.0),
    "mercator from north to south": MercatorGrid(6, 9, 12.0, 2.0, 90_000.0, -80_000.0, 5.0, 0.0, 6_371_229.0),
}


@contextmanager
def decoded(message: bytes) -> Iterator[int]:
    handle = eccodes.codes_new_from_message(message)
    eccodes.codes_set(handle, "missingValue", ABSENT)
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


def encode(producer: Producer, grid: Grid, values: NDArray[Any], digits: int = 1) -> bytes:
    with Encoder(producer, grid, RUN) as encoder:
        return encoder.message(HEAT, (180, 180), values, digits)


def field(grid: Grid) -> NDArray[np.float64]:
    """A different tenth at every point."""
    return 250.0 + np.arange(grid.ny * grid.nx).reshape(grid.shape) / 10.0


def in_order(message: bytes) -> NDArray[np.float64]:
    """[point], NaN = missing."""
    with decoded(message) as handle:
        values = np.asarray(eccodes.codes_get_values(handle))
    return np.where(values == ABSENT, np.nan, values)


def as_map(message: bytes) -> NDArray[np.float64]:
    """[ny, nx]: every row from its west to its east."""
    with decoded(message) as handle:
        scan = orientation_of(handle).scan
    values = in_order(message)
    return np.array([[values[scan.position(y, x)] for x in range(scan.nx)] for y in range(scan.ny)])


@pytest.mark.parametrize("alternating", [False, True])
@pytest.mark.parametrize("name", GRIDS)
def test_a_message_lies_where_its_grid_does(name: str, alternating: bool) -> None:
    grid = GRIDS[name]
    message = encode(replace(GFS, alternating_rows=alternating), grid, field(grid))
    with decoded(message) as handle:
        found = orientation_of(handle)
    assert found.scan.alternating == alternating
    told, expected = found.grid.to_attrs(), grid.to_attrs()
    if isinstance(grid, MercatorGrid):
        # No message says from which meridian x is measured: it is the middle column.
        expected["lov"] = grid.latlon(Cell(0, grid.nx // 2))[1]
    for key in ("lon0", "lov"):
        if key in told:
            assert (told.pop(key) - expected.pop(key) + 180.0) % 360.0 == pytest.approx(180.0, abs=1e-6)
    assert told == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(as_map(message), field(grid), rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in GRIDS if "north to south" not in name])
def test_eccodes_finds_every_point_at_its_place(name: str) -> None:
    """Not so where rows run southward on a cone or a cylinder: ecCodes lets them run northward (GRIB-405)."""
    grid = GRIDS[name]
    lats, lons = grid.latlons()
    with decoded(encode(GFS, grid, field(grid))) as handle:
        np.testing.assert_allclose(eccodes.codes_get_array(handle, "latitudes"), lats.ravel(), atol=2e-5)
        turn = (eccodes.codes_get_array(handle, "longitudes") - lons.ravel() + 180.0) % 360.0 - 180.0
        # At a pole, any longitude will do.
        np.testing.assert_allclose(turn * np.cos(np.radians(lats.ravel())), 0.0, atol=2e-5)


def test_lambert_grids_are_written_as_ncep_does() -> None:
    """Against the headers of HRRR's and NBM's own messages."""
    both = {"gridType": "lambert", "resolutionAndComponentFlags": 48, "projectionCentreFlag": 0}
    expected: list[tuple[Producer, LambertGrid, dict[str, int | str]]] = [
        (
            GFS,
            HRRR,
            {
                **{"shapeOfTheEarth": 6, "Nx": 1799, "Ny": 1059, "scanningMode": 64, "Dx": 3_000_000, "Dy": 3_000_000},
                **{"latitudeOfFirstGridPoint": 21_138_123, "longitudeOfFirstGridPoint": 237_280_472},
                **{"LaD": 38_500_000, "LoV": 262_500_000, "Latin1": 38_500_000, "Latin2": 38_500_000},
            },
        ),
        (
            replace(GFS, alternating_rows=True),
            NBM,
            {
                **{"shapeOfTheEarth": 1, "Nx": 2345, "Ny": 1597, "scanningMode": 80, "Dx": 2_539_703, "Dy": 2_539_703},
                **{"scaleFactorOfRadiusOfSphericalEarth": 0, "scaledValueOfRadiusOfSphericalEarth": 6_371_200},
                **{"latitudeOfFirstGridPoint": 19_229_000, "longitudeOfFirstGridPoint": 233_723_400},
                **{"LaD": 25_000_000, "LoV": 265_000_000, "Latin1": 25_000_000, "Latin2": 25_000_000},
            },
        ),
    ]
    for producer, grid, keys in expected:
        with decoded(encode(producer, grid, np.zeros(grid.shape, np.float32))) as handle:
            assert {key: eccodes.codes_get(handle, key) for key in both | keys} == both | keys
            assert eccodes.codes_get(handle, "numberOfDataPoints") == grid.ny * grid.nx
            assert eccodes.codes_get_size(handle, "values") == grid.ny * grid.nx


def test_grids_of_alaska_and_hawaii_are_written_as_ncep_does() -> None:
    """Against what ecCodes reads of HRRR Alaska's headers, and wgrib2 of grids in NCEP's Mercator products."""
    for grid, keys in (
        (
            ALASKA,
            {
                **{"gridType": "polar_stereographic", "shapeOfTheEarth": 6, "Nx": 1299, "Ny": 919, "scanningMode": 64},
                **{"latitudeOfFirstGridPoint": 41_612_949, "longitudeOfFirstGridPoint": 185_117_126, "LaD": 60_000_000},
                **{"orientationOfTheGrid": 225_000_000, "Dx": 3_000_000, "Dy": 3_000_000, "projectionCentreFlag": 0},
            },
        ),
        (
            replace(HAWAII, ny=225, nx=321, lat0=18.072699, lon0=198.474999),
            {
                **{
                    "gridType": "mercator",
                    "Ni": 321,
                    "Nj": 225,
                    "scanningMode": 64,
                    "LaD": 20_000_000,
                    "Di": 2_500_000,
                },
                **{"latitudeOfFirstGridPoint": 18_072_699, "longitudeOfFirstGridPoint": 198_474_999, "Dj": 2_500_000},
                **{"scaledValueOfRadiusOfSphericalEarth": 6_371_200, "orientationOfTheGrid": 0},
            },
        ),
    ):
        with decoded(encode(GFS, grid, np.zeros(grid.shape, np.float32))) as handle:
            assert {key: eccodes.codes_get(handle, key, type(value)) for key, value in keys.items()} == keys
            assert eccodes.codes_get_size(handle, "values") == grid.ny * grid.nx
            if isinstance(grid, MercatorGrid):
                last = [eccodes.codes_get(handle, f"{axis}OfLastGridPoint", int) for axis in ("latitude", "longitude")]
                assert last == pytest.approx((23_087_799, 206_130_999), abs=100)


def test_the_pole_of_a_cone_is_said() -> None:
    for name, flag in (
        ("two parallels", 0),
        ("a cone of the south", 128),
        ("around the north pole", 0),
        ("around the south pole", 128),
    ):
        with decoded(encode(GFS, GRIDS[name], field(GRIDS[name]))) as handle:
            assert eccodes.codes_get(handle, "projectionCentreFlag") == flag


def test_every_second_row_runs_backwards_where_the_producer_does_so() -> None:
    grid = GRIDS["a corner of NBM"]
    plain, winding = (in_order(encode(replace(GFS, alternating_rows=rows), grid, field(grid))) for rows in (0, 1))
    np.testing.assert_array_equal(plain.reshape(grid.shape)[::2], winding.reshape(grid.shape)[::2])
    np.testing.assert_array_equal(plain.reshape(grid.shape)[1::2], winding.reshape(grid.shape)[1::2, ::-1])
    assert not np.array_equal(plain, winding)


def test_encoding_leaves_the_values_alone() -> None:
    values = field(GLOBE)
    encode(replace(GFS, alternating_rows=True), GLOBE, values)
    np.testing.assert_array_equal(values, field(GLOBE))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("alternating", [False, True])
@pytest.mark.parametrize("producer", [GFS, IFS], ids=["ncep", "ecmwf"])
def test_what_is_not_a_number_is_missing(producer: Producer, alternating: bool, dtype: type[np.floating]) -> None:
    values = field(GLOBE).astype(dtype)
    values[3:8, 20:] = values[0, 0] = values[-1, -1] = np.nan
    message = encode(replace(producer, alternating_rows=alternating), GLOBE, values)
    np.testing.assert_allclose(as_map(message), values, atol=0.05)
    nothing = as_map(encode(producer, GLOBE, np.full(GLOBE.shape, np.nan, dtype)))
    assert np.isnan(nothing).all()
    # ecCodes' templates are used again.
    with Encoder(producer, GLOBE, RUN) as encoder:
        encoder.message(HEAT, (180, 180), values, 1)
        after = encoder.message(HEAT, (180, 180), field(GLOBE), 1)
    assert after == encode(producer, GLOBE, field(GLOBE))


def test_a_file_of_messages_is_read_to_its_end(tmp_path: Path) -> None:
    """ecCodes asks for every message's length and for 7777 where it ends."""
    with Encoder(GFS, GLOBE, RUN) as encoder:
        messages = [
            encoder.message(HEAT, (360, 360), field(GLOBE), 1),
            encoder.message(RAIN, (0, 360), np.zeros(GLOBE.shape), 3),
            encoder.message(RAIN, (360, 720), field(GLOBE), -1),
        ]
    (tmp_path / "file").write_bytes(b"".join(messages))
    keys = ("totalLength", "stepRange", "decimalScaleFactor", "packingType", "productDefinitionTemplateNumber")
    told = []
    with (tmp_path / "file").open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            told.append(tuple(eccodes.codes_get(handle, key) for key in keys))
            eccodes.codes_release(handle)
    packing = "grid_complex_spatial_differencing"
    assert told == [
        (len(messages[0]), "6", 1, packing, 0),
        (len(messages[1]), "0-6", 3, packing, 8),
        (len(messages[2]), "6-12", -1, packing, 8),
    ]


def test_a_grid_without_a_template_is_refused() -> None:
    class Gaussian:
        """Of a kind that nobody writes."""

    with pytest.raises(TypeError, match="no grid definition template"):
        grid_keys(Gaussian(), False)  # type: ignore[arg-type]
