"""The README's commands that make runs come by themselves, as they are printed: from mirror to bucket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from deployments.children import die_with_parent
from flows.models import model_names
from storage.folder import FolderBucket
from storage.manifest import read_manifest
from tests.fixtures.prefect import PrefectServer
from tests.fixtures.printed import ROOT, by_themselves, here, shell_lines
from tests.fixtures.yard import family_of, kill, until


@pytest.fixture
def shell(prefect_server: PrefectServer, windlass: Any) -> Callable[..., dict[str, Any]]:
    """shell(line, ...): what subprocess needs to run a line in the test's folders and against the test's server."""

    def shell(line: str, *arguments: str) -> dict[str, Any]:
        environment, *_ = by_themselves()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {**windlass.env, "PREFECT_HOME": str(prefect_server.home), "PATH": path}
        script = f'{environment}\nexport PREFECT_API_URL={prefect_server.url}\nexec {here(line)} "$@"'
        return {"args": ["bash", "-c", script, "bash", *arguments], "cwd": ROOT, "env": env, "text": True}

    return shell


def test_the_readme_and_the_operator_s_guide_print_the_same_commands() -> None:
    shorter = [line.replace(".venv/bin/", "") for line in shell_lines("README.md", "To have runs come by themselves")]
    environment, server, bootstrap, worker, watch = shorter
    assert shell_lines("docs/operations.md", "## Under Prefect") == [environment, server, bootstrap, worker]
    assert watch in shell_lines("docs/operations.md", "## Watching")


def test_the_printed_commands_bring_a_run_from_a_mirror_to_the_bucket(
    prefect_server: PrefectServer, tidy: Callable[[], None], shell: Any, windlass: Any, runs: Path
) -> None:
    """The server was started by the first two of them."""
    from prefect import get_client

    _, _, bootstrap, worker, watch = by_themselves()
    (start,) = shell_lines("docs/operations.md", "At once, instead of at its next cycle")
    request = {"mirror": str(runs), "leads": "0-2", "now": "2026-04-20T12:00Z"}
    windlass.home.mkdir(exist_ok=True)
    logs = {name: windlass.home / f"{name}.log" for name in ("worker", "watch")}
    tidy()
    began: list[subprocess.Popen[str]] = []
    try:
        with logs["worker"].open("w") as worker_log, logs["watch"].open("w") as watch_log:
            # They start beside bootstrap, as in terminals of their own: a worker waits for its pool.
            first = subprocess.Popen(**shell(bootstrap), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            began.append(first)
            # The real mirrors are nobody's in a test.
            for log, *line in ((worker_log, worker), (watch_log, watch, "--mirror", str(runs))):
                options = {**shell(*line), "stdout": log, "stderr": log, "preexec_fn": die_with_parent}
                began.append(subprocess.Popen(**options))
            _, said = first.communicate()
            assert first.returncode == 0, said
            assert "deployment gfs/gfs: created" in said
            with get_client(sync_client=True) as client:
                # What comes by the clock meanwhile is not this test's.
                for deployment in client.read_deployments():
                    client.pause_deployment(deployment.id)
            asked = subprocess.run(
                **shell(start, "--param", f"request={json.dumps(request)}"), capture_output=True, timeout=300
            )
            assert asked.returncode == 0, asked.stdout + asked.stderr + logs["worker"].read_text()
            watching = f"watching {', '.join(model_names())} for {windlass.bucket}"
            until(lambda: watching in logs["watch"].read_text(), watching)
            family = [one for process in began[1:] for one in family_of(process)]
            for process in began[1:]:
                process.send_signal(signal.SIGTERM)
            _, alive = psutil.wait_procs(family, timeout=60)
            assert alive == []
            assert [process.wait() for process in began[1:]] == [0, 0]
        manifest = read_manifest(FolderBucket(windlass.bucket), "gfs")
        assert manifest is not None
        assert (manifest.init_time, manifest.leads) == (datetime(2026, 4, 20, 6, tzinfo=UTC), 3)
        with get_client(sync_client=True) as client:
            gfs = client.read_deployment_by_name("gfs/gfs")
            (done,) = [run for run in client.read_flow_runs() if run.deployment_id == gfs.id and run.start_time]
        assert (done.name, done.state.name) == ("gfs 2026-04-20T06Z", "Completed")
        assert sorted(done.tags) == ["model:gfs", "windlass"]
        assert [path.name for path in (windlass.work / "gfs").iterdir()] == [".lock"]
    finally:
        for process in began:
            kill(family_of(process))
            process.wait()
        tidy()
