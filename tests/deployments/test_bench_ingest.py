"""The benchmark of ingest on a tiny run: what it adds up, and that both pipelines tell the same weather."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deployments.bench import comparing, floors, hauling
from deployments.bench.kept import INIT_TIME, KeptRun
from deployments.bench.loads import LOADS
from deployments.bench.plain import open_series, plain_pipeline
from storage.grids import LatLonGrid

GRID = LatLonGrid(60.0, -5.0, 13, 0.0, 5.0, 24)
LEADS = (0, 1, 2, 3, 5, 6, 7, 8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> KeptRun:
    """Thirty variables on 13 x 24 points; lead 4 is missing, and buckets end at lead 6."""
    kept = KeptRun(replace(LOADS["gfs30"], grid=GRID), LEADS, tmp_path_factory.mktemp("kept"))
    kept.make(lambda done, total: None)
    return kept


@pytest.fixture(scope="module")
def hauled(run: KeptRun, tmp_path_factory: pytest.TempPathFactory) -> hauling.Hauled:
    return hauling.haul(run, tmp_path_factory.mktemp("hauled"))


def test_a_kept_run_is_simulated_once(run: KeptRun) -> None:
    files = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*") if path.is_file()}
    assert len(files) == 2 * len(LEADS)
    lead = run.folder / run.load.model.products[0].index_path(INIT_TIME, 5)
    content = lead.read_bytes()
    lead.unlink()
    made: list[tuple[int, int]] = []
    run.make(lambda done, total: made.append((done, total)))
    assert made == [(1, 1)]
    assert lead.read_bytes() == content
    again = {path: path.stat().st_mtime_ns for path in files}
    assert {path.name[-4:] for path in files if again[path] != files[path]} <= {"f005", ".idx"}


def test_messages_of_a_run_come_variable_after_variable(run: KeptRun) -> None:
    messages = run.messages()
    assert [(message.variable, message.lead) for message in messages] == sorted(
        (wanted.name, 60 * lead) for wanted in run.load.model.wanted for lead in LEADS if lead >= wanted.from_lead
    )
    assert {message.lead for message in run.only((3,)).messages()} == {180}


def test_stages_add_up_to_the_whole_ingest(hauled: hauling.Hauled) -> None:
    assert {clocked.stage for clocked in hauling.WRITING} < hauled.stages.keys()
    assert sum(hauled.stages.values()) == pytest.approx(hauled.cost.cpu_seconds)
    busy = ("find, fetch", "decode", "derive", "quantise, gather", "compress", "crc32c, crc32", "write", "check")
    assert all(hauled.stages[stage] > 0 for stage in busy), hauled.stages
    assert hauled.stages["compress"] < hauled.writing < hauled.cost.cpu_seconds
    assert hauled.store_bytes == hauled.store.stat().st_size
    assert hauled.report.messages == sum(
        lead >= wanted.from_lead for wanted in LOADS["gfs30"].model.wanted for lead in LEADS
    )


def test_our_decoder_needs_no_scratch_and_ecCodes_does(run: KeptRun, hauled: hauling.Hauled, tmp_path: Path) -> None:
    messages = run.messages()
    # Distance and bearing of storms, whose files are counted in pages, lie there until the store is written.
    storms, pages = 2 * 2 * len(LEADS) * GRID.ny * GRID.nx, 8 * 4096
    assert hauled.cost.disk_bytes <= storms + pages
    assert floors.decode_alone(messages, tmp_path).disk_bytes == 0
    assert floors.eccodes_alone(messages, tmp_path).disk_bytes >= 2 * len(messages) * GRID.ny * GRID.nx


def test_xarray_and_dask_make_the_same_series(run: KeptRun, hauled: hauling.Hauled, tmp_path: Path) -> None:
    plain = plain_pipeline(run.load.model.wanted, run.messages(), GRID, tmp_path)
    array = open_series(plain.path)
    assert array.shape == (30, len(LEADS), *GRID.shape)
    assert array.chunks == (30, len(LEADS), 3, 3)
    assert plain.scratch_bytes > plain.path.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == [plain.path.name]
    cells = np.argwhere(np.ones(GRID.shape))
    comparing.agree(hauled.store, plain.path, run, cells)


def test_series_of_another_weather_are_no_comparison(run: KeptRun, hauled: hauling.Hauled, tmp_path: Path) -> None:
    plain = plain_pipeline(run.load.model.wanted, run.messages(), GRID, tmp_path)
    with pytest.raises(comparing.Disagreement, match="at cell 3, 4"):
        comparing.agree(hauled.store, plain.path, replace(run, load=upside_down(run)), np.array([[3, 4]]))


def upside_down(run: KeptRun) -> object:
    """The load with its variables in another order."""
    model = replace(run.load.model, wanted=run.load.model.wanted[::-1])
    return replace(run.load, model=model)
