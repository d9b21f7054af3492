"""The commands of "Under Prefect" as they are printed, against a real server: one run of GFS, from mirror to bucket."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.folder import FolderBucket
from storage.manifest import read_manifest

ROOT = Path(__file__).parents[2]


def printed() -> list[str]:
    """The lines of the shell blocks of the section, without their comments."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = text.split("\n## Under Prefect\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+#.*", "", line) for block in blocks for line in block.splitlines()]


@pytest.fixture
def shell(prefect_server: Any, windlass: Any) -> Callable[..., dict[str, Any]]:
    """shell(line, ...): what subprocess needs to run a line in the test's folders and against the test's server."""

    def shell(environment: str, line: str, *arguments: str) -> dict[str, Any]:
        told = f"export PREFECT_API_URL={prefect_server.url}"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {**windlass.env, "PREFECT_HOME": prefect_server.env["PREFECT_HOME"], "PATH": path}
        script = f'{environment}\n{told}\nexec {line} "$@"'
        return {"args": ["bash", "-c", script, "bash", *arguments], "cwd": ROOT, "env": env, "text": True}

    return shell


def test_the_printed_commands_bring_a_run_from_a_mirror_to_the_bucket(
    prefect_server: Any, tidy: Callable[[], None], shell: Any, windlass: Any, runs: Path
) -> None:
    from prefect import get_client

    environment, server, bootstrap, worker, start = printed()
    assert server == "prefect server start"
    assert (bootstrap, worker) == ("windlass bootstrap", "prefect worker start --pool windlass")
    request = {"mirror": str(runs), "leads": "0-2", "now": "2026-04-20T12:00Z"}
    tidy()
    try:
        first = subprocess.run(**shell(environment, bootstrap), capture_output=True)
        assert first.returncode == 0, first.stderr
        assert "deployment gfs/gfs: created" in first.stderr
        with get_client(sync_client=True) as client:
            # What comes by the clock meanwhile is not this test's.
            for deployment in client.read_deployments():
                client.pause_deployment(deployment.id)
        log = windlass.home / "worker.log"
        windlass.home.mkdir(exist_ok=True)
        with log.open("w") as output:
            working = subprocess.Popen(**shell(environment, worker), stdout=output, stderr=output)
        try:
            asked = shell(environment, start, "--param", f"request={json.dumps(request)}")
            run = subprocess.run(**asked, capture_output=True)
            assert run.returncode == 0, run.stdout + run.stderr + log.read_text()
            family = [psutil.Process(working.pid), *psutil.Process(working.pid).children(recursive=True)]
            working.send_signal(signal.SIGTERM)
            working.wait(timeout=60)
            _, alive = psutil.wait_procs(family, timeout=30)
            assert alive == []
        finally:
            working.kill()
            working.wait()
        manifest = read_manifest(FolderBucket(windlass.bucket), "gfs")
        assert manifest is not None
        assert (manifest.init_time, manifest.leads) == (datetime(2026, 4, 20, 6, tzinfo=UTC), 3)
        with get_client(sync_client=True) as client:
            gfs = client.read_deployment_by_name("gfs/gfs")
            (done,) = [run for run in client.read_flow_runs() if run.deployment_id == gfs.id and run.start_time]
        assert (done.name, done.state.name) == ("gfs 2026-04-20T06Z", "Completed")
        assert sorted(done.tags) == ["model:gfs", "windlass"]
        assert [path.name for path in (windlass.work / "gfs").iterdir()] == [".lock"]
        # Once more: nothing changes, and what an operator paused stays so.
        again = subprocess.run(**shell(environment, bootstrap), capture_output=True)
        assert again.returncode == 0, again.stderr
        assert again.stdout.rstrip().endswith("Nothing to do: everything is as it should be.")
        assert "deployment gfs/gfs: unchanged (paused)" in again.stderr
    finally:
        tidy()
