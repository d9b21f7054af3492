"""A simulated run on every kind of grid in metres, from its messages through the check to what the store answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deployments.simulator.producers.hrrr import HOURLY
from deployments.simulator.run import simulate_run
from deployments.simulator.weather import Weather
from flows.hrrr import HRRR
from storage.grids import Box, Cell, PlaneGrid
from storage.reader import Store
from storage.schema import Freshness
from tasks.check import check_store
from tasks.scan import stage_files
from tasks.write import RunFacts, Written, write_store
from tests.storage.places import MADE, REAL, places

RUN = datetime(2026, 11, 25, 6, tzinfo=UTC)
LEADS = (0, 1)
FIELDS = ("air_temperature_2m", "eastward_wind_10m", "northward_wind_10m")
WIDTH = 0.06
"""Of HRRR's steps of a sixteenth and the store's of a hundredth, twice half of them."""


def coarse(grid: PlaneGrid, by: int) -> PlaneGrid:
    """The same area with few points."""
    ny, nx = grid.ny // by, grid.nx // by
    return replace(grid, ny=ny, nx=nx, dx=by * grid.dx, dy=by * grid.dy)


def stored(grid: PlaneGrid, folder: Path, box: Box | None = None, *, alternating: bool = False) -> Written:
    """A run on a grid, written and checked against ecCodes' values at ecCodes' places."""
    producer = replace(HOURLY, alternating_rows=alternating)
    files = simulate_run(folder, HRRR, RUN, LEADS, grid, producer=producer, threads=1)
    staged = stage_files([file for file in files if file.suffix == ".grib2"], HRRR.wanted)
    scratch = folder / "scratch"
    scratch.mkdir()
    written = write_store(
        RunFacts("hrrr", RUN, Freshness(90, 120, 720), "NOAA", "public domain"),
        HRRR.wanted,
        staged.messages,
        folder / "run.zarr.zip",
        box=box,
        scratch=scratch,
        provenance={},
        progress=lambda done, total: None,
    )
    assert check_store(written.path, HRRR.wanted, staged.messages, joints=written.joints) > 100
    return written


def simulated(grid: PlaneGrid, lead: int) -> list[NDArray[np.float64]]:
    """FIELDS [y, x] at the places that PROJ gives the points, winds eastward and northward."""
    lats, lons = places(grid, *np.indices(grid.shape).astype(float))
    moment = Weather(lats, lons).at(RUN + timedelta(hours=lead), HRRR.name, lead)
    return [getattr(moment, name) for name in FIELDS]


@pytest.mark.parametrize(
    ("name", "by", "alternating", "turned"),
    [
        ("HRRR Alaska", 40, False, True),
        ("NBM Alaska", 50, True, True),
        ("arctic", 1, False, True),
        ("antarctica", 1, True, True),
        ("NBM Hawaii", 20, True, False),
        ("tropics", 2, False, False),
    ],
)
def test_a_run_on_a_plane_holds_the_weather_of_its_places(
    tmp_path: Path, name: str, by: int, alternating: bool, turned: bool
) -> None:
    grid = (REAL | MADE)[name]
    assert isinstance(grid, PlaneGrid)
    grid = coarse(grid, by)
    if name == "antarctica":
        # ecCodes 2.50, which the check asks, lets rows run northward whatever the message says (GRIB-405).
        lat0, lon0 = grid.latlon(Cell(grid.ny - 1, 0))
        grid = replace(grid, lat0=lat0, lon0=lon0, dy=-grid.dy)
    written = stored(grid, tmp_path, alternating=alternating)
    assert bool(written.joints) is turned
    ny, nx = grid.shape
    with Store.open(written.path) as store:
        assert store.schema.grid.shape == grid.shape
        points = np.array([[store.point(Cell(y, x)) for x in range(nx)] for y in range(ny)])
        rows = [store.index[field] for field in FIELDS]
    # At a pole east and north are any directions.
    there = np.abs(places(grid, *np.indices(grid.shape).astype(float))[0]) < 89.0
    for time, lead in enumerate(LEADS):
        for row, truth in zip(rows, simulated(grid, lead), strict=True):
            np.testing.assert_allclose(points[:, :, row, time][there], truth[there], rtol=0, atol=WIDTH)


def test_a_crop_across_the_antimeridian_keeps_its_weather(tmp_path: Path) -> None:
    alaska = REAL["HRRR Alaska"]
    assert isinstance(alaska, PlaneGrid)
    grid = coarse(alaska, 30)
    written = stored(grid, tmp_path, Box(172.0, 50.0, -168.0, 60.0))
    truth = simulated(grid, 1)[0]
    with Store.open(written.path) as store:
        crop = store.schema.grid
        assert 4 < crop.nx < grid.nx
        for lat, lon in ((52.0, 178.5), (52.0, -178.5), (58.0, 179.99), (58.0, -179.99)):
            found = store.point(crop.cell(lat, lon))[store.index["air_temperature_2m"]][1]
            assert found == pytest.approx(truth[grid.cell(lat, lon)], abs=WIDTH)
