"""Secondary files, which hold the UV flux only, that land after the main ones."""

from __future__ import annotations

import numpy as np
import pytest

from deployments.simulator.server import Fault, Server, serve
from flows.gfs import MODEL as GFS
from flows.report import Outcome
from flows.tail import PAUSE
from storage.grids import Cell
from storage.reader import Store
from tests.flows.port import LEADS, Killed, Port

pytestmark = pytest.mark.usefixtures("in_one_process")

UV = "downward_uvb_flux_surface"
GRACE = GFS.product("secondary").grace


def has_uv(port: Port) -> list[bool]:
    """Lead by lead of what is published."""
    manifest = port.published
    assert manifest is not None
    with Store.open(port.folder / "bucket" / manifest.key) as store:
        if UV not in store.index:
            return [False] * len(store.schema.lead_times)
        return (~np.isnan(store.point(Cell(9, 18))[store.index[UV]])).tolist()


def secondary(server: Server) -> int:
    """Requests for secondary files."""
    return sum("pgrb2b" in path for path in server.paths())


def test_files_that_land_after_the_main_ones_are_waited_for(port: Port) -> None:
    port.at(250.5)
    with port.serving(secondary=GRACE - 1) as server:
        report = port.ingest(server)
    assert report.missing == []
    assert has_uv(port) == [False, True, True, True, True]
    assert 280 + GRACE - 1 <= port.minutes <= 280 + GRACE - 1 + 2 * PAUSE / 60
    said = [line.partition(";")[0] for line in port.told if "secondary" in line]
    assert said == [
        f"gfs 2026-04-20T00Z: waiting for {leads} of secondary files until 04:45Z"
        for leads in ("2 of 5 leads (3,6)", "1 of 5 leads (6)")
    ]
    assert report.messages == 5 + 21 * 5 - 3
    assert report.groups[-1].missing == []
    assert port.left() == []


def test_files_that_never_come_are_done_without_after_a_little_and_that_is_said(port: Port) -> None:
    port.at(250.5)
    with port.serving(Fault("*pgrb2b*", status=404)) as server:
        report = port.ingest(server)
        asked = secondary(server)
    assert report.outcome is Outcome.PUBLISHED
    assert report.missing == [f"{UV}: 1-3,6"]
    assert report.problems[-1] == "secondary: no mirror has the files of leads 1-3,6"
    assert has_uv(port) == [False] * 5
    assert 280 + GRACE <= port.minutes <= 280 + GRACE + 2 * PAUSE / 60
    # Two or three probes every few seconds, not all leads of all mirrors.
    assert asked < 4 + GRACE * 60 / PAUSE * 4


def test_some_files_that_come_are_taken_and_the_others_left(port: Port) -> None:
    port.at(281)
    with port.serving(Fault("*pgrb2b*.f006*", status=404), Fault("*pgrb2b*.f002*", status=404, times=3)) as server:
        report = port.ingest(server)
    assert report.missing == [f"{UV}: 6"]
    assert has_uv(port) == [False, True, True, True, False]


def test_a_run_that_was_due_long_ago_is_not_waited_for(port: Port) -> None:
    port.at(1000)
    with port.serving(Fault("*pgrb2b*", status=404)) as server:
        assert port.ingest(server).missing == [f"{UV}: 1-3,6"]
    assert port.minutes <= 1000 + PAUSE / 60


def test_a_mirror_that_has_them_is_found_behind_one_that_has_not(port: Port) -> None:
    port.at(281)
    with port.serving() as whole, serve(port.mirror, [Fault("*pgrb2b*", status=404)]) as lacking:
        report = port.ingest(lacking, whole)
    assert report.missing == []
    assert port.minutes == 281
    assert report.mirrors == ["mirror1", "mirror2"]


@pytest.mark.parametrize("step", ["write", "publish"])
def test_late_files_are_not_fetched_twice_and_those_of_a_stage_come_with_the_next(port: Port, step: str) -> None:
    with port.serving(secondary=9) as server:
        port.at(230.5)
        assert port.ingest(server, stages=(1,)).missing == [f"{UV}: 1"]
        port.at(281)
        with pytest.raises(Killed):
            port.ingest(server, stages=(1,), at=step)
        server.asked.clear()
        report = port.ingest(server, stages=(1,))
        fetched = [path for path in server.paths() if "pgrb2b" in path and not path.endswith(".idx")]
    # Of the last lead alone: it had not come in time for the killed one.
    assert {path[-4:] for path in fetched} <= {"f006"}
    assert report.leads == list(LEADS)
    assert has_uv(port) == [False, True, True, True, True]
