"""Flows on a real Prefect server. Each flow run costs a second: few of them, each with all its facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest

from flows.crew import Advance, Crew, Piece, Stopped
from flows.flow import flow
from flows.model import Cycle, Model
from flows.report import GroupReport, IngestReport, Outcome
from flows.request import IngestRequest
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.schema import Freshness
from tasks.errors import DecodeError, NoMirrorLeft

MODEL = Model(
    "toy",
    "Toy",
    (Cycle((0,), (0, 3)),),
    (),
    (),
    (),
    Freshness(1, 2, 3),
    "",
    "",
    1,
    1,
    LatLonGrid(90.0, -90.0, 3, 0.0, 90.0, 4),
)
RUN = datetime(2026, 4, 20, tzinfo=UTC)


def report(outcome: Outcome = Outcome.PUBLISHED) -> IngestReport:
    return IngestReport(
        outcome=outcome,
        model="toy",
        init_time=RUN,
        key="toy/20260420T0000Z.zarr.zip",
        leads=[0, 3],
        missing=["wind_gust_10m: 3"],
        messages=7,
        bytes=2_500_000,
        seconds=1.5,
        mirrors=["aws", "google"],
        problems=["aws: 404 f003"],
        groups=[GroupReport(leads="0,3", messages=7, bytes=2_500_000, mirrors=["aws", "google"], seconds=1.2)],
        manifest={"sha256": "ab" * 32, "size": 1_000_000},
    )


def toy(pieces: list[Piece[str]], retry_seconds: tuple[float, ...] = ()) -> Any:
    """A Prefect flow whose recipe names its run, fetches the pieces, writes and shows."""

    @flow(MODEL)
    def recipe(request: IngestRequest, crew: Crew) -> IngestReport:
        crew.name("toy 2026-04-20T00Z")
        crew.say("it will take 2.5 MB")
        fetched = crew.spread("fetch", pieces)
        crew.step("write", lambda advance: [advance(done, 10) for done in range(11)])
        assert fetched == [piece.name for piece in pieces]
        crew.show(report(), None)
        return report()

    from flows.prefect_crew import prefect_flow

    return prefect_flow(MODEL, recipe, retry_seconds)


def piece(name: str, *errors: Exception) -> tuple[Piece[str], list[Exception]]:
    """A piece that raises the errors one after the other, then answers its name; and what it still will raise."""
    left = list(errors)

    def work(advance: Advance) -> str:
        if left:
            raise left.pop(0)
        return name

    return Piece(name, 2, work), left


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FolderBucket:
    """The bucket of the settings, in a folder of the test's own; nobody is told."""
    monkeypatch.setenv("WINDLASS_BUCKET", str(tmp_path / "bucket"))
    monkeypatch.setenv("WINDLASS_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("WINDLASS_NOTIFY_URLS", raising=False)
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def seen(prefect_server: object) -> Callable[[Any, set[str]], dict[str, Any]]:
    """What the server knows of a flow run, once it has heard how the named task runs ended."""
    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId

    def seen(state: Any, task_names: set[str]) -> dict[str, Any]:
        run_id = state.state_details.flow_run_id
        runs = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
        artifacts = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        deadline = monotonic() + 60
        with get_client(sync_client=True) as client:
            while True:
                tasks = {run.name: run for run in client.read_task_runs(flow_run_filter=runs)}
                if set(tasks) == task_names and all(run.state and run.state.is_final() for run in tasks.values()):
                    break
                assert monotonic() < deadline, tasks
            return {
                "run": client.read_flow_run(run_id),
                "tasks": tasks,
                "artifacts": {found.key: found for found in client.read_artifacts(artifact_filter=artifacts)},
            }

    return seen


Seen = Callable[[Any, set[str]], dict[str, Any]]


def test_an_operator_sees_names_tasks_and_artifacts(seen: Seen) -> None:
    pieces = [piece("fetch f000")[0], piece("fetch f003")[0]]
    state = toy(pieces)(return_state=True)
    facts = seen(state, {"fetch f000", "fetch f003", "write"})
    assert state.is_completed()
    assert facts["run"].name == "toy 2026-04-20T00Z"
    table = facts["artifacts"]["toy-run-leads"].data
    assert '"leads": "0,3"' in table
    assert '"MB": 2.5' in table
    assert "aws, google" in table
    result = facts["artifacts"]["toy-run-result"].data
    assert "toy/20260420T0000Z.zarr.zip" in result
    assert "ab" * 32 in result
    assert "wind_gust_10m: 3" in result


def test_what_a_mirror_did_is_tried_again_and_the_other_groups_run_once(seen: Seen) -> None:
    patient, left = piece("fetch f003", NoMirrorLeft("aws 503"), NoMirrorLeft("aws 503"))
    state = toy([piece("fetch f000")[0], patient], retry_seconds=(0.0, 0.0))(return_state=True)
    facts = seen(state, {"fetch f000", "fetch f003", "write"})
    assert state.is_completed()
    assert left == []
    assert facts["tasks"]["fetch f003"].run_count == 3
    assert facts["tasks"]["fetch f000"].run_count == 1


@pytest.mark.parametrize(
    "error",
    [DecodeError("toy f003: not a grid"), NoMirrorLeft("toy f003: not a grid, says aws", passing=False)],
    ids=str,
)
def test_what_no_retry_can_heal_fails_at_once_and_people_are_told_once(
    seen: Seen, webhook: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
) -> None:
    broken, left = piece("fetch f003", error, DecodeError("again"))
    with webhook(204) as (url, told):
        monkeypatch.setenv("WINDLASS_NOTIFY_URL", url)
        state = toy([broken], retry_seconds=(0.0, 0.0))(return_state=True)
    facts = seen(state, {"fetch f003"})
    assert state.is_failed()
    assert len(left) == 1
    assert facts["tasks"]["fetch f003"].run_count == 1
    (notice,) = (json.loads(body) for body in told)
    assert notice["flow_run"] == str(facts["run"].id)
    assert notice["run"] == "toy 2026-04-20T00Z"
    assert "toy f003: not a grid" in notice["reason"]
    shown = capfd.readouterr().err
    assert "Traceback" not in shown
    assert "secret" not in shown


def test_a_group_that_failed_ends_one_that_stalls(seen: Seen) -> None:
    ended: list[str] = []

    def stall(advance: Advance) -> str:
        try:
            while not never.wait(0.01):
                advance(1, 2)
        except Stopped:
            ended.append("stalled")
            raise
        raise AssertionError("nobody sets it")

    never = Event()
    broken, _ = piece("fetch f003", DecodeError("toy f003: not a grid"))
    state = toy([Piece("fetch f000", 2, stall), broken])(return_state=True)
    facts = seen(state, {"fetch f000", "fetch f003"})
    assert state.is_failed()
    assert "not a grid" in state.message
    assert ended == ["stalled"]
    assert facts["tasks"]["fetch f000"].run_count == 1


def test_nothing_new_is_a_completed_run_of_its_own_name(prefect_server: object) -> None:
    @flow(MODEL)
    def recipe(request: IngestRequest, crew: Crew) -> IngestReport:
        return report(Outcome.ALREADY_PUBLISHED)

    state = recipe.prefect(return_state=True)
    assert state.is_completed()
    assert state.name == "NoNewRun"
    assert state.result().outcome is Outcome.ALREADY_PUBLISHED
    assert recipe.prefect() == report(Outcome.ALREADY_PUBLISHED)
