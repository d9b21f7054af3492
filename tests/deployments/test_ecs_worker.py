"""The real ECS worker and its observer against a local AWS (moto), with a real Prefect server.

What AWS is asked for is recorded as it arrives. Tasks themselves are child processes of the test: the command and the
environment that RunTask received, and the signals that Fargate would send.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest

from deployments.ecs.pools import ON_DEMAND_POOL, pool_templates
from deployments.ecs.settings import EcsSettings

ROOT = Path(__file__).parents[2]

SECONDS = 180
"""Patience with a child that imports Prefect on a busy machine."""


@dataclass
class Aws:
    """An AWS of the test's own. `asked(action)`: bodies of its calls so far; `no_capacity`: RunTask finds none."""

    url: str
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    no_capacity: bool = False

    def asked(self, action: str) -> list[dict[str, Any]]:
        return [body for name, body in self.calls if name == action]

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1")


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    moto = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        service, _, action = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service.startswith("AmazonEC2ContainerService"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            aws.calls.append((action, json.loads(body)))
            environ["wsgi.input"] = io.BytesIO(body)
            if action == "RunTask" and aws.no_capacity:
                start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
                reason = "Capacity is unavailable at this time. Please try again later or in a different zone"
                return [json.dumps({"tasks": [], "failures": [{"reason": reason}]}).encode()]
        return moto(environ, start_response)

    listening = make_server("127.0.0.1", 0, answer, threaded=True)
    aws = Aws(f"http://127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        environment = {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            # A second between two tries of RunTask is for AWS.
            "PREFECT_INTEGRATIONS_AWS_ECS_WORKER_CREATE_TASK_RUN_MAX_ATTEMPTS": "1",
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            yield aws
        finally:
            listening.shutdown()
            thread.join()
            listening.server_close()


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


@pytest.fixture(scope="module")
def yard(aws: Aws, prefect_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    folder = tmp_path_factory.mktemp("yard")
    (folder / "hauled.py").write_text(FLOW)
    vpc = aws.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = aws.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    ecs = EcsSettings(
        bucket="s3://windlass-runs/prod",
        image="registry/windlass:abc",
        subnets=(subnets[0]["SubnetId"],),
        security_groups=("sg-1",),
        execution_role_arn="arn:aws:iam::123456789012:role/windlass-execution",
        task_role_arn="arn:aws:iam::123456789012:role/windlass-task",
    )
    aws.client("ecs").create_cluster(clusterName="windlass", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    with get_client(sync_client=True) as client:
        for name, template in pool_templates(ecs).items():
            client.create_work_pool(WorkPoolCreate(name=name, type="ecs", base_job_template=template))
        try:
            yield Yard(aws, prefect_server.url, folder, subnets[0]["SubnetId"])
        finally:
            for deployment in client.read_deployments():
                client.delete_deployment(deployment.id)
            for name in pool_templates(ecs):
                client.delete_work_pool(name)


@pytest.fixture(scope="module", autouse=True)
def observing(yard: Yard) -> Iterator[list[str]]:
    """The observer of ECS events as `python -m deployments.ecs work` sets it up, deaf but in `Yard.observed`.

    What it told of runs that it gave up.
    """
    from prefect_aws.observers.ecs import ecs_observer

    from deployments.ecs.worker import watch_reclaims

    told: list[str] = []
    before = list(ecs_observer.event_handlers["task"])
    queue = ecs_observer.sqs_subscriber.queue_name
    ecs_observer.sqs_subscriber.queue_name = "nothing-comes-here"
    watch_reclaims(lambda flow, run, reason: told.append(reason))
    yield told
    ecs_observer.event_handlers["task"][:] = before
    ecs_observer.sqs_subscriber.queue_name = queue


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


async def begun(deployment: uuid.UUID) -> Any:
    from prefect import get_client

    async with get_client() as client:
        return await client.create_flow_run_from_deployment(deployment)


async def history(run_id: uuid.UUID) -> list[str]:
    from prefect import get_client

    async with get_client() as client:
        return [state.name for state in await client.read_flow_run_states(run_id)]


def environment_of(request: dict[str, Any]) -> dict[str, str]:
    (container,) = request["overrides"]["containerOverrides"]
    return {item["name"]: item["value"] for item in container["environment"]}


def test_what_aws_is_asked_for(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run of a plain deployment, one that wants other capacity and other sizes, one of another deployment."""
    from prefect.settings import PREFECT_HOME

    aws = yard.aws
    aws.calls.clear()
    wishes = {
        "capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 1}],
        "launch_type": "FARGATE_SPOT",
        "cpu": 16384,
        "memory": 122880,
        "cluster": "elsewhere",
    }
    plain, greedy, other = yard.deploy("plain"), yard.deploy("greedy", **wishes), yard.deploy("other")

    async def submit_all() -> None:
        for deployment in (plain, greedy, other):
            await submitted("windlass-medium", (await begun(deployment)).id)

    asyncio.run(submit_all())
    (definition,) = aws.asked("RegisterTaskDefinition")
    assert definition["family"] == "windlass-medium"
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


def test_the_image_may_be_built_for_x86(yard: Yard) -> None:
    yard.aws.calls.clear()
    deployment = yard.deploy("x86", pool="windlass-small", architecture="X86_64", image="registry/windlass:x86")

    async def submit() -> None:
        await submitted("windlass-small", (await begun(deployment)).id)

    asyncio.run(submit())
    (definition,) = yard.aws.asked("RegisterTaskDefinition")
    assert definition["runtimePlatform"]["cpuArchitecture"] == "X86_64"
    assert definition["containerDefinitions"][0]["image"] == "registry/windlass:x86"


@pytest.fixture
def run_task(yard: Yard) -> Iterator[Callable[[dict[str, Any]], subprocess.Popen[bytes]]]:
    """run_task(request): the container that ECS would start for what RunTask received."""
    running: list[subprocess.Popen[bytes]] = []

    def run_task(request: dict[str, Any]) -> subprocess.Popen[bytes]:
        program, *arguments = request["overrides"]["containerOverrides"][0]["command"]
        assert program == "prefect"
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "prefect", *arguments],
                cwd=yard.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(yard.folder), **environment_of(request)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
        return running[-1]

    yield run_task
    for process in running:
        kill_container(process)


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

        # The next one is killed outright; only AWS can tell.
        await submitted("windlass-medium", run.id)
        second = run_task(aws.asked("RunTask")[1])
        await asyncio.to_thread(at_the_gate, progress, second)
        await asyncio.to_thread(kill_container, second)
        assert (await history(run.id))[-1] == "Running"
        async with get_client() as client, yard.observed() as queue:
            tasks = aws.client("ecs").list_tasks(cluster="windlass")["taskArns"]
            now = (await client.read_flow_run(run.id)).infrastructure_pid.split("::")[1]
            (before,) = [task for task in tasks if task != now and run_of(aws, task) == str(run.id)]
            # What AWS still has to say of the first task is old news.
            yard.stopped(queue, before, "SpotInterruption", 0)
            yard.stopped(queue, now, "SpotInterruption", 137)
            begun_at = monotonic()
            await until(lambda: is_at_least(lost(), 2))
            assert monotonic() - begun_at < 30
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


async def is_at_least(number: Awaitable[int], least: int) -> bool:
    return await number >= least


def run_of(aws: Aws, task: str) -> str | None:
    """The flow run that a task was started for."""
    (told,) = aws.client("ecs").describe_tasks(cluster="windlass", tasks=[task], include=["TAGS"])["tasks"]
    return {tag["key"]: tag["value"] for tag in told["tags"]}.get("prefect.io/flow-run-id")


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


async def taken(yard: Yard, queue: str) -> bool:
    """Whether the observer has done with every event."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = yard.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return all(told[name] == "0" for name in names)
