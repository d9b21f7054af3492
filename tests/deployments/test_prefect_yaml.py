"""prefect.yaml in step with the models and chores, and what Prefect's own `deploy --all` makes of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import yaml

from deployments.watch.tellers import EVENT
from flows.freshness import CHORES
from flows.models import file_of, flow_named, model_names

ROOT = Path(__file__).parents[2]
ENTRIES = {row["name"]: row for row in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
DAY = datetime(2026, 4, 20, tzinfo=UTC)


def test_every_model_and_every_chore_has_its_entry_and_every_entry_its_flow() -> None:
    from prefect.flows import load_flow_from_entrypoint

    assert sorted(ENTRIES) == sorted([*model_names(), *CHORES])
    for name, entry in ENTRIES.items():
        function = name.replace("-", "_")
        file = file_of(name) if name in model_names() else function
        assert entry["entrypoint"] == f"flows/{file}.py:{function}.prefect"
        assert load_flow_from_entrypoint(str(ROOT / entry["entrypoint"])).name == name
        assert entry["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
        assert all(re.fullmatch(r"[a-z-]+", row["slug"]) and row["timezone"] == "UTC" for row in entry["schedules"])
        model = name in model_names()
        assert entry["tags"] == ["windlass", f"model:{name}" if model else "chore"]
        assert entry["work_pool"]["work_queue_name"] == ("heavy" if model else "light")
        # What `windlass watch` emits.
        watched = [{"match": {"prefect.resource.id": f"windlass.model.{name}"}, "expect": [EVENT]}]
        triggers = [{key: row[key] for key in ("match", "expect")} for row in entry.get("triggers", ())]
        assert triggers == (watched if model else [])


def firings(cron: str) -> list[datetime]:
    """When a model's cron fires on DAY and the two days after it."""
    minutes, hours, *rest = cron.split()
    assert rest == ["*", "*", "*"]
    every_hour = range(24) if hours == "*" else map(int, hours.split(","))
    clock = [timedelta(hours=hour, minutes=int(minute)) for hour in every_hour for minute in minutes.split(",")]
    return [DAY + timedelta(days=day) + time for day in range(3) for time in clock]


@pytest.mark.parametrize("name", model_names())
def test_the_cron_is_the_safety_net_of_every_cycle(name: str) -> None:
    """Once a run: when its last lead has landed, while it is waited for, and before the data served is due."""
    model = flow_named(name).model
    cycle = timedelta(days=1) / sum(cycle.runs for cycle in model.cycles)
    fired = [firing for row in ENTRIES[name]["schedules"] for firing in firings(row["cron"])]
    assert len(fired) == timedelta(days=3) / cycle
    for init_time in model.init_times(DAY + timedelta(days=2, minutes=-1), timedelta(days=1) // cycle):
        last = model.leads(init_time)[-1]
        landed, given_up = model.arrives(init_time, last), model.deadline(init_time, last)
        due = init_time + timedelta(minutes=model.freshness.due_after) - cycle
        assert len([firing for firing in fired if landed <= firing <= min(due, given_up)]) == 1


def test_the_environment_file_says_what_prefect_understands() -> None:

    lines = (ROOT / "deployments" / "prefect.env").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    code = (
        "from prefect.settings import get_current_settings; import json; settings = get_current_settings();"
        "print(json.dumps([settings.to_environment_variables(exclude_unset=True),"
        "sorted(settings.server.services.db_vacuum.enabled_vacuum_types),"
        "settings.server.services.db_vacuum.retention_period.days]))"
    )
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}, **told}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    understood, vacuum, days = yaml.safe_load(run.stdout)
    assert {name for name in told if name.startswith("PREFECT_")} <= set(understood)
    assert ({"events", "flow_runs"} <= set(vacuum), days) == (True, 21)


@pytest.fixture(scope="module")
def deployed(
    prefect_server: Any, tidy: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """prefect.yaml with GFS due every minute, deployed by Prefect's own command; deployments by name."""
    from prefect import get_client

    from deployments.bootstrap.pools import ensure_pool
    from deployments.bootstrap.variables import ensure_variable
    from deployments.bootstrap.wanted import local_wanted

    with_cron = tmp_path_factory.mktemp("deploy") / "prefect.yaml"
    text = (ROOT / "prefect.yaml").read_text()
    assert text.count('"20 5,11,17,23 * * *"') == 1
    with_cron.write_text(text.replace('"20 5,11,17,23 * * *"', '"* * * * *"'))
    wanted = local_wanted()
    with get_client(sync_client=True) as client:
        for pool in wanted.pools:
            list(ensure_pool(client, pool))
        for name, value in wanted.variables.items():
            ensure_variable(client, name, value)
        run = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(with_cron)],
            cwd=ROOT,
            env=prefect_server.env,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        yield {deployment.name: deployment for deployment in client.read_deployments()}
    tidy()


def test_bootstrap_agrees_with_prefects_own_deploy(deployed: dict[str, Any]) -> None:
    from prefect import get_client

    from deployments.bootstrap.change import Did
    from deployments.bootstrap.declared import read_declared
    from deployments.bootstrap.deploy import ensure_deployment

    declared = read_declared(
        ROOT / "prefect.yaml", {"windlass_pool_light": "windlass", "windlass_pool_heavy": "windlass"}
    )
    assert sorted(deployed) == sorted(ENTRIES) == sorted(row.name for row in declared)
    others = [row for row in declared if row.name != "gfs"]
    with get_client(sync_client=True) as client:
        changes = [ensure_deployment(client, row) for row in others]
    assert [(change.name, change.did) for change in changes] == [(row.full_name, Did.UNCHANGED) for row in others]


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
