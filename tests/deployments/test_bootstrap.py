"""`windlass bootstrap` on a real server: twice is once, half is healed, and what the server then notices by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest

from deployments.commands.bootstrap import summary
from flows.models import model_names

ROOT = Path(__file__).parents[2]
Webhook = Callable[[int], AbstractContextManager[tuple[str, list[bytes]]]]


@pytest.fixture
def client(prefect_server: object, tidy: Callable[[], None]) -> Iterator[Any]:
    """A client of a server that knows nothing yet."""
    from prefect import get_client

    tidy()
    with get_client(sync_client=True) as client:
        yield client
    tidy()


def everything(client: Any) -> dict[str, Any]:
    """What a server knows, as plain data without times."""
    deployments = client.read_deployments()
    found = {
        "pools": client.read_work_pools(),
        "queues": [queue for pool in client.read_work_pools() for queue in client.read_work_queues(pool.name)],
        "variables": client.read_variables(),
        "deployments": deployments,
        "schedules": [schedule for deployment in deployments for schedule in deployment.schedules],
        "automations": client.read_automations(limit=200),
        "blocks": client.read_block_documents(limit=200),
    }
    volatile = {"updated", "created", "last_polled", "status", "ready", "slug", "global_concurrency_limit"}
    return {
        kind: sorted((row.model_dump(mode="json", exclude=volatile) for row in rows), key=lambda row: row["id"])
        for kind, rows in found.items()
    }


def done(changes: Any) -> dict[str, str]:
    """What was not left as it was: the name, and what was done."""
    return {change.name: f"{change.did} {change.detail}".strip() for change in changes if change.did != "unchanged"}


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


def test_what_was_broken_off_anywhere_is_made_up_for(client: Any, tidy: Callable[[], None]) -> None:
    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    class Killed(BaseException):
        pass

    whole = bootstrap(client, local_wanted(), lambda change: None)
    for number in (1, 3, 7, len(whole) - 1):
        tidy()
        left = number

        def kill(change: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        with pytest.raises(Killed):
            bootstrap(client, local_wanted(), kill)
        healed = bootstrap(client, local_wanted(), lambda change: None)
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


def test_the_server_itself_tells_at_every_address_that_nobody_works(
    client: Any, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.events import emit_event

    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    with webhook(200) as (url, told), webhook(200) as (other, by_apprise):
        # A webhook's address holds a token; the second one is Apprise's.
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", f"{url}, {other.replace('http://', 'json://')}")
        changes = bootstrap(client, local_wanted(), lambda change: None)
        assert done(change for change in changes if change.kind == "block") == {
            "windlass-notify-1": "created custom-webhook",
            "windlass-notify-2": "created slack-webhook",
        }
        assert done(bootstrap(client, local_wanted(), lambda change: None)) == {}
        blocks = client.read_block_documents(limit=200, include_secrets=False)
        shown = json.dumps([document.model_dump(mode="json") for document in blocks])
        assert url not in shown
        assert other.removeprefix("http") not in shown
        pool = client.read_work_pool("windlass")
        resource = {"prefect.resource.id": f"prefect.work-pool.{pool.id}", "prefect.resource.name": pool.name}
        never = Event()
        for tick in range(600):
            if tick % 100 == 0:
                # On SQLite a server loses one of two events of the same moment to "database is locked".
                emit_event("prefect.work-pool.not-ready", resource)
            if told and by_apprise:
                break
            never.wait(0.1)
        assert told
        assert by_apprise
        assert json.loads(told[0])["text"].startswith("windlass: work pool windlass has no worker\nWhat is published")
        assert json.loads(by_apprise[0])["title"] == "windlass: work pool windlass has no worker"

        # An address that is given up: first nothing names its block any more, then it goes.
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", url)
        fewer = done(bootstrap(client, local_wanted(), lambda change: None))
        assert fewer["windlass-notify-2"] == "removed"
        assert fewer["windlass: pool not ready"] == "updated actions"
        assert done(bootstrap(client, local_wanted(), lambda change: None)) == {}


def test_every_state_of_a_run_is_a_sign_of_life_and_the_teller_never_starts_itself() -> None:
    """A list of states that lacks AwaitingRetry takes a run that waits for its retry for dead (tried with 3.8.8)."""
    from prefect.server.events.schemas.automations import EventTrigger as ServersTrigger
    from prefect.server.events.schemas.events import ReceivedEvent

    from deployments.bootstrap.alarms import SILENCE, alarms
    from deployments.bootstrap.pools import HEARTBEAT_SECONDS

    triggers = {
        alarm.name.removeprefix("windlass: "): ServersTrigger.model_validate(alarm.trigger.model_dump(mode="json"))
        for alarm in alarms(uuid4(), ["windlass"], [])
    }
    assert timedelta(seconds=3 * HEARTBEAT_SECONDS) <= SILENCE == triggers["run silent"].within

    def event(state: str, flow: str, *tags: str) -> ReceivedEvent:
        related = [{"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"} for tag in tags]
        related.append(
            {"prefect.resource.id": "prefect.flow.1", "prefect.resource.role": "flow", "prefect.resource.name": flow}
        )
        resource = {"prefect.resource.id": "prefect.flow-run.1"}
        return ReceivedEvent(
            occurred=datetime.now(UTC),
            event=f"prefect.flow-run.{state}",
            resource=resource,
            related=related,
            id=uuid4(),
        )

    silent = triggers["run silent"]
    assert silent.starts_after("prefect.flow-run.heartbeat")
    waiting = ("AwaitingRetry", "Scheduled", "Pending", "Paused", "Suspended", "AwaitingConcurrencySlot", "Late")
    others = ("heartbeat", "Running", "Retrying", "Resuming", "Cancelling", "Cancelled", "Completed", "NoNewRun")
    for state in (*waiting, *others, "Failed", "TimedOut", "Crashed"):
        told = event(state, "gfs", "windlass", "model:gfs")
        assert silent.covers(told), state
        assert silent.expects(told.event), state
    # Somebody's own runs are nobody's business.
    assert not any(trigger.covers(event("Crashed", "gfs")) for trigger in triggers.values())

    ended, late = triggers["run ended badly"], triggers["run late"]
    for state in ("Failed", "Crashed", "TimedOut"):
        assert ended.covers(event(state, "gfs", "windlass")), state
        assert ended.covers(event(state, "prune", "windlass", "chore")), state
        assert not ended.covers(event(state, "freshness", "windlass", "chore")), state
    assert late.covers(event("Late", "gfs", "windlass"))
    assert not late.covers(event("Late", "freshness", "windlass", "chore"))
    assert not triggers["chore outdated"].covers(event("Late", "gfs", "windlass"))
    assert triggers["chore outdated"].covers(event("Late", "freshness", "windlass", "chore"))


def test_a_silent_run_is_crashed_and_freshness_is_started(client: Any) -> None:
    from prefect.events.clients import get_events_subscriber
    from prefect.events.filters import EventFilter, EventNameFilter
    from prefect.events.schemas.events import Event as PrefectEvent
    from prefect.states import Running

    from deployments.bootstrap.alarms import TAG, alarms
    from deployments.bootstrap.automations import ensure_automations
    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    bootstrap(client, local_wanted(), lambda change: None)
    gfs = client.read_deployment_by_name("gfs/gfs")
    teller = client.read_deployment_by_name("freshness/freshness")
    # The silence of minutes is one of seconds here.
    quick = list(ensure_automations(client, alarms(teller.id, ["windlass"], [], timedelta(seconds=10)), TAG))
    assert done(quick) == {"windlass: run silent": "updated trigger"}

    def begun() -> UUID:
        """A running flow run that gave one sign of life, as Prefect's engine does."""
        run = client.create_flow_run_from_deployment(gfs.id)
        client.set_flow_run_state(run.id, Running(), force=True)
        tags = [{"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"} for tag in gfs.tags]
        flow = {"prefect.resource.id": f"prefect.flow.{gfs.flow_id}", "prefect.resource.role": "flow"}
        heartbeat = PrefectEvent(
            event="prefect.flow-run.heartbeat",
            resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"},
            related=[{**flow, "prefect.resource.name": "gfs"}, *tags],
        )
        client.request("POST", "/events", json=[heartbeat.model_dump(mode="json")]).raise_for_status()
        return run.id

    def mine(event: Any) -> bool:
        """A run of freshness that no cron made."""
        if event.event != "prefect.flow-run.Scheduled":
            return False
        run = client.read_flow_run(UUID(event.resource.id.split(".")[-1]))
        return run.deployment_id == teller.id and run.created_by.type == "AUTOMATION"

    async def story() -> None:
        runs: list[UUID] = []
        crashed: set[UUID] = set()
        started = False
        wanted = EventFilter(event=EventNameFilter(name=["prefect.flow-run.Crashed", "prefect.flow-run.Scheduled"]))
        async with get_events_subscriber(filter=wanted) as events:
            # On SQLite the server loses one of two events that come at the same moment to "database is locked".
            while not (crashed and started) and len(runs) < 5:
                runs.append(begun())
                try:
                    async with asyncio.timeout(30):
                        while not (crashed and started):
                            event = await anext(events)
                            if event.event == "prefect.flow-run.Crashed":
                                crashed |= {run for run in runs if str(run) in event.resource.id}
                            started |= mine(event)
                except TimeoutError:
                    continue
        assert crashed
        assert started
        (message,) = {client.read_flow_run(run).state.message for run in crashed}
        assert message == "no sign of life: its process or its machine is gone"

    asyncio.run(story())
