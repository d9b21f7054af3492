"""Runs for load tests, small: Lambert grids, alternating rows, missing values and the variables of later work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import eccodes
import numpy as np
import pytest
from numpy.typing import NDArray

from deployments.bench.loads import LOADS, Load, make
from deployments.simulator.faults import messages
from deployments.simulator.parts import messages_of
from deployments.simulator.producers.nbm import COVERED
from deployments.simulator.run import simulate_run
from deployments.simulator.weather import Weather
from storage.errors import DiskFull
from storage.grids import Cell, Grid, LambertGrid, LatLonGrid
from storage.variables import Statistic
from tasks.field import match
from tasks.grib import fields

RUN = datetime(2026, 11, 25, tzinfo=UTC)
LEAD = 6
# Members of an ensemble have a file each: tests/flows/test_ensembles.py reads those.
ONE_FILE = {name: load for name, load in LOADS.items() if not load.model.products[0].files}
each = pytest.mark.parametrize("name", ONE_FILE)


def coarse(grid: Grid) -> Grid:
    """The same area with few points."""
    if isinstance(grid, LambertGrid):
        ny, nx = grid.ny // 60 + 1, grid.nx // 60 + 1
        return replace(grid, ny=ny, nx=nx, dx=60 * grid.dx, dy=60 * grid.dy)
    return LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Grid, Path]]:
    """Per load its coarse grid and the data file of one lead."""
    files = {}
    for name, load in ONE_FILE.items():
        grid = coarse(load.grid)
        data, _ = simulate_run(
            tmp_path_factory.mktemp(name), load.model, RUN, (LEAD,), grid, threads=1, producer=load.producer
        )
        files[name] = grid, data
    return files


def decoded(load: Load, data: Path, grid: Grid) -> dict[str, tuple[NDArray[np.float64], float]]:
    """Per variable the values [ny, nx] that ecCodes reads, NaN = missing, rows as the grid has them; and their step."""
    found = {}
    for message in (data.read_bytes()[start:end] for start, end in messages(data.read_bytes())):
        (wanted,) = (wanted for wanted in load.model.wanted if match(fields(message)[0], wanted))
        handle = eccodes.codes_new_from_message(message)
        eccodes.codes_set(handle, "missingValue", 1e30)
        values = np.array(eccodes.codes_get_values(handle)).reshape(grid.shape)
        scale = [eccodes.codes_get(handle, f"{base}ScaleFactor") for base in ("binary", "decimal")]
        step = 2.0 ** scale[0] / 10.0 ** scale[1]
        eccodes.codes_release(handle)
        if load.producer.alternating_rows:
            # ecCodes hands values over in the order of the message.
            values[1::2] = values[1::2, ::-1].copy()
        found[wanted.name] = np.where(values == 1e30, np.nan, values) * wanted.factor, step
    return found


def test_loads_are_of_a_productions_size() -> None:
    sizes = {
        name: (len(load.model.wanted), len(load.model.leads(RUN)), load.grid.shape) for name, load in LOADS.items()
    }
    assert sizes == {
        "gefs": (8, 80, (721, 1440)),
        "gfs30": (30, 209, (721, 1440)),
        "hrrr": (30, 49, (1059, 1799)),
        "nbm": (26, 48, (1597, 2345)),
    }
    for load in LOADS.values():
        assert load.model.points == load.grid.ny * load.grid.nx
        assert {wanted.product for wanted in load.model.wanted} == {"main"}
    # The last point of HRRR's files.
    assert LOADS["hrrr"].grid.latlon(Cell(1058, 1798)) == pytest.approx((47.842195, -60.917193), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "lead", "inventory"),
    [
        ("gfs30", 7, "dynamical_gfs.t00z.pgrb2.0p25.f007.idx"),
        ("hrrr", 8, "dynamical_hrrr.t00z.wrfsfcf08.grib2.idx"),
    ],
)
def test_real_inventories_have_every_line_of_ours(
    tmp_path: Path, shared_data: Path, name: str, lead: int, inventory: str
) -> None:
    load = LOADS[name]
    _, index = simulate_run(tmp_path, load.model, RUN, (lead,), coarse(load.grid), producer=load.producer)
    ours = {tuple(line.split(":")[3:6]) for line in index.read_text().splitlines()}
    real = (shared_data / "idx" / inventory).read_text().splitlines()
    # UV-B lies in a file of its own.
    assert {line[0] for line in ours - {tuple(line.split(":")[3:6]) for line in real}} <= {"DUVB"}


@each
def test_eccodes_reads_the_weather_of_each_point(written: dict[str, tuple[Grid, Path]], name: str) -> None:
    load, (grid, data) = LOADS[name], written[name]
    read = decoded(load, data, grid)
    assert list(read) == [message.part.wanted.name for message in messages_of(load.model, load.producer, RUN, LEAD)]
    moment = Weather.over(grid, load.producer.along_grid).at(RUN + timedelta(hours=LEAD), load.model.name, LEAD)
    compared = 0
    for wanted in load.model.wanted:
        if wanted.statistic is Statistic.INSTANT:
            values, step = read[wanted.name]
            exact = getattr(moment, wanted.name)
            there = ~np.isnan(values)
            rounding = 0.51 * step + 1e-6 * np.abs(exact)[there]
            assert (np.abs(values - exact)[there] <= rounding).all(), wanted.name
            compared += there.any()
            low, high = wanted.variable.valid_min, wanted.variable.valid_max
            assert ((values[there] >= low) & (values[there] <= high)).all()
    assert compared >= 13


@each
def test_values_are_missing_over_the_sea_and_outside_of_areas_and_nowhere_else(
    written: dict[str, tuple[Grid, Path]], name: str
) -> None:
    load, (grid, data) = LOADS[name], written[name]
    lats, lons = grid.latlons()
    outside = (lats < COVERED.south) | (lats > COVERED.north) | (lons < COVERED.west) | (lons > COVERED.east)
    for variable, (values, _) in decoded(load, data, grid).items():
        missing = np.isnan(values)
        if variable in ("snow_depth_surface", "snow_water_equivalent_surface"):
            assert 0.1 < missing.mean() < 0.9
        elif variable in load.producer.areas:
            np.testing.assert_array_equal(missing, outside)
        else:
            assert not missing.any(), variable
    assert bool(load.producer.areas) == (name == "nbm")


def test_clouds_and_snow_of_a_file_belong_together(written: dict[str, tuple[Grid, Path]]) -> None:
    grid, data = written["gfs30"]
    read = {name: values for name, (values, _) in decoded(LOADS["gfs30"], data, grid).items()}
    layers = [read[f"cloud_cover_{layer}"] for layer in ("low", "middle", "high")]
    assert (np.max(layers, axis=0) <= read["cloud_cover_atmosphere"]).all()
    assert (np.sum(layers, axis=0) >= read["cloud_cover_atmosphere"] - 2).all()
    depth, water = read["snow_depth_surface"], read["snow_water_equivalent_surface"]
    lies = depth > 0.01
    assert lies.any()
    assert (water[lies] < 917 * depth[lies]).all()
    assert (water[lies] > 50 * depth[lies]).all()


def test_a_run_that_finds_no_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    load = LOADS["gfs30"]
    vast = LatLonGrid(90.0, -1e-4, 1_800_001, 0.0, 1e-4, 3_600_000)
    with pytest.raises(DiskFull, match=r"messages of 3600000 x 1800001 points take up to .* TB"):
        simulate_run(tmp_path / "there" / "not yet", load.model, RUN, (0,), vast, producer=load.producer)
    assert not list(tmp_path.iterdir())


def test_a_load_or_lead_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, leads, told in (("gfs", None, "no load 'gfs'"), ("nbm", "0", "nbm 2026-11-25T00:00Z has no lead 0")):
        with pytest.raises(SystemExit):
            make(name, tmp_path, leads)
        assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
