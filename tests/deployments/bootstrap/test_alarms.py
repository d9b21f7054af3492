"""What a server notices by itself once bootstrap has taught it: nobody works, a run is silent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.deployments.bootstrap.known import done

Webhook = Callable[[int], AbstractContextManager[tuple[str, list[bytes]]]]


def test_the_server_itself_tells_at_every_address_that_nobody_works(
    client: Any, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, few: Path
) -> None:
    from prefect.events import emit_event

    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    with webhook(200) as (url, told), webhook(200) as (other, by_apprise):
        # A webhook's address holds a token; the second one is Apprise's.
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", f"{url}, {other.replace('http://', 'json://')}")
        changes = bootstrap(client, local_wanted(few), lambda change: None)
        assert done(change for change in changes if change.kind == "block") == {
            "windlass-notify-1": "created custom-webhook",
            "windlass-notify-2": "created slack-webhook",
        }
        assert done(bootstrap(client, local_wanted(few), lambda change: None)) == {}
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
        fewer = done(bootstrap(client, local_wanted(few), lambda change: None))
        assert fewer["windlass-notify-2"] == "removed"
        assert fewer["windlass: pool not ready"] == "updated actions"
        assert done(bootstrap(client, local_wanted(few), lambda change: None)) == {}


def test_every_state_of_a_run_is_a_sign_of_life_and_the_teller_never_starts_itself() -> None:
    """A list of states that lacks AwaitingRetry takes a run that waits for its retry for dead (tried with 3.8.8)."""
    from prefect.server.events.schemas.automations import EventTrigger as ServersTrigger
    from prefect.server.events.schemas.events import ReceivedEvent

    from deployments.bootstrap.alarms import Windows, alarms
    from deployments.bootstrap.pools import HEARTBEAT_SECONDS

    triggers = {
        alarm.name.removeprefix("windlass: "): ServersTrigger.model_validate(alarm.trigger.model_dump(mode="json"))
        for alarm in alarms(uuid4(), ["windlass"], [])
    }
    assert timedelta(seconds=3 * HEARTBEAT_SECONDS) <= Windows().silence == triggers["run silent"].within

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


def test_a_silent_run_is_crashed_and_freshness_is_started(client: Any, few: Path) -> None:
    from prefect.events.clients import get_events_subscriber
    from prefect.events.filters import EventFilter, EventNameFilter
    from prefect.events.schemas.events import Event as PrefectEvent
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Running

    from deployments.bootstrap.alarms import TAG, Windows, alarms
    from deployments.bootstrap.automations import ensure_automations
    from deployments.bootstrap.run import bootstrap
    from deployments.bootstrap.wanted import local_wanted

    bootstrap(client, local_wanted(few), lambda change: None)
    gfs = client.read_deployment_by_name("gfs/gfs")
    teller = client.read_deployment_by_name("freshness/freshness")
    # The silence of minutes is one of seconds here.
    quick = list(
        ensure_automations(client, alarms(teller.id, ["windlass"], [], Windows(silence=timedelta(seconds=10))), TAG)
    )
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
        try:
            run = client.read_flow_run(UUID(event.resource.id.split(".")[-1]))
        except ObjectNotFound:
            # Of a deployment that is gone, told late.
            return False
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
