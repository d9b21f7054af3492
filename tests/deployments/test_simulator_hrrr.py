"""Simulated files of HRRR beside those of production: their lines, their grids, their messages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import eccodes
import numpy as np
import pytest

from deployments.simulator.run import model_grid, simulate_run
from flows.hrrr import ALASKA, HRRR, SUBH
from flows.model import Model
from storage.grids import Cell, Window
from tasks.scan import scan_file

RUN = datetime(2026, 4, 20, tzinfo=UTC)
INVENTORIES = (
    (HRRR, 0, "dynamical_hrrr.t00z.wrfsfcf00.grib2.idx"),
    (HRRR, 8, "dynamical_hrrr.t00z.wrfsfcf08.grib2.idx"),
    (HRRR, 24, "dynamical_hrrr.t00z.wrfsfcf24.grib2.idx"),
    (SUBH, 0, "kerchunk_20221014_hrrr.t01z.wrfsubhf00.grib2.idx"),
    (SUBH, 9, "kerchunk_20221014_hrrr.t03z.wrfsubhf09.grib2.idx"),
)


def simulated(model: Model, lead: int, folder: Path) -> tuple[Path, list[str]]:
    """A file of a few points of production's grid, and its index."""
    data, index = simulate_run(folder, model, RUN, (lead,), model_grid(model).crop(Window(500, 6, 100, 7)))
    return data, index.read_text().splitlines()


@pytest.mark.parametrize(
    ("model", "lead", "file"), INVENTORIES, ids=[f"{model.name} {lead} h" for model, lead, _ in INVENTORIES]
)
def test_production_has_every_line_of_ours(
    model: Model, lead: int, file: str, tmp_path: Path, shared_data: Path
) -> None:
    there = {tuple(line.split(":")[3:6]) for line in (shared_data / "idx" / file).read_text().splitlines()}
    ours = [tuple(line.split(":")[3:6]) for line in simulated(model, lead, tmp_path)[1]]
    assert len(ours) > len(model.wanted)
    assert set(ours) <= there


@pytest.mark.parametrize("lead", [0, 2])
def test_quarters_are_told_in_minutes_by_index_and_message_alike(lead: int, tmp_path: Path) -> None:
    data, lines = simulated(SUBH, lead, tmp_path)
    located = scan_file(data)
    assert [one.offset for one in located] == [int(line.split(":")[1]) for line in lines]
    assert [one.field.interval[1] for one in located if one.field.interval] == sorted(
        one.field.interval[1] for one in located if one.field.interval
    )
    ends = {one.field.interval[1] for one in located if one.field.interval}
    assert ends == ({0} if lead == 0 else {75, 90, 105, 120})
    with data.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            assert eccodes.codes_get(handle, "indicatorOfUnitOfTimeRange") == 0
            assert eccodes.codes_get(handle, "resolutionAndComponentFlags") == 8
            eccodes.codes_release(handle)


def test_binary_steps_are_those_of_production(tmp_path: Path) -> None:
    data, lines = simulated(HRRR, 1, tmp_path)
    (temperature,) = (line for line in lines if ":TMP:2 m above ground:" in line)
    with data.open("rb") as file:
        file.seek(int(temperature.split(":")[1]))
        handle = eccodes.codes_grib_new_from_file(file)
    keys = ("binaryScaleFactor", "decimalScaleFactor", "generatingProcessIdentifier")
    assert [eccodes.codes_get(handle, key) for key in keys] == [-4, 0, 83]
    values = eccodes.codes_get_values(handle)
    sixteenths = 16 * (values - values.min())
    np.testing.assert_allclose(sixteenths, np.round(sixteenths), atol=1e-3)
    eccodes.codes_release(handle)


def test_grids_are_those_of_production_and_may_be_thinned_out() -> None:
    whole, thinned = model_grid(HRRR), model_grid(HRRR, 0.3)
    assert whole.shape == model_grid(SUBH).shape == (1059, 1799)
    assert (HRRR.points, ALASKA.points) == (1059 * 1799, 919 * 1299)
    assert whole.latlon(Cell(1058, 1798)) == pytest.approx((47.842195, -60.917193), abs=1e-4)
    # The last point of real files of Alaska.
    assert model_grid(ALASKA).latlon(Cell(918, 1298)) == pytest.approx((76.3377, -115.7757), abs=1e-3)
    assert thinned.shape == (97, 164)
    assert thinned.latlon(Cell(0, 0)) == whole.latlon(Cell(0, 0))
    assert thinned.latlon(Cell(9, 7)) == pytest.approx(whole.latlon(Cell(99, 77)))
