"""Work pools and their queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from deployments.bootstrap.change import Change, Did, differences
from storage.errors import StorageError

HEARTBEAT_SECONDS = 30
"""Between two signs of life of a flow run, the least that Prefect takes. The zombie automation counts on it."""
MODELS_AT_ONCE = 2
"""On one machine: a decoding model fills two cores."""


class WrongPool(StorageError, ValueError):
    """A work pool of the wanted name exists, of a type that cannot be changed."""


@dataclass(frozen=True)
class Queue:
    """A queue of a pool. `priority`: 1 goes first; `limit`: flow runs at once, None for any number."""

    name: str
    priority: int
    limit: int | None


@dataclass(frozen=True)
class Pool:
    """A work pool. `template`: its base job template."""

    name: str
    type: str
    description: str
    template: dict[str, Any]
    queues: tuple[Queue, ...]


def process_pool(name: str, queues: Sequence[Queue]) -> Pool:
    """A pool whose flow runs are processes of the worker's machine."""
    from prefect.workers.process import ProcessWorker

    template = deepcopy(ProcessWorker.get_default_base_job_template())
    # A worker's own environment is handed on, and may say another number than the zombie automation counts on.
    env = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}
    template["variables"]["properties"]["env"]["default"] = env
    return Pool(name, "process", "Windlass flow runs as processes of one machine", template, tuple(queues))


def ensure_pool(client: SyncPrefectClient, pool: Pool) -> Iterator[Change]:
    """Bring a pool and its queues into the wanted state; raises WrongPool."""
    try:
        there = client.read_work_pool(pool.name)
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(
                name=pool.name, type=pool.type, description=pool.description, base_job_template=pool.template
            )
        )
        yield Change("work pool", pool.name, Did.CREATED, pool.type)
    else:
        if there.type != pool.type:
            raise WrongPool(
                f"work pool {pool.name!r} exists and is of type {there.type}, not {pool.type}: give another name in "
                "WINDLASS_POOL_LIGHT or WINDLASS_POOL_HEAVY, or delete it with `prefect work-pool delete`"
            )
        wrong = differences({"template": there.base_job_template}, {"template": pool.template})
        if wrong:
            update = WorkPoolUpdate(base_job_template=pool.template, concurrency_limit=there.concurrency_limit)
            client.update_work_pool(pool.name, update)
        paused = "paused" if there.is_paused else ""
        yield Change("work pool", pool.name, Did.UPDATED if wrong else Did.UNCHANGED, wrong or paused)
    for queue in pool.queues:
        yield _ensure_queue(client, pool.name, queue)


def _ensure_queue(client: SyncPrefectClient, pool: str, queue: Queue) -> Change:
    """How many runs a queue takes at once is an operator's to change: it is set once."""
    name = f"{pool}/{queue.name}"
    try:
        there = client.read_work_queue_by_name(queue.name, work_pool_name=pool)
    except ObjectNotFound:
        client.create_work_queue(
            queue.name, concurrency_limit=queue.limit, priority=queue.priority, work_pool_name=pool
        )
        return Change("work queue", name, Did.CREATED, _at_once(queue.limit))
    if there.priority == queue.priority:
        paused = ", paused" if there.is_paused else ""
        return Change("work queue", name, Did.UNCHANGED, _at_once(there.concurrency_limit) + paused)
    client.update_work_queue(
        there.id, priority=queue.priority, is_paused=there.is_paused, concurrency_limit=there.concurrency_limit
    )
    return Change("work queue", name, Did.UPDATED, "priority")


def _at_once(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit} runs at once"
