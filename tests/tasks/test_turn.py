"""Winds along a grid against those that pyproj turns, on real messages and at the corners of the whole grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import eccodes
import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray

from flows.gfs import WANTED
from storage.grids import Cell, LambertGrid, LatLonGrid
from storage.reader import Store
from storage.schema import Freshness
from tasks.check import check_store
from tasks.decode import opened
from tasks.errors import CheckFailed, DecodeError
from tasks.scan import stage_files
from tasks.turn import turns_of
from tasks.write import RunFacts, write_store

HRRR = LambertGrid(1059, 1799, 21.138123, 237.280472, 3000.0, 3000.0, 262.5, 38.5, 38.5, 6371229.0)
CONE = pyproj.Proj(proj="lcc", lon_0=-97.5, lat_0=38.5, lat_1=38.5, lat_2=38.5, R=6371229.0)
EAST, NORTH = "eastward_wind_10m", "northward_wind_10m"
WINDS = tuple(row for row in WANTED if row.name in (EAST, NORTH, "air_temperature_2m"))


def test_the_convergence_is_that_of_pyproj() -> None:
    ours = HRRR.convergence()
    for y, x in ((0, 0), (0, 1798), (500, 900), (1058, 0), (1058, 1798), (700, 3)):
        lat, lon = HRRR.latlon(Cell(y, x))
        assert np.degrees(ours[y, x]) == pytest.approx(CONE.get_factors(lon, lat).meridian_convergence, abs=1e-6)


def test_a_southern_cone_turns_the_other_way() -> None:
    grid = LambertGrid(11, 11, -40.0, 10.0, 50_000.0, 50_000.0, 20.0, -35.0, -35.0, 6371229.0)
    cone = pyproj.Proj(proj="lcc", lon_0=20.0, lat_0=-35.0, lat_1=-35.0, lat_2=-35.0, R=6371229.0)
    for cell in (Cell(0, 0), Cell(10, 10)):
        lat, lon = grid.latlon(cell)
        ours = np.degrees(grid.convergence()[cell])
        assert ours == pytest.approx(cone.get_factors(lon, lat).meridian_convergence, abs=1e-6)


def test_rows_of_latitude_run_east() -> None:
    assert not LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440).convergence().any()


def turned(file: Path) -> dict[str, NDArray[np.float64]]:
    """The winds of a file [y, x], turned by pyproj from what ecCodes decodes."""
    staged = stage_files([file], WINDS)
    values = {}
    for message in staged.messages:
        with opened(message) as handle:
            values[message.variable] = eccodes.codes_get_array(handle, "values", float)
            lats, lons = (eccodes.codes_get_array(handle, key) for key in ("latitudes", "longitudes"))
            assert eccodes.codes_get(handle, "uvRelativeToGrid") == 1
    angles = np.radians(CONE.get_factors((lons + 180) % 360 - 180, lats).meridian_convergence)
    speed, towards = np.hypot(values[EAST], values[NORTH]), np.arctan2(values[EAST], values[NORTH]) + angles
    return {EAST: speed * np.sin(towards), NORTH: speed * np.cos(towards)}


def test_the_winds_of_a_real_run_are_stored_eastward_and_northward(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "hrrr" / "rme" / "hrrr.20180722.t00z.wrfsfcf01.grib2"
    staged = stage_files([file], WINDS)
    facts = RunFacts("hrrr", staged.init_time, Freshness(90, 120, 720), "NOAA", "public domain")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    written = write_store(
        facts,
        WINDS,
        staged.messages,
        tmp_path / "run.zarr.zip",
        box=None,
        scratch=scratch,
        provenance={},
        progress=lambda done, total: None,
    )
    assert written.joints
    assert check_store(written.path, WINDS, staged.messages, joints=written.joints) == 4 + 2 * 4
    with pytest.raises(CheckFailed, match="wind_10m"):
        check_store(written.path, WINDS, staged.messages)
    truth = turned(file)
    with Store.open(written.path) as store:
        ny, nx = store.schema.grid.shape
        angle = np.degrees(store.schema.grid.convergence()).mean()
        assert -12 < angle < -10, "Idaho lies 18 degrees west of the central meridian"
        for name in (EAST, NORTH):
            own = np.array([[store.point(Cell(y, x))[store.index[name]][0] for x in range(nx)] for y in range(ny)])
            np.testing.assert_allclose(own.reshape(-1), truth[name], atol=0.5 * 0.01 + 1e-5)


def test_one_component_alone_is_refused(shared_data: Path) -> None:
    messages = stage_files([shared_data / "hrrr" / "rme" / "hrrr.20180722.t00z.wrfsfcf01.grib2"], WINDS).messages
    east = [message for message in messages if message.variable == EAST]
    with pytest.raises(DecodeError, match=r"eastward_wind_10m is given along the grid .*cannot be turned"):
        turns_of(east, {0})
    north = replace(east[0], variable=NORTH)
    with pytest.raises(DecodeError, match="both along it at all leads"):
        turns_of([east[0], north], {0})
    assert turns_of(messages, set()) == []
