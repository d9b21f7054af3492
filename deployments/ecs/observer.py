"""What ECS tells through SQS of tasks that stopped: which run that ends, whether it is tried again, and who listens."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import anyio
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect_aws.observers import ecs
from prefect_aws.observers.ecs import HandlerWithFilters, ecs_observer, mark_runs_as_crashed

from deployments.ecs.reclaim import reschedule, was_reclaimed
from deployments.ecs.worker import Tell, give_up, log_only

log = logging.getLogger("windlass.ecs")

LOOK = 60.0
"""Seconds between two looks at the observer."""


def watch_reclaims(tell: Tell = log_only) -> None:
    """From now on this process's observer of ECS events puts a run back into its queue when its task was reclaimed.

    Prefect's handler first marks the run as crashed, as without us. Call once, before a worker starts.
    """

    async def crash_then_reschedule(event: dict[str, Any], tags: dict[str, str]) -> None:
        detail = event.get("detail", {})
        run_id = UUID(tags["prefect.io/flow-run-id"])
        async with get_client() as client:
            try:
                run = await client.read_flow_run(run_id)
            except ObjectNotFound:
                return
            # SQS may deliver an event twice, and late: Prefect's handler would crash the attempt that runs by then.
            if is_old_news(run, detail["taskArn"]):
                return
            await mark_runs_as_crashed(event, tags)
            if not was_reclaimed(detail):
                return
            run = await client.read_flow_run(run_id)
            # Still running: the container ended well, but could not reach the API to say so.
            over = run.state is not None and (run.state.is_crashed() or run.state.is_running())
            if not over:
                return
            reason = f"ECS stopped the task: {detail.get('stopCode')}, {detail.get('stoppedReason')}"
            if not await reschedule(client, run, reason):
                await give_up(client, run, reason, tell)

    handlers = ecs_observer.event_handlers["task"]
    handlers[:] = [
        HandlerWithFilters(crash_then_reschedule, entry.filters) if entry.handler is mark_runs_as_crashed else entry
        for entry in handlers
    ]


def is_old_news(run: FlowRun, task: str) -> bool:
    """Whether a task, by its ARN, belongs to an attempt of the run before the one it is at."""
    return run.infrastructure_pid is not None and not run.infrastructure_pid.endswith(task)


async def keep_observing(pause: float = LOOK) -> None:
    """Start this process's observer anew wherever it has ended for good. Until cancelled.

    It ends, with a line in the log, where its queue is not there yet, and the sixth time that SQS fails it, in however
    many months (prefect-aws 0.7): a worker would go on, deaf.
    """
    while True:
        await anyio.sleep(pause)
        task, restart = ecs._observer_task, ecs._observer_restart_task
        if task is None or not task.done() or (restart is not None and not restart.done()):
            continue
        why = None if task.cancelled() else task.exception()
        queue = ecs_observer.sqs_subscriber.queue_name
        log.error("nobody listens to the queue %s of ECS events (%s); trying again", queue, why or "is it there?")
        ecs._observer_task = None
        await ecs.start_observer()
