"""`windlass ingest` as people run it: a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from storage.bucket import open_bucket
from storage.manifest import read_manifest

NEXT = datetime(2026, 4, 20, 6, tzinfo=UTC)
NO_PREFECT = """
import sys
from deployments.cli import main
sys.argv[0] = "windlass"
try: main()
finally: assert "prefect" not in sys.modules
"""

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def command(windlass: Any) -> Command:
    """command(*arguments): what subprocess needs to run `windlass ingest` on folders of the test."""
    return partial(windlass.command, "ingest")


def run(command: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**command, capture_output=True, stdin=subprocess.DEVNULL)


def test_help_teaches(command: Command) -> None:
    done = run(command("--help"))
    assert done.returncode == 0
    for taught in ("windlass ingest gfs --bbox=-11,35,31,60", "0-120,123-384/3", "--direct", "s3://weather/runs"):
        assert taught in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch"], "there is no model 'nosuch'; models: aifs, gefs, gfs, "),
        (["gfs", "--leads", "x"], "write hours such as 0-120,123-384/3"),
        (["gfs", "--bbox", "1,2,3"], "write W,S,E,N"),
        (["gfs", "--init-time", "2026-04-20T03"], "runs start at 00Z, 06Z, 12Z, 18Z"),
        (["gfs", "--mirror", "/no/such/folder"], "no mirror of gfs (aws, google, nomads)"),
        (["gfs", "--files", "/no/such/file"], "/no/such/file is not a file"),
    ],
)
def test_a_request_without_meaning_is_one_line_and_a_bad_exit(
    command: Command, arguments: list[str], told: str
) -> None:
    done = run(command(*arguments, code=NO_PREFECT))
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_direct_ingests_without_prefect_and_reports_in_json(command: Command, runs: Path, tmp_path: Path) -> None:
    done = run(
        command(
            "gfs", "--mirror", str(runs), "--leads", "0-2", "--now", "2026-04-20T12", "--direct", "--json",
            code=NO_PREFECT,
        )
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["init_time"] == "2026-04-20T06:00:00Z"
    assert report["leads"] == [0, 1, 2]
    assert "to download from folder" in done.stderr
    manifest = read_manifest(open_bucket(str(tmp_path / "bucket")), "gfs")
    assert manifest is not None
    assert manifest.sha256 == report["manifest"]["sha256"]


def test_files_follow_their_option_as_a_shell_writes_them(command: Command, shared_data: Path) -> None:
    files = sorted(map(str, (shared_data / "gfs").glob("gfs.20200804*.poland.grib2")))
    done = run(command("gfs", "--files", *files, "--direct", "--json"))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["leads"] == [0, 6, 12]
    assert report["missing"]


PAUSE_AT = """
import importlib, os, sys
from deployments.cli import main
module, name = os.environ["PAUSE_AT"].rsplit(".", 1)
module = importlib.import_module(module)
verb = getattr(module, name)

def pause(*arguments, **options):
    # The work of the step is done, its result is not used yet.
    result = verb(*arguments, **options)
    print("paused", flush=True)
    sys.stdin.read()
    return result

setattr(module, name, pause)
main()
"""


@pytest.mark.parametrize("verb", ["flows.ingest.gather", "tasks.write.write_store", "tasks.check.check_store"])
def test_killed_at_any_step_the_old_run_stays_and_the_next_one_cleans_up(
    command: Command, published: Any, warm: Any, runs: Path, tmp_path: Path, verb: str
) -> None:
    usual = ["gfs", "--mirror", str(runs), "--leads", "0-2", "--direct"]
    bucket = open_bucket(str(tmp_path / "bucket"))
    before = read_manifest(bucket, "gfs")
    assert before is not None
    pausing = command(*usual, "--init-time", "2026-04-20T06", code=PAUSE_AT, env={"PAUSE_AT": verb})
    with subprocess.Popen(**pausing, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ingest:
        assert ingest.stdout is not None
        assert ingest.stdout.readline() == "paused\n"
        second = warm.begin(published.windlass, "ingest", *usual).wait()
        assert f"gfs is being ingested already by process {ingest.pid}" in second.error
        ingest.send_signal(signal.SIGKILL)
    assert read_manifest(bucket, "gfs") == before
    keys = bucket.list("gfs/")
    assert any((tmp_path / "work" / "gfs" / "20260420T0600Z").rglob("*"))
    done = warm.begin(published.windlass, "ingest", *usual, "--now", "2026-04-20T12").wait()
    assert done.returncode == 0, done.stderr
    after = read_manifest(bucket, "gfs")
    assert after is not None
    assert after.init_time == NEXT
    assert [short.init_time for short in after.history] == [NEXT, before.init_time]
    assert set(bucket.list("gfs/")) == {*keys, after.key, after.history[0].key}
    assert [file.name for file in (tmp_path / "work" / "gfs").iterdir()] == [".lock"]


@pytest.mark.prefect
def test_without_direct_it_is_a_flow_run_on_the_configured_server(
    command: Command, runs: Path, prefect_server: Any
) -> None:
    done = run(
        command(
            "gfs",
            "--mirror",
            str(runs),
            "--leads",
            "0-2",
            "--init-time",
            "2026-04-20T00",
            "--json",
            env=prefect_server.env,
        )
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "published"
    assert "gfs 2026-04-20T00Z" in done.stderr
    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterName

    with get_client(sync_client=True) as client:
        (found,) = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=["gfs 2026-04-20T00Z"]))
        )
        assert found.state.is_completed()
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[found.id]))
        shown = {artifact.key: artifact.data for artifact in client.read_artifacts(artifact_filter=mine)}
    assert set(shown) == {"gfs-run-leads", "gfs-run-map", "gfs-run-result"}
    assert shown["gfs-run-map"].startswith("![2 m temperature")


@pytest.mark.prefect
def test_a_failed_flow_run_is_one_clear_line_and_a_bad_exit(
    command: Command, runs: Path, tmp_path: Path, prefect_server: Any
) -> None:
    done = run(
        command(
            "gfs", "--mirror", str(tmp_path), "--leads", "0-2", "--init-time", "2026-04-20T00", env=prefect_server.env
        )
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error:")
    assert "gfs" in last
    assert "2026-04-20" in last
    assert str(tmp_path) in last


def test_a_server_that_does_not_answer_is_said_at_once(command: Command, runs: Path) -> None:
    done = run(command("gfs", "--mirror", str(runs), env={"PREFECT_API_URL": "http://127.0.0.1:9/api"}))
    assert done.returncode == 1
    assert "the Prefect server at http://127.0.0.1:9/api does not answer" in done.stderr
    assert "--direct" in done.stderr
