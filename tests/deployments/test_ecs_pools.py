"""The base job templates by themselves, and the log group beside them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from deployments.ecs.pools import NOT_THEIRS, ON_DEMAND_POOL, POOLS, SIZES, base_job_template, pool_templates
from deployments.ecs.settings import EcsSettings

ECS = EcsSettings(bucket="s3://windlass-runs/prod", image="registry/windlass:abc", subnets=("subnet-1", "subnet-2"))

FARGATE_MEMORY = {512: range(1024, 4097, 1024), 2048: range(4096, 16385, 1024), 4096: range(8192, 30721, 1024)}
"""What AWS offers for these CPU units, in MiB (Amazon ECS task definition parameters, Fargate)."""


def strategy_of(template: dict[str, Any]) -> Any:
    return template["job_configuration"]["task_run_request"]["capacityProviderStrategy"]


def placeholders(value: object) -> Iterator[str]:
    text = json.dumps(value)
    for part in text.split("{{")[1:]:
        yield part.split("}}")[0].strip()


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_one_that_fargate_offers_and_a_family_of_its_own(size: str) -> None:
    task = base_job_template(size, ECS)["job_configuration"]["task_definition"]
    assert task["family"] == f"windlass-{size}"
    assert int(task["memory"]) in FARGATE_MEMORY[int(task["cpu"])]
    assert 21 <= task["ephemeralStorage"]["sizeInGiB"] <= 200
    assert task["networkMode"] == "awsvpc"


def test_a_stop_is_heard_before_prefect_is_imported() -> None:
    """A process 1 without a handler of its own ignores SIGTERM."""
    (container,) = base_job_template("small", ECS)["job_configuration"]["task_definition"]["containerDefinitions"]
    assert container["linuxParameters"] == {"initProcessEnabled": True}
    assert container["stopTimeout"] == 120


@pytest.mark.parametrize(("public", "told"), [(True, "ENABLED"), (False, "DISABLED")])
def test_tasks_get_a_public_address_where_no_gateway_is(public: bool, told: str) -> None:
    template = base_job_template("small", ECS.model_copy(update={"public_ip": public}))
    network = template["job_configuration"]["task_run_request"]["networkConfiguration"]["awsvpcConfiguration"]
    assert network["assignPublicIp"] == told


def test_half_of_the_tasks_run_on_spot_in_every_pool_but_the_last_resort() -> None:
    templates = pool_templates(ECS)
    assert tuple(templates) == POOLS
    for name, template in templates.items():
        shares = {provider["capacityProvider"]: provider["weight"] for provider in strategy_of(template)}
        assert shares == ({"FARGATE": 1} if name == ON_DEMAND_POOL else {"FARGATE": 1, "FARGATE_SPOT": 1})
        assert [provider["base"] for provider in strategy_of(template)] == [0] * len(shares)


@pytest.mark.parametrize("name", POOLS)
def test_no_variable_reaches_capacity_size_cluster_or_network(name: str) -> None:
    template = pool_templates(ECS)[name]
    assert set(template["variables"]["properties"]) == {"image", "architecture", "env", "labels", "name"}
    assert set(placeholders(template)) == {"image", "architecture", "labels", "name"}
    assert "launch" not in json.dumps(template).lower()


def test_the_server_takes_the_templates_and_gives_them_back_as_they_are(
    prefect_server: object, tidy: Callable[[], None]
) -> None:
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    tidy()
    with get_client(sync_client=True) as client:
        for name, template in pool_templates(ECS).items():
            created = client.create_work_pool(WorkPoolCreate(name=name, type="ecs", base_job_template=template))
            assert created.base_job_template == template
            client.delete_work_pool(name)


def test_a_folder_is_no_bucket_for_a_task_whose_folders_end_with_it() -> None:
    for bucket in ("", "/home/somebody/bucket"):
        with pytest.raises(ValueError, match="WINDLASS_BUCKET"):
            base_job_template("small", EcsSettings(bucket=bucket))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDLASS_BUCKET", "s3://runs")
    monkeypatch.setenv("WINDLASS_ECS_SUBNETS", "subnet-a, subnet-b")
    monkeypatch.setenv("WINDLASS_ECS_ARCHITECTURE", "X86_64")
    monkeypatch.setenv("WINDLASS_ECS_NOTIFY_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:1:secret:told")
    template = base_job_template("small")
    configuration = template["job_configuration"]
    network = configuration["task_run_request"]["networkConfiguration"]["awsvpcConfiguration"]
    assert network["subnets"] == ["subnet-a", "subnet-b"]
    assert template["variables"]["properties"]["architecture"]["default"] == "X86_64"
    (container,) = configuration["task_definition"]["containerDefinitions"]
    (secret,) = container["secrets"]
    assert secret["name"] == "WINDLASS_NOTIFY_URLS"
    assert configuration["env"]["WINDLASS_BUCKET"] == "s3://runs"


def test_no_path_that_prefect_knows_of_is_handed_on() -> None:
    """Prefect's settings that hold paths, asked of Prefect itself."""
    from prefect.settings.models.root import Settings
    from pydantic import BaseModel

    def paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            kinds = [field.annotation, *get_args(field.annotation)]
            for kind in kinds:
                if kind is Path:
                    yield f"{prefix}_{name}".upper()
                elif inspect.isclass(kind) and issubclass(kind, BaseModel):
                    yield from paths(kind, f"{prefix}_{name}")

    known = set(paths(Settings, "prefect"))
    assert "PREFECT_HOME" in known
    assert known <= set(NOT_THEIRS)


def test_a_log_group_is_created_once_and_its_lines_have_an_end(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from typer.testing import CliRunner

    from deployments.ecs.__main__ import app

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setenv("WINDLASS_ECS_REGION", "us-east-1")
    logs = boto3.client("logs", region_name="us-east-1")
    for days in ("30", "14"):
        monkeypatch.setenv("WINDLASS_ECS_LOG_DAYS", days)
        done = CliRunner().invoke(app, ["log-group"])
        assert done.exit_code == 0, done.output
        assert done.stdout == f"/windlass/flows keeps its lines {days} days\n"
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/windlass/flows")["logGroups"]
    assert group["retentionInDays"] == 14
    logs.delete_log_group(logGroupName="/windlass/flows")


DOCUMENT = (Path(__file__).parents[2] / "docs" / "ecs.md").read_text()


def test_the_worker_may_do_what_it_does() -> None:
    """The policies of docs/ecs.md are JSON, and the worker's names every call that it and its observer make."""
    files = dict(re.findall(r"cat > \$WORK/([\w-]+)\.json <<JSON\n(.*?)\nJSON", DOCUMENT, re.S))
    policies = {name: json.loads(files[name]) for name in ("ecs-tasks", "execution", "task", "worker")}
    allowed: set[str] = set()
    for statement in policies["worker"]["Statement"]:
        actions = statement["Action"]
        allowed |= {actions} if isinstance(actions, str) else set(actions)
    ecs = {"RegisterTaskDefinition", "DescribeTaskDefinition", "RunTask", "DescribeTasks", "StopTask", "TagResource"}
    sqs = {"GetQueueUrl", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"}
    assert {f"ecs:{name}" for name in ecs} | {f"sqs:{name}" for name in sqs} | {"iam:PassRole"} <= allowed


def test_the_document_names_settings_that_there_are() -> None:
    named = set(re.findall(r"WINDLASS_ECS_(\w+)", DOCUMENT))
    assert named
    assert {name.lower() for name in named} <= set(EcsSettings.model_fields)


def test_the_image_holds_what_the_pools_name() -> None:
    from deployments.ecs.pools import WORK

    dockerfile = (Path(__file__).parents[2] / "deployments" / "Dockerfile").read_text()
    assert f"--group windlass {WORK}\n" in dockerfile
    assert "WORKDIR /opt/windlass" in dockerfile
