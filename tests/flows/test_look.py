"""What is known of a run before anything of it is fetched: against the files themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.simulator.run import simulate_run
from deployments.simulator.server import serve
from flows import gefs, gfs, look, nbm
from flows.model import Model
from storage.grids import Cell, Grid, LatLonGrid, Window
from tasks.errors import NoMirrorLeft
from tasks.scan import stage_files
from tasks.wanted import Mirror

RUN = datetime(2026, 4, 20, 1, tzinfo=UTC)
COARSE = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
CASES: dict[str, tuple[Model, Grid, list[int]]] = {
    "two files a lead": (gfs.MODEL, COARSE, [0, 1, 2, 3, 6]),
    "a file a member": (gefs.MODEL, COARSE, [3, 6, 9]),
    "not all at all leads": (nbm.NBM, nbm.NBM.grid.crop(Window(800, 12, 900, 20)), [*range(1, 20)]),
}


def run_of(model: Model) -> datetime:
    return RUN if model.name == "nbm" else RUN.replace(hour=0)


@pytest.mark.parametrize("case", CASES)
def test_indexes_tell_how_many_messages_there_are_and_how_long(case: str, tmp_path: Path) -> None:
    model, grid, leads = CASES[case]
    files = simulate_run(tmp_path, model, run_of(model), leads, grid)
    data = [file for file in files if file.suffix != ".idx"]
    members = model.products[0].members
    staged = stage_files(data, model.wanted, run_of(model), members).messages
    found = look.look_at_run(model, run_of(model), leads, [Mirror("folder", str(tmp_path))])
    assert found.grid.shape == grid.shape
    assert found.grid.latlon(Cell(3, 4)) == pytest.approx(grid.latlon(Cell(3, 4)), abs=1e-4)
    for row in model.wanted:
        own = [message.length for message in staged if message.variable == row.name]
        assert found.messages[row.name] == pytest.approx(len(own), abs=1e-6), row.name
        # Of an ensemble some members stand for all.
        assert found.lengths[row.name] == pytest.approx(sum(own), rel=0.05 if members else 1e-9), row.name
    assert found.staged <= found.download <= 1.01 * sum(file.stat().st_size for file in data)


def test_leads_between_those_that_were_looked_at_lie_on_straight_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = list(range(13))
    files = simulate_run(tmp_path, gfs.MODEL, run_of(gfs.MODEL), leads, COARSE)
    whole = sum(
        message.length
        for message in stage_files([file for file in files if file.suffix != ".idx"], gfs.WANTED).messages
    )
    monkeypatch.setattr(look, "FILES", 8)
    with serve(tmp_path) as server:
        found = look.look_at_run(gfs.MODEL, run_of(gfs.MODEL), leads, [Mirror("mirror", server.url)])
        read = {one.path for one in server.asked if one.path.endswith(".idx")}
        fetched = [one for one in server.asked if not one.path.endswith(".idx")]
    assert len(read) < 2 * len(leads)
    assert sum(found.messages.values()) == 22 * 13 - 3
    assert found.staged == pytest.approx(whole, rel=0.05)
    assert len(fetched) <= len(read)


def test_a_run_of_which_no_mirror_has_an_index_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(NoMirrorLeft, match="no mirror can say what the run holds"):
        look.look_at_run(gfs.MODEL, run_of(gfs.MODEL), [0, 1], [Mirror("folder", str(tmp_path))])
