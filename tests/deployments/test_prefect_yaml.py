"""What `prefect deploy --all` makes of prefect.yaml, and that the server's scheduler acts on it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import yaml

from flows.models import model_names

ROOT = Path(__file__).parents[2]
ENTRY = re.compile(r"flows/(\w+)\.py:(\w+)\.prefect")


def test_every_model_has_its_entry_and_every_entry_its_flow() -> None:
    from prefect.flows import load_flow_from_entrypoint

    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert sorted(entry["name"] for entry in entries) == model_names()
    for entry in entries:
        match = ENTRY.fullmatch(entry["entrypoint"])
        assert match
        assert set(match.groups()) == {entry["name"]}
        flow = load_flow_from_entrypoint(str(ROOT / entry["entrypoint"]))
        assert flow.name == entry["name"]
        assert all(schedule["slug"] and schedule["timezone"] == "UTC" for schedule in entry["schedules"])


@pytest.fixture(scope="module")
def deployed(prefect_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """prefect.yaml with GFS due every minute, deployed by Prefect's own command; deployments by name."""
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    with_cron = tmp_path_factory.mktemp("deploy") / "prefect.yaml"
    text = (ROOT / "prefect.yaml").read_text()
    assert text.count('"20 5,11,17,23 * * *"') == 1
    with_cron.write_text(text.replace('"20 5,11,17,23 * * *"', '"* * * * *"'))
    env = {**prefect_server.env, "PWD": str(ROOT)}
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name="windlass", type="process"))
        run = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(with_cron)],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        yield {deployment.name: deployment for deployment in client.read_deployments()}
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)


def test_deployments_land_as_they_are_written(deployed: dict[str, Any]) -> None:
    assert sorted(deployed) == model_names()
    for name, deployment in deployed.items():
        assert deployment.entrypoint == f"flows/{name}.py:{name}.prefect"
        assert deployment.work_pool_name == "windlass"
        assert deployment.global_concurrency_limit.limit == 1
        assert deployment.concurrency_options.collision_strategy == "ENQUEUE"
        assert deployment.tags == [f"model:{name}"]
        (step,) = deployment.pull_steps
        assert step == {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
        assert deployment.job_variables == {}
    crons = {schedule.slug: schedule.schedule.cron for schedule in deployed["ifs"].schedules}
    assert crons == {"long-cycles": "40 7,19 * * *", "short-cycles": "40 0,12 * * *"}


def test_a_cron_of_one_minute_really_gets_scheduled_runs(deployed: dict[str, Any]) -> None:
    """With sqlalchemy 2.1 everything looks healthy and no run is ever scheduled."""
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployed["gfs"].id]))
    deadline = monotonic() + 90
    with get_client(sync_client=True) as client:
        while not (runs := client.read_flow_runs(deployment_filter=mine)):
            assert monotonic() < deadline, "the scheduler inserted no run"
    assert all(run.auto_scheduled and run.state.is_scheduled() for run in runs)
    assert len({run.expected_start_time for run in runs}) == len(runs) > 1
