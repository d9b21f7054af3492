"""A local AWS (moto) and ECS pools on a real Prefect server."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deployments.ecs.pools import pool_templates
from deployments.ecs.settings import EcsSettings
from tests.deployments.ecs_worker.yard import FLOW, Aws, Yard, environment_of, kill_container


@pytest.fixture(scope="package")
def aws() -> Iterator[Aws]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    moto = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        # Credential=<key>/<day>/<region>/<service>/aws4_request
        aws.services.add(environ["HTTP_AUTHORIZATION"].split("/")[3])
        service, _, action = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service.startswith("AmazonEC2ContainerService"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            aws.calls.append((action, json.loads(body)))
            if action == "RegisterTaskDefinition":
                aws.definitions.append(json.loads(body))
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


@pytest.fixture(scope="package")
def observing(aws: Aws) -> Iterator[list[str]]:
    """The observer of ECS events as `python -m deployments.ecs work` sets it up, deaf but in `Yard.observed`.

    What it told of runs that it gave up.
    """
    from prefect_aws.observers.ecs import ecs_observer

    from deployments.ecs.observer import watch_reclaims

    told: list[str] = []
    before = list(ecs_observer.event_handlers["task"])
    queue = ecs_observer.sqs_subscriber.queue_name
    ecs_observer.sqs_subscriber.queue_name = "nothing-comes-here"
    watch_reclaims(lambda flow, run, reason: told.append(reason))
    yield told
    ecs_observer.event_handlers["task"][:] = before
    ecs_observer.sqs_subscriber.queue_name = queue


@pytest.fixture(scope="package")
def yard(
    aws: Aws, observing: list[str], prefect_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
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
            # Who tidies the server between tests takes pools away, too.
            for name in pool_templates(ecs).keys() & {pool.name for pool in client.read_work_pools()}:
                client.delete_work_pool(name)


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
