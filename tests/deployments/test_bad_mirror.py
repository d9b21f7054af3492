"""Mirrors that answer wrongly or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deployments.simulator.faults import FaultKind, FileFault, apply_faults
from deployments.simulator.run import simulate_run
from deployments.simulator.server import Fault, serve
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.ingest import ingest
from flows.model import Model
from flows.report import IngestReport, Outcome
from flows.request import IngestRequest
from storage.grids import LatLonGrid
from tasks.errors import MirrorError
from tasks.fetch import fetch_leads
from tasks.mirrors import Patience
from tasks.wanted import Mirror
from tests.deployments.spoilt import LAST, LEAD1, NEXT, USUAL, Run, spoil

FOR_LONG = (("Retry-After", "7000"),)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("*", status=403), "HTTP 403"),
        (Fault("*", status=302, headers=(("Location", "/blocked"), *FOR_LONG)), "HTTP 302, a redirect"),
        (Fault("*", status=503, headers=FOR_LONG), "HTTP 503"),
        (Fault("*", status=404), "HTTP 404"),
        (Fault("*.idx", cut=0), "empty"),
    ],
)
def test_a_mirror_without_the_run_is_said_with_its_answer(
    run: Run, published: Any, runs: Path, fault: Fault, told: str
) -> None:
    with serve(runs, [fault]) as server:
        error = run("ingest", "gfs", "--mirror", server.url, *USUAL).error
        assert set(server.paths()) == {LAST}
    assert error.startswith("error: gfs 2026-04-20T06Z lead 2: ")
    assert f"{server.url}/{LAST}" in error
    assert told in error
    assert "Try again later" in error
    published.stays()


def test_an_empty_folder_has_no_run(run: Run, published: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    error = run("ingest", "gfs", "--mirror", tmp_path / "empty", "--now", "2026-04-20T12", "--direct").error
    assert "gfs 2026-04-20T12Z lead 120 or 384 and 3 runs before it, back to 2026-04-19T18Z: not there" in error
    assert f"{tmp_path / 'empty' / 'gfs.20260420'}" in error
    assert "Try again later" in error
    assert len(error) < 600
    published.stays()


def test_nobody_listens_at_the_mirror(run: Run, published: Any) -> None:
    error = run("ingest", "gfs", "--mirror", "http://127.0.0.1:9", *USUAL).error
    assert "gfs 2026-04-20T06Z lead 2: no mirror can be asked" in error
    assert f"http://127.0.0.1:9/{LAST} cannot be reached" in error
    published.stays()


@pytest.fixture(scope="session")
def ifs_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror folder with the IFS run of 06Z, leads 0 and 3, on a 10 degree grid. Not to be written."""
    folder = tmp_path_factory.mktemp("ifs")
    simulate_run(folder, IFS, NEXT, (0, 3), LatLonGrid(90.0, -10.0, 19, 180.0, 10.0, 36))
    return folder


@pytest.mark.parametrize("kind", [FaultKind.STALE_INDEX, FaultKind.MISLABELLED])
@pytest.mark.parametrize("model", [GFS, IFS], ids=lambda model: model.name)
@pytest.mark.parametrize("over", ["folder", "http"])
def test_a_lying_index_is_found_out_and_the_file_scanned(
    run: Run, runs: Path, ifs_runs: Path, windlass: Any, tmp_path: Path, over: str, model: Model, kind: FaultKind
) -> None:
    source, leads = (runs, "0-2") if model is GFS else (ifs_runs, "0,3")
    spoilt = Path(shutil.copytree(source, tmp_path / "spoilt"))
    lead = int(leads[-1])
    apply_faults(spoilt, model, NEXT, [FileFault(kind, lead)])
    usual = ("ingest", model.name, "--leads", leads, *USUAL[2:])

    def point(mirror: str) -> tuple[Any, Any]:
        done = run(*usual, "--mirror", mirror)
        assert done.returncode == 0, done.stderr
        key = json.loads((windlass.bucket / model.name / "latest.json").read_text())["key"]
        shown = run("store", "show", windlass.bucket / key, "--json")
        told = run("store", "point", windlass.bucket / key, "52.5", "13.4", "--json")
        return json.loads(told.stdout), json.loads(shown.stdout)["provenance"]

    healthy, nothing = point(str(source))
    assert nothing["problems"] == []
    if over == "http":
        with serve(spoilt) as server:
            base = server.url
            found, provenance = point(base)
    else:
        base = str(spoilt)
        found, provenance = point(base)
    assert found == healthy
    (problem,) = provenance["problems"]
    assert f"{base}/{model.products[0].data_path(NEXT, lead).split('.f0')[0]}" in problem
    assert problem.endswith("the file was scanned instead")


HASTY = Patience(tries=2, first_delay=0.001, longest_delay=0.002, lead=1.0, not_yet=0.05, aside=0.0)


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch, windlass: Any) -> Callable[..., IngestReport]:
    """bring(url, ...): the recipe with mirrors of these URLs, which has little patience."""
    monkeypatch.setattr("flows.staging.fetch_leads", partial(fetch_leads, patience=HASTY))

    def bring(*urls: str) -> IngestReport:
        mirrors = tuple(Mirror(f"mirror{number}", url) for number, url in enumerate(urls, 1))
        request = IngestRequest(leads="0-2", init_time=NEXT, bucket=str(windlass.bucket), work=windlass.work)
        return ingest(replace(GFS, mirrors=mirrors), request)

    return bring


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.CORRUPT, FaultKind.OTHER_RUN, FaultKind.MISSING])
def test_a_healthy_second_mirror_takes_over(
    bring: Callable[..., IngestReport], mirror: Path, runs: Path, kind: FaultKind
) -> None:
    spoil(mirror, kind)
    with serve(mirror) as bad, serve(runs) as good:
        report = bring(bad.url, good.url)
    assert report.outcome is Outcome.PUBLISHED
    assert report.missing == []
    assert report.mirrors == ["mirror1", "mirror2"]
    assert all(problem.startswith(f"mirror1: {bad.url}/{LEAD1}") for problem in report.problems), report.problems
    assert report.problems


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("*.f001*", status=404), "HTTP 404"),
        (Fault("*.f001", status=403), "HTTP 403"),
        (Fault("*.f001", status=503), "HTTP 503"),
        (Fault("*.f001", status=302), "HTTP 302, a redirect"),
        (Fault("*.f001", reset_after=100), "f001"),
    ],
)
def test_a_lead_that_never_comes_ends_with_the_last_answer(
    bring: Callable[..., IngestReport], published: Any, runs: Path, fault: Fault, told: str
) -> None:
    with serve(runs, [fault]) as server, pytest.raises(MirrorError) as caught:
        bring(server.url)
    assert "gfs 2026-04-20T06Z lead 1: no mirror delivers it. mirror1: " in str(caught.value)
    assert f"{server.url}/{LEAD1}" in str(caught.value)
    assert told in str(caught.value)
    published.stays()
