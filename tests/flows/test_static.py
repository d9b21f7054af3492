"""Terrain height and land share are kept once, beside the runs, and never in their way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import eccodes
import numpy as np
import pytest

from deployments.simulator.run import simulate_run
from flows.aifs import MODEL as AIFS
from flows.gfs import MODEL as GFS
from flows.hrrr import HRRR
from flows.ifs import MODEL as IFS
from flows.ingest import ingest
from flows.model import Model
from flows.models import flow_named, model_names
from flows.request import IngestRequest
from storage.bucket import open_bucket
from storage.grids import Cell, LatLonGrid
from storage.reader import Store
from storage.static import read_static
from tasks.entry import Target
from tasks.index import read_index
from tests.flows.inventories import INVENTORIES, Inventory

pytestmark = pytest.mark.usefixtures("in_one_process")

RUN = datetime(2026, 4, 20, tzinfo=UTC)
GRID = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
HEIGHT, LAND = "terrain_height_surface", "land_share_surface"


def brought(model: Model, folder: Path, **asked: Any) -> tuple[list[str], Store | None]:
    """What the report says of static fields, and the store that is published of them."""
    request = {"bucket": str(folder / "bucket"), "work": folder / "work", **asked}
    report = ingest(model, IngestRequest.model_validate(request))
    manifest = read_static(open_bucket(str(folder / "bucket")), model.name)
    told = [line for line in report.gate if line.startswith("static fields")]
    return told, Store.open(folder / "bucket" / manifest.key) if manifest else None


@pytest.fixture
def mirror(tmp_path: Path) -> Callable[[Model, datetime], Path]:
    """mirror(model, run): leads 0 and 6 of a run, in the folder of all."""

    def mirror(model: Model, run: datetime = RUN) -> Path:
        simulate_run(tmp_path / "mirror", model, run, (0, 6), GRID)
        return tmp_path / "mirror"

    return mirror


@pytest.mark.parametrize("model", [GFS, IFS, AIFS], ids=lambda model: model.name)
def test_they_are_kept_whatever_leads_are_asked_for(model: Model, mirror: Any, tmp_path: Path) -> None:
    told, store = brought(model, tmp_path, mirror=str(mirror(model)), init_time=RUN, leads="6")
    assert told == []
    assert store is not None
    assert store.schema.names == (HEIGHT, LAND)
    assert store.schema.lead_times == (0,)
    assert "static" in store.schema.traits
    (file,) = (tmp_path / "mirror").rglob("*pgrb2.0p25.f000" if model is GFS else "*-0h-oper-fc.grib2")
    with file.open("rb") as messages:
        found = {}
        while (handle := eccodes.codes_grib_new_from_file(messages)) is not None:
            key = tuple(eccodes.codes_get_long(handle, f"{part}") for part in ("discipline", "parameterCategory"))
            number = eccodes.codes_get_long(handle, "parameterNumber")
            found[(*key, number)] = eccodes.codes_get_values(handle).reshape(GRID.shape)
            eccodes.codes_release(handle)
    height = found[0, 3, 5] if model is GFS else found[0, 3, 4] / 9.80665
    for y, x in ((4, 9), (5, 20), (9, 30), (12, 3)):
        values = store.point(Cell(y, x))[:, 0]
        assert values[0] == pytest.approx(height[y, x], abs=0.2)
        assert values[1] == pytest.approx(found[2, 0, 0][y, x], abs=1e-3)
    assert np.ptp(height) > 500


def test_the_same_ground_is_looked_at_once_a_day_and_published_once(mirror: Any, tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path / "bucket"))
    runs = [RUN, RUN + timedelta(hours=6), RUN + timedelta(days=1)]
    found = []
    for run in runs:
        folder = mirror(GFS, run)
        if run == runs[1]:
            # Nobody asks for it.
            next(folder.rglob("gfs.20260420/06/atmos/*pgrb2.0p25.f000.idx")).unlink()
        told, _ = brought(GFS, tmp_path, mirror=str(folder), init_time=run, leads="6")
        assert told == []
        found.append(read_static(bucket, "gfs"))
    first, second, third = found
    assert first is not None
    assert second == first
    assert third == first.model_copy(update={"confirmed": runs[2]})
    assert len(bucket.list("gfs/static/")) == 1


def test_another_ground_replaces_it_and_the_one_before_stays(mirror: Any, tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path / "bucket"))
    keys = []
    for day, scale in enumerate((1.0, 0.5, 0.25)):
        run = RUN + timedelta(days=day)
        lower = replace(GFS, static=tuple(replace(row, factor=1 / scale) for row in GFS.static if row.name == HEIGHT))
        folder = mirror(lower, run)
        _, store = brought(GFS, tmp_path, mirror=str(folder), init_time=run, leads="6")
        assert store is not None
        keys.append(f"gfs/static/{store.path.name}")
    assert len(set(keys)) == 3
    assert bucket.list("gfs/static/") == sorted(keys[1:])
    manifest = read_static(bucket, "gfs")
    assert manifest is not None
    assert (manifest.key, manifest.previous) == (keys[2], keys[1])


def test_without_it_a_run_is_published_and_the_report_says_so(mirror: Any, tmp_path: Path) -> None:
    folder = mirror(replace(GFS, static=GFS.static[:1]))
    told, store = brought(GFS, tmp_path, mirror=str(folder), init_time=RUN, leads="6")
    assert told == [f"static fields: {LAND} missing"]
    assert store is not None
    shutil.rmtree(tmp_path / "bucket")
    for index in folder.rglob("*f000*"):
        index.unlink()
    told, store = brought(GFS, tmp_path, mirror=str(folder), init_time=RUN, leads="6")
    assert store is None
    (line,) = told
    assert line.startswith("static fields: 2026-04-20T00Z has none")


def test_a_broken_manifest_is_told_and_stops_no_run(mirror: Any, tmp_path: Path) -> None:
    (tmp_path / "bucket" / "gfs").mkdir(parents=True)
    (tmp_path / "bucket" / "gfs" / "static.json").write_text("{}")
    request = {"bucket": str(tmp_path / "bucket"), "work": tmp_path / "work", "mirror": str(mirror(GFS))}
    report = ingest(GFS, IngestRequest.model_validate({**request, "init_time": RUN, "leads": "6"}))
    assert any("names no static fields" in line for line in report.gate)


def test_real_files_give_the_ground_of_their_region(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "gfs").glob("gfs.20200804*.poland.grib2"))
    _, store = brought(GFS, tmp_path, files=files)
    assert store is not None
    # Kraków lies at 200 m, the Baltic at 0.
    krakow, baltic = store.schema.grid.cell(50.06, 19.94), store.schema.grid.cell(55.5, 17.5)
    assert store.point(krakow)[0, 0] == pytest.approx(250, abs=120)
    assert store.point(krakow)[1, 0] == 1.0
    assert store.point(baltic)[:, 0].tolist() == pytest.approx([0.0, 0.0], abs=0.3)


def test_real_files_of_hrrr_give_the_ground_of_theirs(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "hrrr" / "rme").glob("*t00z*.grib2"))
    _, store = brought(HRRR, tmp_path, files=files, no_gate=True)
    assert store is not None
    heights = [store.point(Cell(y, x))[0, 0] for y in range(store.schema.grid.ny) for x in range(store.schema.grid.nx)]
    # As ecCodes lists the message.
    assert (min(heights), max(heights)) == pytest.approx((640.4, 2323.7), abs=0.2)


def each() -> list[tuple[str, Inventory]]:
    """The inventories of first leads of models that have static fields."""
    return [
        (name, inventory)
        for name in model_names()
        if (model := flow_named(name).model).static
        for inventory in INVENTORIES.get(name, ())
        if inventory.lead == model.cycles[0].leads[0] and inventory.product == "main"
    ]


@pytest.mark.parametrize(("name", "inventory"), each(), ids=[name for name, _ in each()])
def test_production_has_them_in_its_first_lead(name: str, inventory: Inventory, shared_data: Path) -> None:
    model = flow_named(name).model
    target = Target.of(model.products[0], inventory.init_time, inventory.lead, model.static)
    found = read_index(model.products[0].kind, inventory.content(shared_data), target, str(inventory.file))
    assert sorted(entry.wanted.name for entry in found) == sorted(row.name for row in model.static)
