"""The ECS worker that counts: no run is given to capacity that it lost too often."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from anyio.abc import TaskStatus
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect_aws.workers.ecs_worker import ECSJobConfiguration, ECSWorker, ECSWorkerResult

from deployments.ecs.pools import ON_DEMAND_POOL
from deployments.ecs.reclaim import Step, attempts_lost, has_spot, move, next_step, no_capacity

Tell = Callable[[str, FlowRun, str], None]
"""Told of a run that is given up: the name of its flow, the run, the reason. Blocks; raises nothing."""

log = logging.getLogger("windlass.ecs")


class OutOfAttempts(RuntimeError):
    """A flow run lost its capacity too often, on demand too."""


def log_only(flow: str, run: FlowRun, reason: str) -> None:
    """Tell nobody but the log."""
    log.error("%s, flow %s: %s", run.name, flow, reason)


class CountingWorker(ECSWorker):
    """An ECSWorker that looks at a run's history before it asks AWS for a task.

    Every attempt of a run passes here: this is what bounds them. `tell` is called when a run is given up.
    """

    def __init__(self, *args: Any, tell: Tell = log_only, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tell = tell

    @classmethod
    def __dispatch_key__(cls) -> str:
        """Beside ECSWorker in Prefect's register of workers, not in its place; `type` stays `ecs`."""
        return "windlass-ecs"

    async def run(
        self, flow_run: FlowRun, configuration: ECSJobConfiguration, task_status: TaskStatus[Any] | None = None
    ) -> ECSWorkerResult:
        """RunTask, or `move`, or OutOfAttempts, which Prefect makes a crash of."""
        spot = has_spot(configuration.task_run_request.get("capacityProviderStrategy", ()))
        lost = attempts_lost(await self.client.read_flow_run_states(flow_run.id))
        step = next_step(lost, spot)
        if step is Step.RUN:
            try:
                return await super().run(flow_run, configuration, task_status)
            except RuntimeError as error:
                if not (spot and no_capacity(str(error))):
                    raise
                reason = str(error)
        else:
            reason = f"its capacity was taken away {lost} times"
        if step is Step.GIVE_UP:
            await give_up(self.client, flow_run, f"{reason}, on demand too", self._tell)
            raise OutOfAttempts(reason)
        moved = await move(self.client, flow_run, ON_DEMAND_POOL, reason)
        self.get_flow_run_logger(flow_run).warning("%s; goes on as flow run %s in %s", reason, moved.id, ON_DEMAND_POOL)
        identifier = f"moved::{moved.id}"
        if task_status:
            task_status.started(identifier)
        return ECSWorkerResult(identifier=identifier, status_code=0)


async def give_up(client: PrefectClient, run: FlowRun, reason: str, tell: Tell) -> None:
    flow = await client.read_flow(run.flow_id)
    await to_thread.run_sync(tell, flow.name, run, f"given up: {reason}")
