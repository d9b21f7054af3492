"""`windlass bootstrap` on a real server: twice is once, half is healed, on every kind of pool."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from deployments.commands.bootstrap import summary
from flows.models import model_names
from tests.deployments.bootstrap.known import done, everything

ROOT = Path(__file__).parents[3]


def test_a_second_run_changes_nothing_and_heals_what_was_changed_by_hand(client: Any) -> None:
    from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, VariableUpdate
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.events.schemas.automations import AutomationCore

    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    told: list[Any] = []
    first = bootstrap(client, local_wanted(), told.append)
    assert told == first
    assert all(change.did == "created" for change in first)
    kinds = list(dict.fromkeys(change.kind for change in first))
    assert kinds == ["work pool", "work queue", "variable", "deployment", "automation"]
    known = everything(client)
    gfs = client.read_deployment_by_name("gfs/gfs")
    assert (gfs.work_pool_name, gfs.work_queue_name) == ("windlass", "heavy")
    assert gfs.global_concurrency_limit.limit == 1
    assert gfs.concurrency_options.collision_strategy == "ENQUEUE"
    assert gfs.pull_steps == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "{{ prefect.variables.windlass_code }}"}}
    ]

    second = bootstrap(client, local_wanted(), told.append)
    assert summary(second)[-1] == "Nothing to do: everything is as it should be."
    assert everything(client) == known

    # Somebody's hands: what is wrong is put right, what an operator may decide stays.
    ifs = client.read_deployment_by_name("ifs/ifs")
    by_slug = {row.slug: row for row in ifs.schedules}
    client.update_deployment_schedule(ifs.id, by_slug["long-cycles"].id, schedule=CronSchedule(cron="0 1 * * *"))
    client.update_deployment_schedule(ifs.id, by_slug["short-cycles"].id, active=False)
    wrong = DeploymentScheduleCreate(schedule=CronSchedule(cron="* * * * *"), slug="by-hand")
    client.create_deployment_schedules(ifs.id, [wrong])
    client.update_deployment(gfs.id, DeploymentUpdate(tags=["mine"], concurrency_limit=3))
    client.delete_resource_owned_automations(f"prefect.deployment.{gfs.id}")
    client.update_variable(VariableUpdate(name="windlass_code", value="/elsewhere"))
    client.update_work_queue(client.read_work_queue_by_name("heavy", "windlass").id, concurrency_limit=7, priority=5)
    automations = {automation.name: automation for automation in client.read_automations(limit=200)}
    client.pause_automation(automations["windlass: nobody looks"].id)
    twin = automations["windlass: pool ready"].model_dump(mode="json", exclude={"id", "owner_resource"})
    client.create_automation(AutomationCore.model_validate(twin))
    client.delete_automation(automations["windlass: run silent"].id)
    client.delete_deployment(client.read_deployment_by_name("prune/prune").id)
    healed = bootstrap(client, local_wanted(), told.append)
    assert done(healed) == {
        "windlass/heavy": "updated priority",
        "windlass_code": f"updated /elsewhere -> {ROOT}",
        "gfs/gfs": "updated tags, concurrency_limit, triggers",
        "ifs/ifs": "updated schedule by-hand removed, schedule long-cycles",
        "prune/prune": "created 35 3 * * *",
        "windlass: pool ready": "removed",
        "windlass: run silent": "created",
    }
    assert client.read_work_queue_by_name("heavy", "windlass").concurrency_limit == 7
    details = {change.name: change.detail for change in bootstrap(client, local_wanted(), told.append)}
    assert details["ifs/ifs"] == "paused"
    assert details["windlass: nobody looks"] == "disabled"
    there = {row.slug: row for row in client.read_deployment_by_name("ifs/ifs").schedules}
    assert not there["short-cycles"].active
    # Put right, not made anew.
    assert {slug: row.id for slug, row in there.items()} == {slug: row.id for slug, row in by_slug.items()}


def test_what_was_broken_off_anywhere_is_made_up_for(client: Any, tidy: Callable[[], None], few: Path) -> None:
    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    class Killed(BaseException):
        pass

    whole = bootstrap(client, local_wanted(few), lambda change: None)
    for number in (1, 3, 7, len(whole) - 1):
        tidy()
        left = number

        def kill(change: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        with pytest.raises(Killed):
            bootstrap(client, local_wanted(few), kill)
        healed = bootstrap(client, local_wanted(few), lambda change: None)
        assert [change.did for change in healed] == ["unchanged"] * number + ["created"] * (len(whole) - number)
        assert [change.name for change in healed] == [change.name for change in whole]


def test_two_pools_by_the_environment_and_no_deployment_without_its_pool(
    client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate

    from deployments.bootstrap.declared import NotDeclared
    from deployments.bootstrap.pools import WrongPool
    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    monkeypatch.setenv("WINDLASS_POOL_LIGHT", "small")
    monkeypatch.setenv("WINDLASS_POOL_HEAVY", "big")
    monkeypatch.setenv("WINDLASS_CODE_DIR", "/opt/windlass")
    bootstrap(client, local_wanted(), lambda change: None)
    pools = {row.name: (row.work_pool_name, row.work_queue_name) for row in client.read_deployments()}
    assert pools == {name: ("big", "heavy") for name in model_names()} | {
        name: ("small", "light") for name in ("freshness", "sync-check", "prune")
    }
    assert client.read_variable_by_name("windlass_code").value == "/opt/windlass"
    heartbeat = client.read_work_pool("big").base_job_template["variables"]["properties"]["env"]["default"]
    assert heartbeat == {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}

    # A pool of another type is not taken over, and a file that cannot be read changes nothing.
    client.create_work_pool(WorkPoolCreate(name="theirs", type="docker"))
    monkeypatch.setenv("WINDLASS_POOL_LIGHT", "theirs")
    with pytest.raises(WrongPool, match="'theirs' exists and is of type docker, not process"):
        bootstrap(client, local_wanted(), lambda change: None)
    known = everything(client)
    monkeypatch.setenv("WINDLASS_POOL_LIGHT", "nowhere")
    for text in ("deployments: [", "pull: []\ndeployments: [{name: gfs}]"):
        (tmp_path / "prefect.yaml").write_text(text)
        with pytest.raises(NotDeclared, match="is not as bootstrap needs it"):
            bootstrap(client, local_wanted(tmp_path / "prefect.yaml"), lambda change: None)
    assert everything(client) == known


def test_the_same_deployments_on_ecs_pools(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.client.schemas.actions import WorkPoolUpdate

    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import ecs_wanted
    from deployments.ecs.pools import pool_templates
    from deployments.ecs.settings import EcsSettings

    monkeypatch.setenv("WINDLASS_BUCKET", "a folder")
    with pytest.raises(ValueError, match="a task on ECS publishes to a bucket"):
        ecs_wanted()
    monkeypatch.setenv("WINDLASS_BUCKET", "s3://weather/runs")
    monkeypatch.setenv("WINDLASS_POOL_LIGHT", "beside")
    bootstrap(client, ecs_wanted(), lambda change: None)
    templates = pool_templates(EcsSettings())
    pools = {pool.name: pool for pool in client.read_work_pools()}
    assert {name: pool.type for name, pool in pools.items()} == dict.fromkeys(templates, "ecs") | {"beside": "process"}
    assert {name: pools[name].base_job_template for name in templates} == templates
    # What differs is the pool alone.
    rows = {row.name: (row.work_pool_name, row.work_queue_name, row.job_variables) for row in client.read_deployments()}
    assert rows == {name: ("windlass-medium", "heavy", {}) for name in model_names()} | {
        name: ("beside", "light", {}) for name in ("freshness", "sync-check", "prune")
    }
    assert client.read_work_queue_by_name("heavy", "windlass-medium").concurrency_limit is None
    assert client.read_variable_by_name("windlass_code").value == "/opt/windlass"
    assert done(bootstrap(client, ecs_wanted(), lambda change: None)) == {}

    # The capacity strategy is said in one place: a hand in the server's copy does not last.
    hand = deepcopy(templates["windlass-medium"])
    hand["job_configuration"]["task_run_request"]["capacityProviderStrategy"] = [{"capacityProvider": "FARGATE_SPOT"}]
    client.update_work_pool("windlass-medium", WorkPoolUpdate(base_job_template=hand))
    assert done(bootstrap(client, ecs_wanted(), lambda change: None)) == {"windlass-medium": "updated template"}
