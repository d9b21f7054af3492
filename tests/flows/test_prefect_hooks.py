"""What a real Prefect server's runs open, close and tell; also where no hook could run, and where nobody answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flows.crew import Crew
from flows.flow import flow
from flows.freshness import freshness
from flows.model import Cycle, Model
from flows.report import IngestReport, Outcome
from flows.request import IngestRequest
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness
from tasks.errors import DecodeError
from tasks.incidents import Kind, find_incident, records_in

LIMITS = Freshness(due_after=690, late_after=760, stale_after=7200)
MODEL = Model(
    "toy", "Toy", (Cycle((0,), (0, 3)),), (), (), (), LIMITS, "", "", 1, 1, LatLonGrid(90.0, -90.0, 3, 0.0, 90.0, 4)
)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HttpSink = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def bucket(prefect_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderBucket:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    monkeypatch.setenv("WINDLASS_BUCKET", str(tmp_path / "bucket"))
    monkeypatch.setenv("WINDLASS_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("WINDLASS_NOTIFY_URL", raising=False)
    monkeypatch.delenv("WINDLASS_NOTIFY_URLS", raising=False)
    return FolderBucket(tmp_path / "bucket")


def publish(
    bucket: FolderBucket, model: str, generation: int, run: datetime, at: datetime, missing: tuple[str, ...] = ()
) -> Manifest:
    manifest = Manifest(
        model=model,
        init_time=run,
        key=store_key(model, run),
        size=1,
        sha256="0" * 64,
        generation=generation,
        leads=2,
        last_lead=384 * 60,
        published_at=at,
        freshness=LIMITS,
        missing=missing,
    )
    bucket.write(manifest_key(model), manifest.to_bytes())
    return manifest


def test_a_failed_run_is_told_once_and_over_with_the_next_published_one(
    bucket: FolderBucket, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations: list[int] = []

    @flow(MODEL)
    def recipe(request: IngestRequest, crew: Crew) -> IngestReport:
        crew.name("toy 2026-04-20T00Z")
        if len(generations) < 2:
            generations.append(0)
            raise DecodeError("toy f003: not a grid")
        run = NOW - timedelta(hours=6)
        manifest = publish(bucket, "toy", 1, run, NOW, missing=("wind_gust_10m: 3",))
        return IngestReport(
            outcome=Outcome.PUBLISHED,
            model="toy",
            init_time=run,
            key=manifest.key,
            leads=[0, 3],
            missing=["wind_gust_10m: 3"],
            manifest=manifest.model_dump(mode="json"),
        )

    monkeypatch.setenv("PREFECT_UI_URL", "http://ui.example")
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", f"{sink.url},http://127.0.0.1:9/s3cr3t")
        monkeypatch.setattr("tasks.deliver.PAUSES", (0.0, 0.0))
        states = [recipe.prefect(return_state=True) for _ in range(3)]
    assert [state.is_failed() for state in states] == [True, True, False]
    failed, recovered = sink.told
    assert failed["title"] == "windlass: toy failed"
    assert "toy f003: not a grid" in failed["reason"]
    assert failed["run"] == "toy 2026-04-20T00Z"
    assert failed["flow_run"] == str(states[0].state_details.flow_run_id)
    assert failed["link"].endswith(f"/runs/flow-run/{failed['flow_run']}")
    assert recovered["title"] == "windlass: toy incomplete; toy no longer failed"
    assert "published without wind_gust_10m: 3" in recovered["text"]
    assert str(states[2].state_details.flow_run_id) in recovered["text"]


def test_without_a_bucket_a_failure_is_told_from_the_work_folder(
    bucket: FolderBucket, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    @flow(MODEL)
    def recipe(request: IngestRequest, crew: Crew) -> IngestReport:
        raise DecodeError("toy f003: not a grid")

    bucket.folder.write_text("not a folder")
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        assert recipe.prefect(return_state=True).is_failed()
    assert [told["title"] for told in sink.told] == ["windlass: toy failed"]


@pytest.fixture
def runs(bucket: FolderBucket) -> Callable[..., Any]:
    """runs(flow, *states): a flow run that the server is told went through these states; nothing executes."""
    from prefect import get_client
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.flows import Flow

    due = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
    )
    # Other tests have left runs that do not begin either.
    with get_client(sync_client=True) as client:
        while left := client.read_flow_runs(flow_run_filter=due):
            for run in left:
                client.delete_flow_run(run.id)

    def runs(name: str, *states: Any, **parameters: Any) -> Any:
        shell: Any = Flow(lambda request=None: None, name=name)
        with get_client(sync_client=True) as client:
            run = client.create_flow_run(shell, parameters=parameters, name=f"{name} newest run", state=states[0])
            for state in states[1:]:
                client.set_flow_run_state(run.id, state, force=True)
            return run.id

    return runs


def test_a_crash_that_no_hook_saw_is_found_on_the_server(bucket: FolderBucket, runs: Any) -> None:
    from prefect.states import Crashed, Pending, Running

    publish(bucket, "gfs", 1, NOW - timedelta(hours=6), datetime.now(UTC))
    elsewhere = {"bucket": "s3://else/where"}
    runs("gfs", Pending(), Running(), Crashed(message="of another bucket"), request=elsewhere)
    freshness()
    assert find_incident(bucket, "gfs", Kind.CRASHED) is None
    gone = runs("gfs", Pending(), Running(), Crashed(message="no heartbeat"))
    for _ in range(2):
        freshness()
    incident = find_incident(bucket, "gfs", Kind.CRASHED)
    assert incident
    assert (incident.reason, incident.flow_run) == ("no heartbeat", str(gone))
    publish(bucket, "gfs", 2, NOW - timedelta(hours=6), datetime.now(UTC) + timedelta(minutes=1))
    freshness()
    assert find_incident(bucket, "gfs", Kind.CRASHED) is None


def test_a_run_that_does_not_begin_is_told_until_it_does(bucket: FolderBucket, runs: Any) -> None:
    from prefect import get_client
    from prefect.states import Completed, Pending, Scheduled

    early = datetime.now(UTC) - timedelta(minutes=20)
    run = runs("ifs", Scheduled(scheduled_time=early), Pending())
    waiting = runs("prune", Scheduled(scheduled_time=early))
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(waiting, Scheduled(name="Late", scheduled_time=early), force=True)
        # It waits for another run of its model to end, which is as it should be.
        patient = runs("sync-check", Scheduled(name="AwaitingConcurrencySlot", scheduled_time=early))
        freshness()
        assert find_incident(bucket, "ifs", Kind.PENDING) is None
        report = freshness(now=datetime.now(UTC) + timedelta(minutes=16))
        found = {r.incident.model for r in records_in(bucket) if r.incident.kind is Kind.PENDING}
        # Deployments of other tests have left runs of their own on the server.
        assert found & {"ifs", "prune", "sync-check"} == {"ifs", "prune"}
        incident = find_incident(bucket, "ifs", Kind.PENDING)
        assert incident
        assert incident.flow_run == str(run)
        assert "does not begin" in report.in_words()
        for begun in (run, waiting, patient):
            client.set_flow_run_state(begun, Completed(), force=True)
    freshness()
    assert find_incident(bucket, "ifs", Kind.PENDING) is None
    assert find_incident(bucket, "prune", Kind.PENDING) is None


def test_success_without_new_data_is_seen_through_the_server(bucket: FolderBucket, runs: Any) -> None:
    from prefect.states import Completed, Pending, Running

    publish(bucket, "gfs", 1, NOW - timedelta(minutes=700), NOW - timedelta(minutes=300))
    runs("gfs", Pending(), Running(), Completed(name="Completed"))
    report = freshness()
    (gfs,) = (model for model in report.models if model.model == "gfs")
    assert gfs.state == "due"
    assert "brought no new data" in (gfs.problem or "")
    assert report.red


def test_a_server_that_is_gone_is_told_until_it_answers(bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    with temporary_settings({PREFECT_API_URL: gone}):
        report = freshness()
    assert "does not answer" in report.problems[0]
    assert find_incident(bucket, "prefect", Kind.FAILED)
    freshness()
    assert find_incident(bucket, "prefect", Kind.FAILED) is None


def test_the_look_runs_as_a_flow_and_a_look_that_failed_is_told_until_one_completes(
    bucket: FolderBucket, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(bucket, "gfs", 1, NOW - timedelta(hours=6), datetime.now(UTC))
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", f"{sink.url} slack://example.com")
        assert freshness.prefect(return_state=True).is_failed()
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        state = freshness.prefect(return_state=True)
    assert state.is_completed()
    assert state.message
    assert "gfs" in state.message
    facts = [fact for told in sink.told for fact in told["incidents"] if fact["model"] == "freshness"]
    assert [fact["state"] for fact in facts] == ["failed", "recovered"]
    assert "slack:// takes the three tokens" in facts[0]["reason"]


def test_a_worker_tells_of_a_crash_in_the_process_that_prefect_starts_for_it(
    bucket: FolderBucket, prefect_server: Any, tmp_path: Path
) -> None:
    import prefect
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import Crashed

    root = Path(__file__).parents[2]
    told = {
        "manifest": json.dumps({"runtime_entrypoint": "flows/gfs.py:gfs.prefect", "working_directory": str(root)}),
        "run": FlowRun(flow_id=uuid4(), name="lost").model_dump_json(),
        "state": Crashed(message="Flow run process exited with status code -9").model_dump_json(),
    }
    for name, text in told.items():
        (tmp_path / name).write_text(text)
    bootstrap = Path(prefect.__file__).parent / "runner" / "_workspace_runtime_bootstrap.py"
    command = [sys.executable, bootstrap, "hook", "crashed", *(tmp_path / name for name in told)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert "Error" not in done.stderr
    assert done.returncode == 0
    assert find_incident(bucket, "gfs", Kind.CRASHED) is not None
