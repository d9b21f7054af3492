"""A flow whose groups of leads are fetched on a Dask cluster of two workers, each a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deployments.simulator.run import simulate_run
from flows.crew import Advance, Crew, Piece
from flows.flow import flow
from flows.gfs import MODEL, gfs
from flows.report import IngestReport, Outcome
from flows.request import IngestRequest
from storage.grids import LatLonGrid
from storage.manifest import read_manifest
from tasks.errors import DecodeError, NoMirrorLeft

RUN = datetime(2026, 4, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def cluster(prefect_server: object) -> Iterator[Any]:
    """Two workers of one thread each. What this file defines goes to them by value: they cannot import it."""
    import cloudpickle
    import distributed

    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    # The nanny would start a killed worker again; here nobody kills one.
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as started:
        yield started
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture
def on_dask(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDLASS_DASK_ADDRESS", cluster.scheduler_address)
    # Where a failed run's incident lies.
    monkeypatch.setenv("WINDLASS_BUCKET", str(tmp_path / "bucket"))


def meet(me: str, other: str, advance: Advance) -> int:
    """Done only when two workers are at it at once."""
    from distributed import Event

    Event(me).set()
    assert Event(other).wait(60), f"{other} never began"
    advance(1, 1)
    return os.getpid()


def fail_first(mark: Path, advance: Advance) -> int:
    if not mark.exists():
        mark.touch()
        raise NoMirrorLeft("aws 503")
    return os.getpid()


def fail(advance: Advance) -> int:
    raise DecodeError("gfs f003: not a grid")


def toy(pieces: list[Piece[int]], seen: list[list[int]]) -> Any:
    from flows.prefect_crew import prefect_flow

    @flow(MODEL)
    def recipe(request: IngestRequest, crew: Crew) -> IngestReport:
        seen.append(crew.spread("fetch", pieces))
        seen.append([crew.step("write", lambda advance: os.getpid())])
        return IngestReport(
            outcome=Outcome.ALREADY_PUBLISHED, model="gfs", init_time=RUN, key="", leads=[], manifest={}
        )

    return prefect_flow(MODEL, recipe, (0.0,))


def test_pieces_run_on_both_workers_at_once_and_steps_stay_at_home(on_dask: None, tmp_path: Path) -> None:
    seen: list[list[int]] = []
    pieces = [
        Piece("fetch f000", 1, partial(meet, "left", "right")),
        Piece("fetch f001", 1, partial(meet, "right", "left")),
        Piece("fetch f002", 1, partial(fail_first, tmp_path / "mark")),
    ]
    state = toy(pieces, seen)(return_state=True)
    assert state.is_completed(), state.message
    (left, right, third), (home,) = seen
    assert home == os.getpid()
    assert len({left, right, home}) == 3
    assert third in (left, right)


def test_what_no_retry_can_heal_ends_the_run_with_its_own_words(on_dask: None) -> None:
    seen: list[list[int]] = []
    state = toy([Piece("fetch f003", 1, fail)], seen)(return_state=True)
    assert state.is_failed()
    assert "not a grid" in state.message
    assert seen == []


def fetched_at_home(*_: object, **__: object) -> Any:
    raise AssertionError("fetched in the flow's own process")


def test_a_run_that_is_fetched_on_dask_is_to_the_bit_the_same(
    on_dask: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten leads are two groups."""
    from flows.prefect_crew import prefect_flow
    from storage.bucket import open_bucket

    mirror = tmp_path / "mirror"
    simulate_run(mirror, MODEL, RUN, range(10), LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36))

    def request(name: str) -> IngestRequest:
        return IngestRequest(
            mirror=str(mirror), leads="0-9", bucket=str(tmp_path / name), work=tmp_path / f"work of {name}", now=RUN
        )

    plain = gfs(request("plain"))
    monkeypatch.setattr("flows.staging.fetch_leads", fetched_at_home)
    state = prefect_flow(MODEL, gfs)(request("bucket"), return_state=True)
    assert state.is_completed(), state.message
    report = state.result()
    assert [group.leads for group in report.groups] == ["0-7", "8-9"]
    assert (report.messages, report.bytes) == (plain.messages, plain.bytes)
    one, other = (read_manifest(open_bucket(str(tmp_path / name)), "gfs") for name in ("plain", "bucket"))
    assert one is not None
    assert other is not None
    assert (one.init_time, one.leads, one.sha256) == (other.init_time, other.leads, other.sha256)
