"""ECS pools and their worker, and what AWS is asked for.

Tasks are child processes of the test: the command and the environment that RunTask received, and the signals that
Fargate would send.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest

SECONDS = 180
"""Patience with a child that imports Prefect on a busy machine."""


@dataclass
class Aws:
    """An AWS of the tests' own. `asked(action)`: bodies of ECS's calls so far; `no_capacity`: RunTask finds none.

    `services`: which of its services were asked for anything.
    `definitions`: every task definition since it began; a worker registers what it has registered no second time.
    """

    url: str
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    definitions: list[dict[str, Any]] = field(default_factory=list)
    no_capacity: bool = False

    def asked(self, action: str) -> list[dict[str, Any]]:
        return [body for name, body in self.calls if name == action]

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1")


FLOW = '''
import os
from pathlib import Path
from prefect import flow

@flow
def hauled():
    """Three pieces staged to disk; the gate, where there is one, is where a run stands when it is stopped."""
    here = Path(__file__).parent
    for piece in range(3):
        staged = here / f"piece-{piece}"
        if staged.exists():
            continue
        if piece == 2 and (here / "gate").exists():
            with open(here / "progress", "w") as progress:
                progress.write("at the gate\\n")
            (here / "gate").read_bytes()
        with open(here / "fetched", "a") as log:
            log.write(f"{piece}\\n")
        staged.write_text("bytes")
'''


@dataclass(frozen=True)
class Yard:
    """ECS pools on the Prefect server, and a flow in a folder with a deployment for each name of `deploy`."""

    aws: Aws
    url: str
    folder: Path
    subnet: str

    def deploy(self, name: str, pool: str = "windlass-medium", **job_variables: Any) -> uuid.UUID:
        from prefect import get_client

        with get_client(sync_client=True) as client:
            return client.create_deployment(
                flow_id=client.create_flow_from_name("hauled"),
                name=name,
                entrypoint="hauled.py:hauled",
                path=str(self.folder),
                pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(self.folder)}}],
                work_pool_name=pool,
                job_variables=job_variables,
                concurrency_limit=1,
                concurrency_options={"collision_strategy": "ENQUEUE"},
            )

    @asynccontextmanager
    async def observed(self) -> AsyncIterator[str]:
        """A worker whose observer listens to a queue while the block runs; gives the queue's URL.

        A queue of its own: moto still hands messages to whoever listened last and hung up.
        """
        from prefect_aws.observers.ecs import ecs_observer

        name = f"windlass-{uuid.uuid4().hex}"
        queue = self.aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ecs_observer.sqs_subscriber, "queue_name", name)
            async with worker_of("windlass-medium"):
                yield queue

    def stopped(self, queue: str, task: str, code: str, exit_code: int) -> None:
        """AWS says that a task has stopped."""
        detail = {
            "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/windlass",
            "taskArn": task,
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "stopCode": code,
            "stoppedReason": "Your Spot Task was interrupted.",
            "containers": [{"name": "prefect", "exitCode": exit_code, "lastStatus": "STOPPED"}],
        }
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "time": "2026-04-20T06:00:00Z",
            "region": "us-east-1",
            "detail": detail,
        }
        self.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(event))


async def until(holds: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """What `holds` answers as soon as that is true."""
    deadline = monotonic() + seconds
    while not (answer := await holds()):
        assert monotonic() < deadline, holds
        await asyncio.sleep(0.05)
    return answer


def nobody_is_told(flow: str, run: Any, reason: str) -> None:
    raise AssertionError(reason)


def worker_of(pool: str, tell: Callable[[str, Any, str], None] = nobody_is_told) -> Any:
    from deployments.ecs.worker import CountingWorker

    return CountingWorker(pool, name=f"test {pool}", create_pool_if_not_found=False, tell=tell)


async def submitted(pool: str, run_id: uuid.UUID, tell: Callable[[str, Any, str], None] = nobody_is_told) -> None:
    """Let the worker of a pool look for work once, and wait until it has done with the run."""
    async with worker_of(pool, tell) as worker:
        runs = await worker.get_and_submit_flow_runs()
        assert [run.id for run in runs] == [run_id]
    # Leaving the block has waited for the submission.


async def begun(deployment: uuid.UUID, **job_variables: Any) -> Any:
    from prefect import get_client

    async with get_client() as client:
        return await client.create_flow_run_from_deployment(deployment, job_variables=job_variables)


async def history(run_id: uuid.UUID) -> list[str]:
    from prefect import get_client

    async with get_client() as client:
        return [state.name for state in await client.read_flow_run_states(run_id)]


def environment_of(request: dict[str, Any]) -> dict[str, str]:
    (container,) = request["overrides"]["containerOverrides"]
    return {item["name"]: item["value"] for item in container["environment"]}


def kill_container(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to every process of a container at once, as when its 120 s are over."""
    if process.poll() is None:
        inside = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for one in inside:
            one.kill()
        psutil.wait_procs(inside)
    assert process.stdout is not None
    process.stdout.close()
    process.wait()


def at_the_gate(progress: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the flow of a container stands at its gate."""
    ready, _, _ = select.select([progress], [], [], SECONDS)
    assert ready, process.communicate()
    assert os.read(progress, 100) == b"at the gate\n"


async def is_at_least(number: Awaitable[int], least: int) -> bool:
    return await number >= least


def run_of(aws: Aws, task: str) -> str | None:
    """The flow run that a task was started for."""
    (told,) = aws.client("ecs").describe_tasks(cluster="windlass", tasks=[task], include=["TAGS"])["tasks"]
    return {tag["key"]: tag["value"] for tag in told["tags"]}.get("prefect.io/flow-run-id")


async def taken(yard: Yard, queue: str) -> bool:
    """Whether the observer has done with every event."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = yard.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return all(told[name] == "0" for name in names)
