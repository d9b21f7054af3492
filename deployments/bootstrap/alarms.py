"""What the Prefect server notices by itself, when neither worker nor flow run can tell any more.

Who is told of a run that failed, crashed or does not begin, the `freshness` flow decides: it knows which incident is
open already. So the server starts it. Of what keeps `freshness` from running the server tells by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import (
    ActionTypes,
    ChangeFlowRunState,
    DoNothing,
    RunDeployment,
    SendNotification,
)
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture, ResourceSpecificationDict
from prefect.events.schemas.events import ResourceSpecification

from deployments.bootstrap.pools import HEARTBEAT_SECONDS

TAG = "windlass"
CHORE = "chore"
TELLER = "freshness"


@dataclass(frozen=True)
class Windows:
    """How long the server waits before it acts.

    `silence`: without a sign of life a flow run is dead. Three heartbeats are too few where all cores are taken.
    `stranded`: a worker that dies between taking a run and starting it leaves it pending for ever, and with it the one
    place that its deployment has (PrefectHQ/prefect#20485). `late`: a run that should have begun. `pause`: between two
    starts of the teller; what else happens meanwhile it sees by itself, or ten minutes later. `blind`: without a
    finished run of the teller nobody measures the age of what is published.
    """

    silence: timedelta = timedelta(seconds=6 * HEARTBEAT_SECONDS)
    stranded: timedelta = timedelta(minutes=15)
    late: timedelta = timedelta(minutes=15)
    pause: timedelta = timedelta(minutes=2)
    blind: timedelta = timedelta(minutes=60)


ANY_SIGN = "prefect.flow-run.*"
"""Every event of a run: heartbeats and every state by its name, the waiting ones (AwaitingRetry, Scheduled, Pending,
AwaitingConcurrencySlot, Paused, Suspended, Late) and our own (NoNewRun) among them. Where a list of names lacks one,
a run that waits for its retry is taken for dead."""

HOURS = "What is published is still served. Nothing new is ingested until this ends."


def alarms(
    teller: UUID, pools: Sequence[str], blocks: Sequence[UUID], windows: Windows = Windows()
) -> list[AutomationCore]:
    """The automations. `teller` is the deployment of the freshness flow, `blocks` get the server's own notices.

    None of them starts a crashed run again: that has no end (Prefect 3.8.8).
    """
    wake: list[ActionTypes] = [
        RunDeployment(source="selected", deployment_id=teller, parameters=None, job_variables=None)
    ]

    def tell(subject: str, body: str) -> list[ActionTypes]:
        told: list[ActionTypes] = [
            SendNotification(block_document_id=block, subject=f"windlass: {subject}", body=body) for block in blocks
        ]
        return told or [DoNothing()]

    return [
        _automation(
            "windlass: run ended badly",
            "A flow run failed or crashed: freshness looks, and tells whom nobody told yet.",
            # The teller's own end would start it again and again.
            _after(
                {"prefect.flow-run.Failed", "prefect.flow-run.TimedOut", "prefect.flow-run.Crashed"},
                windows.pause,
                others=True,
            ),
            wake,
        ),
        _automation(
            "windlass: run silent",
            "A flow run gives no sign of life: it is marked as crashed, so that others may start.",
            _unless({"prefect.flow-run.Running", "prefect.flow-run.heartbeat"}, windows.silence),
            [_end(StateType.CRASHED, "no sign of life: its process or its machine is gone")],
        ),
        _automation(
            "windlass: run stranded",
            "A worker took a flow run and never started it: it is marked as crashed, so that others may start.",
            _unless({"prefect.flow-run.Pending"}, windows.stranded),
            [_end(StateType.CRASHED, "never started: the worker that took it is gone, or found no machine for it")],
        ),
        _automation(
            "windlass: run late",
            "A flow run does not start: freshness looks, where that can run.",
            _unless({"prefect.flow-run.Late"}, windows.late, others=True),
            wake,
        ),
        _automation(
            "windlass: chore outdated",
            "A chore that is so late is not made up for: the next one is due already.",
            _unless({"prefect.flow-run.Late"}, windows.late, tag=CHORE),
            # CancelFlowRun cancels a run that never began, too, but says that it failed (Prefect 3.8.8).
            [_end(StateType.CANCELLED, "outdated: the next one is due already")],
        ),
        _automation(
            "windlass: pool not ready",
            "No worker of a pool gives a sign of life.",
            _pools(pools, "not-ready"),
            tell("work pool {{ work_pool.name }} has no worker", HOURS),
        ),
        _automation(
            "windlass: pool ready",
            "A pool has a worker again.",
            _pools(pools, "ready"),
            tell("work pool {{ work_pool.name }} has a worker", "Flow runs start."),
        ),
        _automation(
            "windlass: nobody looks",
            "The freshness flow has not completed for an hour.",
            EventTrigger(
                expect={"prefect.flow-run.Completed"},
                match_related=_flow(TELLER),
                posture=Posture.Proactive,
                within=windows.blind,
            ),
            tell(
                f"{TELLER} has not completed for {windows.blind.seconds // 60} minutes",
                "Nobody measures how old the data is: look at the worker of the light pool, at the newest runs of "
                f"{TELLER}, and at /health of the API. This is said every hour while it lasts.",
            ),
        ),
    ]


def _automation(name: str, description: str, trigger: EventTrigger, actions: list[ActionTypes]) -> AutomationCore:
    return AutomationCore(name=name, description=description, tags=[TAG], trigger=trigger, actions=actions)


def _end(state: StateType, message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=state, name=state.value.title(), message=message, force=False)


def _after(events: set[str], pause: timedelta, others: bool = False) -> EventTrigger:
    """At once, and then not again within the pause."""
    return EventTrigger(expect=events, match=_runs(), match_related=_related(TAG, others), within=pause)


def _unless(after: set[str], within: timedelta, tag: str = TAG, others: bool = False) -> EventTrigger:
    """When a flow run has given no sign for `within` since the newest of the events."""
    return EventTrigger(
        after=after,
        expect={ANY_SIGN},
        match=_runs(),
        match_related=_related(tag, others),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        within=within,
    )


def _pools(names: Sequence[str], state: str) -> EventTrigger:
    ours: dict[str, str | list[str]] = {
        "prefect.resource.id": "prefect.work-pool.*",
        "prefect.resource.name": sorted(names),
    }
    return EventTrigger(
        expect={f"prefect.work-pool.{state}"},
        match=ResourceSpecification(ours),
        for_each={"prefect.resource.id"},
    )


def _runs() -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})


def _related(tag: str, others: bool) -> list[ResourceSpecification | ResourceSpecificationDict]:
    """Runs of deployments with a tag; `others`: but the teller's."""
    tagged = ResourceSpecification({"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"})
    return [tagged, _flow(f"!{TELLER}")] if others else [tagged]


def _flow(name: str) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": name})
