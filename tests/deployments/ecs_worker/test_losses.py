"""Tasks that AWS takes away: resumed, moved to capacity that stays, or given up."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from deployments.ecs.pools import ON_DEMAND_POOL
from tests.deployments.ecs_worker.yard import (
    SECONDS,
    Yard,
    at_the_gate,
    begun,
    history,
    is_at_least,
    kill_container,
    run_of,
    submitted,
    taken,
    until,
    worker_of,
)


def test_a_reclaimed_run_resumes_and_moves_to_capacity_that_stays(
    yard: Yard, run_task: Callable[[dict[str, Any]], subprocess.Popen[bytes]], observing: list[str]
) -> None:
    """SIGTERM, then SIGKILL, then on demand: three tasks of one run, and the pieces that are staged are kept."""
    from prefect import get_client

    aws, folder = yard.aws, yard.folder
    aws.calls.clear()
    for name in ("gate", "progress"):
        os.mkfifo(folder / name)
    progress = os.open(folder / "progress", os.O_RDWR | os.O_NONBLOCK)
    deployment = yard.deploy("reclaimed")

    async def story() -> None:
        run = await begun(deployment)

        async def lost() -> int:
            return (await history(run.id)).count("AwaitingRetry")

        # The warning: SIGTERM, and 120 s to obey.
        await submitted("windlass-medium", run.id)
        first = run_task(aws.asked("RunTask")[0])
        await asyncio.to_thread(at_the_gate, progress, first)
        first.send_signal(signal.SIGTERM)
        output, _ = await asyncio.to_thread(first.communicate, timeout=120)
        assert first.returncode == 0, output
        assert (await history(run.id))[-1] == "AwaitingRetry"

        await submitted("windlass-medium", run.id)
        second = run_task(aws.asked("RunTask")[1])
        await asyncio.to_thread(at_the_gate, progress, second)
        async with get_client() as client, yard.observed() as queue:
            tasks = aws.client("ecs").list_tasks(cluster="windlass")["taskArns"]
            now = (await client.read_flow_run(run.id)).infrastructure_pid.split("::")[1]
            (before,) = [task for task in tasks if task != now and run_of(aws, task) == str(run.id)]
            # What AWS still has to say of the first task, once more or late, is old news to the second.
            yard.stopped(queue, before, "SpotInterruption", 137)
            await until(lambda: taken(yard, queue))
            assert (await history(run.id))[-1] == "Running"

            # The second one is killed outright; only AWS can tell.
            await asyncio.to_thread(kill_container, second)
            assert (await history(run.id))[-1] == "Running"
            yard.stopped(queue, now, "SpotInterruption", 137)
            begun_at = monotonic()
            await until(lambda: is_at_least(lost(), 2))
            assert monotonic() - begun_at < 30
            yard.stopped(queue, now, "SpotInterruption", 137)
            await until(lambda: taken(yard, queue))
        assert (await history(run.id))[-2:] == ["Crashed", "AwaitingRetry"]

        # Lost twice: the worker of the mix asks for no third task.
        await submitted("windlass-medium", run.id)
        assert len(aws.asked("RunTask")) == 2
        async with get_client() as client:
            ended = await client.read_flow_run(run.id)
            (moved,) = [
                found
                for found in await client.read_flow_runs()
                if found.deployment_id == deployment and found.id != run.id
            ]
        assert (ended.state.type.value, ended.state.name) == ("CANCELLED", "Moved")
        assert str(moved.id) in ended.state.message
        assert (moved.name, moved.work_pool_name) == (run.name, ON_DEMAND_POOL)
        await submitted(ON_DEMAND_POOL, moved.id)
        (folder / "gate").unlink()
        last = aws.asked("RunTask")[2]
        assert last["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]
        third = run_task(last)
        output, _ = await asyncio.to_thread(third.communicate, timeout=SECONDS)
        assert (await history(moved.id))[-1] == "Completed", output

    try:
        asyncio.run(story())
    finally:
        os.close(progress)
    assert (folder / "fetched").read_text().split() == ["0", "1", "2"]
    assert observing == []


def test_without_spot_capacity_a_run_moves_at_once_and_without_any_it_crashes(yard: Yard) -> None:
    from prefect import get_client

    aws = yard.aws
    deployment = yard.deploy("nowhere")

    async def story() -> None:
        run = await begun(deployment)
        aws.no_capacity = True
        await submitted("windlass-medium", run.id)
        assert (await history(run.id))[-1] == "Moved"
        async with get_client() as client:
            (moved,) = [
                found
                for found in await client.read_flow_runs()
                if found.deployment_id == deployment and found.id != run.id
            ]
        await submitted(ON_DEMAND_POOL, moved.id)
        async with get_client() as client:
            crashed = (await client.read_flow_run(moved.id)).state
        assert crashed.is_crashed()
        assert "Capacity is unavailable" in crashed.message

    try:
        asyncio.run(story())
    finally:
        aws.no_capacity = False


def test_a_run_that_loses_its_capacity_on_demand_too_is_given_up_and_people_are_told_once(
    yard: Yard, webhook: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each loss leaves its mark in the run's history, so nothing goes round for ever."""
    from prefect import get_client
    from prefect.states import AwaitingRetry, Running

    from deployments.ecs.telling import tell_people

    aws = yard.aws
    aws.calls.clear()
    deployment = yard.deploy("hopeless", pool=ON_DEMAND_POOL)
    monkeypatch.setenv("WINDLASS_BUCKET", str(tmp_path))

    async def story() -> None:
        run = await begun(deployment)
        async with get_client() as client:
            for _ in range(2):
                await submitted(ON_DEMAND_POOL, run.id)
                await client.set_flow_run_state(run.id, Running())
                await client.set_flow_run_state(run.id, AwaitingRetry())
            await submitted(ON_DEMAND_POOL, run.id, tell_people)
            assert (await client.read_flow_run(run.id)).state.is_crashed()

    with webhook(204) as (url, told):
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", url)
        asyncio.run(story())
    assert len(aws.asked("RunTask")) == 2
    (notice,) = (json.loads(body) for body in told)
    assert (notice["model"], notice["kind"]) == ("hauled", "crashed")
    assert "taken away 2 times, on demand too" in notice["reason"]


def test_a_crash_of_the_program_is_not_tried_again(yard: Yard, observing: list[str]) -> None:
    """Out of memory, a bug: the task was not reclaimed, so it would only happen again."""
    from prefect import get_client
    from prefect.states import Running

    deployment = yard.deploy("broken")

    async def story() -> None:
        run = await begun(deployment)
        await submitted("windlass-medium", run.id)
        async with get_client() as client, yard.observed() as queue:
            await client.set_flow_run_state(run.id, Running())
            task = (await client.read_flow_run(run.id)).infrastructure_pid.split("::")[1]
            yard.stopped(queue, task, "EssentialContainerExited", 137)

            async def crashed() -> bool:
                return (await history(run.id))[-1] == "Crashed"

            await until(crashed)
            await until(lambda: taken(yard, queue))
        assert (await history(run.id))[-1] == "Crashed"

    asyncio.run(story())
    assert observing == []


@pytest.mark.parametrize("ended", ["without a queue", "with the last failure that it is granted"])
def test_who_listens_to_ecs_begins_again_where_it_ended_for_good(
    yard: Yard, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a worker goes on, and hears of no task that is killed."""
    from prefect import get_client
    from prefect.states import Running
    from prefect_aws.observers import ecs

    from deployments.ecs.observer import keep_observing

    deployment = yard.deploy(f"deaf {ended}")
    sqs, name = yard.aws.client("sqs"), f"windlass-{uuid.uuid4().hex}"
    monkeypatch.setattr(ecs.ecs_observer.sqs_subscriber, "queue_name", name)
    if ended != "without a queue":
        monkeypatch.setattr(ecs, "OBSERVER_MAX_RESTART_ATTEMPTS", 0)
        sqs.send_message(QueueUrl=sqs.create_queue(QueueName=name)["QueueUrl"], MessageBody="no event")

    async def deaf() -> bool:
        return ecs._observer_task is not None and ecs._observer_task.done()

    async def story() -> None:
        run = await begun(deployment)
        async with get_client() as client, worker_of("windlass-medium") as worker:
            await worker.get_and_submit_flow_runs()
            await until(deaf)
            queue = sqs.create_queue(QueueName=name)["QueueUrl"]
            listening = asyncio.create_task(keep_observing(0.05))

            async def task() -> str | None:
                told: str | None = (await client.read_flow_run(run.id)).infrastructure_pid
                return told and told.split("::")[1]

            stopped = await until(task)
            await client.set_flow_run_state(run.id, Running())
            yard.stopped(queue, stopped, "EssentialContainerExited", 137)

            async def crashed() -> bool:
                return (await history(run.id))[-1] == "Crashed"

            await until(crashed)
            listening.cancel()

    asyncio.run(story())
