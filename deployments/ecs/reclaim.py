"""What becomes of a flow run whose capacity was taken away: again on the mix, then on demand, then people are told.

Nothing here loops: each lost attempt leaves one `AwaitingRetry` in the run's own history, which is what is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import FlowRunCreate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import AwaitingRetry, Scheduled, to_state_create

ATTEMPTS = 2
"""On each kind of capacity: a run starts at most four times, whatever happens to it."""

SPOT = "FARGATE_SPOT"

RECLAIMED = frozenset({"SpotInterruption", "TerminationNotice"})
"""Stop codes of a task that AWS took its capacity from."""

UNAVAILABLE = "capacity is unavailable"
"""AWS's words for a task that found no capacity, in RunTask's failures and in events of tasks that never started."""


class Step(Enum):
    """What to do with a run that asks for a task."""

    RUN = "run"
    MOVE = "move to on-demand capacity"
    GIVE_UP = "give up"


def next_step(lost: int, spot: bool) -> Step:
    """`lost`: attempts of this run that ended with their capacity; `spot`: whether its pool has Spot in its mix."""
    if lost < ATTEMPTS:
        return Step.RUN
    return Step.MOVE if spot else Step.GIVE_UP


def attempts_lost(history: Iterable[State[Any]]) -> int:
    """How often a run was put back into the queue: by its own container on SIGTERM, or by `reschedule`."""
    return sum(state.type is StateType.SCHEDULED and state.name == AwaitingRetry().name for state in history)


def has_spot(strategy: Sequence[Mapping[str, Any]]) -> bool:
    return any(provider["capacityProvider"] == SPOT for provider in strategy)


def was_reclaimed(detail: Mapping[str, Any]) -> bool:
    """Whether the detail of an ECS task event says that AWS took, or did not have, the capacity."""
    return detail.get("stopCode") in RECLAIMED or no_capacity(detail.get("stoppedReason") or "")


def no_capacity(reason: str) -> bool:
    return UNAVAILABLE in reason.lower()


async def reschedule(client: PrefectClient, run: FlowRun, reason: str) -> bool:
    """Put a crashed run back into the queue of its pool, once an attempt. False where its attempts are used up."""
    lost = attempts_lost(await client.read_flow_run_states(run.id))
    if lost >= ATTEMPTS:
        return False
    again: State[Any] = AwaitingRetry(message=f"{reason}; attempt {lost + 1} of {ATTEMPTS} on this capacity was lost")
    await client.set_flow_run_state(run.id, again)
    return True


async def move(client: PrefectClient, run: FlowRun, pool: str, reason: str) -> FlowRun:
    """End the run as `Moved` and give its work to a new one in another pool. May be done twice: one successor.

    A flow run cannot change its work pool. The successor is made first: a worker that dies in between leaves two runs
    of which the deployment's limit lets one work, never none.
    """
    successor = FlowRunCreate(
        name=run.name,
        flow_id=run.flow_id,
        flow_version=run.flow_version,
        deployment_id=run.deployment_id,
        parameters=run.parameters,
        tags=run.tags,
        job_variables=run.job_variables,
        work_pool_name=pool,
        state=to_state_create(Scheduled(message=f"{reason}; goes on for flow run {run.id}")),
        idempotency_key=f"on-demand-{run.id}",
    )
    answer = await client.request("POST", "/flow_runs/", json=successor.model_dump(mode="json", exclude_unset=True))
    moved = FlowRun.model_validate(answer.json())
    ended: State[Any] = State(
        type=StateType.CANCELLED, name="Moved", message=f"{reason}; goes on as flow run {moved.id} in pool {pool}"
    )
    await client.set_flow_run_state(run.id, ended, force=True)
    return moved
