"""AIFS: a model that learned the weather, whose amounts are millimetres where IFS has metres."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from deployments.simulator.run import simulate_run
from flows.aifs import MODEL as AIFS
from flows.ifs import MODEL as IFS
from flows.ingest import ingest
from flows.model import Model
from flows.request import IngestRequest
from storage.grids import Cell, LatLonGrid
from storage.reader import Store
from storage.variables import Statistic
from tasks.entry import Target
from tasks.field import FieldId, Shape, match
from tasks.grib import fields
from tasks.index import read_index
from tasks.wanted import IndexKind, Parameter

pytestmark = pytest.mark.usefixtures("in_one_process")

RUN = datetime(2026, 4, 20, tzinfo=UTC)
GRID = LatLonGrid(90.0, -10.0, 19, 180.0, 10.0, 36)
TOTAL = next(row for row in AIFS.wanted if row.name == "precipitation_amount_surface")


@pytest.mark.parametrize("lead", [0, 6])
def test_a_production_inventory_has_every_row_once(shared_data: Path, lead: int) -> None:
    file = shared_data / "idx" / f"dynamical_aifs_single_20250301_00z_{lead}h.index"
    init_time = datetime(2025, 3, 1, tzinfo=UTC)
    target = Target.of(AIFS.products[0], init_time, lead, AIFS.wanted)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    surface = [row["param"] for row in rows if row["levtype"] == "sfc"]
    assert all(surface.count(row.param) == 1 for row in AIFS.wanted)
    found = read_index(IndexKind.ECMWF, file.read_bytes(), target, str(file))
    due = [slot for _, slot in target.slots()]
    assert sorted(entry.slot for entry in found if entry.slot in due) == sorted(due)
    path = AIFS.products[0].data_path(init_time, lead)
    assert path == f"20250301/00z/aifs-single/0p25/oper/20250301000000-{lead}h-oper-fc.grib2"


def total(parameter: Parameter) -> FieldId:
    """The field of an amount since the start, by its GRIB2 identity."""
    return FieldId(0, 100, parameter, TOTAL.level, Statistic.ACCUMULATION, (0, 360), RUN, None, Shape(0, 1, 1))


def test_metres_do_not_pass_for_millimetres() -> None:
    metres = next(row for row in IFS.wanted if row.name == TOTAL.name)
    assert match(total(Parameter(0, 1, 52)), TOTAL)
    assert not match(total(Parameter(0, 1, 193)), TOTAL)
    assert match(total(Parameter(0, 1, 193)), metres)
    assert not match(total(Parameter(0, 1, 52)), metres)


def ingested(model: Model, folder: Path) -> Store:
    simulate_run(folder, model, RUN, (0, 6, 12), GRID)
    report = ingest(
        model,
        IngestRequest(
            init_time=RUN, leads="0-12/6", mirror=str(folder), bucket=str(folder / "bucket"), work=folder / "work"
        ),
    )
    assert not report.missing
    return Store.open(folder / "bucket" / report.key)


def test_both_give_the_same_kind_of_numbers_and_only_one_is_an_ai_model(tmp_path: Path) -> None:
    """The simulated weather of two models differs in its places only; metres would be a thousandth."""
    with ingested(AIFS, tmp_path / "aifs") as aifs, ingested(IFS, tmp_path / "ifs") as ifs:
        assert aifs.schema.traits == ("ai",)
        assert not ifs.schema.is_ai
        for name in ("precipitation_amount_surface", "cloud_cover_atmosphere", "downward_shortwave_flux_surface"):
            means = []
            for store in (aifs, ifs):
                row = store.index[name]
                cells = [Cell(y, x) for y in range(GRID.ny) for x in range(GRID.nx)]
                means.append(np.nanmean([store.point(cell)[row] for cell in cells]))
            assert 0.5 < means[0] / means[1] < 2.0, name
        assert aifs.schema.variables[aifs.index["precipitation_amount_surface"]].intervals == (0, 360, 360)


def test_real_messages_are_identified_and_left_aside(shared_data: Path) -> None:
    """The AIFS fields at hand are of 500 hPa and of the sea: in AIFS's packing, and nothing that is wanted."""
    for name in ("t500", "wave"):
        data = (shared_data / "ecmwf" / f"gribberish_aifs-single-{name}.grib2").read_bytes()
        length = int.from_bytes(data[8:16], "big")
        (field,) = fields(data[:length])
        assert field.init_time.hour % 6 == 0
        assert not any(match(field, row) for row in AIFS.wanted)
