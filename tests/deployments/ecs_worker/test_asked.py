"""What the real ECS worker asks a local AWS (moto) for, with a real Prefect server. What arrives is recorded."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from deployments.ecs.pools import ON_DEMAND_POOL
from tests.deployments.ecs_worker.yard import SECONDS, Yard, begun, environment_of, submitted, until

ROOT = Path(__file__).parents[3]


def test_what_aws_is_asked_for(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain run, one whose deployment wants other capacity and other sizes, and one that itself does."""
    from prefect.settings import PREFECT_HOME

    aws = yard.aws
    aws.calls.clear()
    aws.services.clear()
    wishes = {
        "capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 1}],
        "launch_type": "FARGATE_SPOT",
        "cpu": 16384,
        "memory": 122880,
        "cluster": "elsewhere",
        "task_definition": {"cpu": "16384"},
        "task_run_request": {"launchType": "FARGATE", "capacityProviderStrategy": []},
    }
    plain, greedy, other = yard.deploy("plain"), yard.deploy("greedy", **wishes), yard.deploy("other")

    async def submit_all() -> None:
        for deployment, wished in ((plain, {}), (greedy, {}), (other, wishes)):
            await submitted("windlass-medium", (await begun(deployment, **wished)).id)

    asyncio.run(submit_all())
    # Nothing that the worker's role may not do.
    document = (ROOT / "docs" / "ecs.md").read_text()
    assert aws.services <= {"ecs", "sqs"}
    assert not [action for action, _ in aws.calls if f'"ecs:{action}"' not in document]
    (definition,) = [told for told in aws.definitions if told["family"] == "windlass-medium"]
    assert definition["runtimePlatform"] == {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    assert (definition["cpu"], definition["memory"]) == ("2048", "4096")
    assert definition["ephemeralStorage"] == {"sizeInGiB": 40}
    assert definition["requiresCompatibilities"] == ["FARGATE"]
    assert definition["executionRoleArn"].endswith("windlass-execution")
    (container,) = definition["containerDefinitions"]
    assert container["stopTimeout"] == 120
    assert container["image"] == "registry/windlass:abc"
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/windlass/flows"

    requests = aws.asked("RunTask")
    assert len(requests) == 3
    for request in requests:
        assert request["capacityProviderStrategy"] == [
            {"capacityProvider": "FARGATE", "weight": 1, "base": 0},
            {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0},
        ]
        assert "launchType" not in request
        assert request["cluster"] == "windlass"
        assert request["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == [yard.subnet]
        assert set(request["overrides"]) == {"containerOverrides"}
        (override,) = request["overrides"]["containerOverrides"]
        assert override["command"] == ["prefect", "flow-run", "execute"]
        assert not {"cpu", "memory"} & set(override)
        environment = environment_of(request)
        assert environment["PREFECT_API_URL"] == yard.url
        assert environment["PREFECT_SERVER_EPHEMERAL_ENABLED"] == "false"
        assert environment["PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR"] == "reschedule"
        assert environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
        assert environment["WINDLASS_BUCKET"] == "s3://windlass-runs/prod"
        told = json.dumps(environment)
        assert str(PREFECT_HOME.value()) not in told
        assert not [value for value in environment.values() if os.path.exists(value)], environment
        assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert {request["taskDefinition"] for request in requests} == {requests[0]["taskDefinition"]}


def test_the_pool_of_last_resort_registers_nothing_of_its_own(yard: Yard) -> None:
    yard.aws.calls.clear()

    async def submit_both() -> None:
        for pool in ("windlass-large", ON_DEMAND_POOL):
            await submitted(pool, (await begun(yard.deploy(f"large in {pool}", pool=pool))).id)

    asyncio.run(submit_both())
    assert [told["family"] for told in yard.aws.definitions].count("windlass-large") == 1
    first, second = yard.aws.asked("RunTask")
    assert first["taskDefinition"] == second["taskDefinition"]


def test_the_image_may_be_built_for_x86(yard: Yard) -> None:
    yard.aws.calls.clear()
    deployment = yard.deploy("x86", pool="windlass-small", architecture="X86_64", image="registry/windlass:x86")

    async def submit() -> None:
        await submitted("windlass-small", (await begun(deployment)).id)

    asyncio.run(submit())
    (definition,) = yard.aws.asked("RegisterTaskDefinition")
    assert definition["runtimePlatform"]["cpuArchitecture"] == "X86_64"
    assert definition["containerDefinitions"][0]["image"] == "registry/windlass:x86"


def test_one_process_serves_every_pool_until_it_is_told_to_stop(yard: Yard, prefect_server: Any) -> None:
    aws = yard.aws
    aws.calls.clear()
    deployments = [yard.deploy(f"served by {pool}", pool=pool) for pool in ("windlass-small", "windlass-large")]
    queue = f"windlass-{uuid.uuid4().hex}"
    aws.client("sqs").create_queue(QueueName=queue)
    service = subprocess.Popen(
        [sys.executable, "-m", "deployments.ecs", "work"],
        cwd=ROOT,
        env={
            **prefect_server.env,
            **{name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PREFECT_INTEGRATIONS"))},
            "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME": queue,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )

    async def story() -> None:
        runs = [await begun(deployment) for deployment in deployments]

        async def started() -> bool:
            assert service.poll() is None, service.communicate()
            return len(aws.asked("RunTask")) == len(runs)

        await until(started, SECONDS)

    try:
        asyncio.run(story())
        service.send_signal(signal.SIGTERM)
        output, _ = service.communicate(timeout=SECONDS)
    finally:
        if service.poll() is None:
            service.kill()
            service.communicate()
    assert service.returncode == 0, output.decode()
