"""Base job templates of the ECS work pools: what a task is, and on which capacity it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments.ecs.settings import EcsSettings

CONTAINER = "prefect"
"""The container that Prefect's observer of ECS events looks at first."""

STOP_SECONDS = 120
"""From SIGTERM to SIGKILL: all that Fargate grants, and what a Spot reclaim leaves."""

WORK = "/var/lib/windlass"
"""The work folder inside the container; deployments/Dockerfile creates it for the container's user."""


@dataclass(frozen=True)
class Size:
    """A Fargate task: CPU units (1024 = one vCPU), memory in MiB, ephemeral storage in GiB (21 to 200)."""

    cpu: int
    memory: int
    disk: int


SIZES = {
    "small": Size(512, 1024, 21),
    "medium": Size(2048, 4096, 40),
    "large": Size(4096, 8192, 80),
}
"""small: freshness, prune, sync-check. medium: a global model of 0.25 degree. large: a regional model of 3 km."""

STRATEGY = (
    {"capacityProvider": "FARGATE", "weight": 1, "base": 0},
    {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0},
)
"""Half of the tasks on demand, half on Spot. Said here and nowhere else: no variable of a pool reaches it.

Base 0: a worker starts one task a call, and a base that counts anew in each call would send all of them to one side.
"""

ON_DEMAND = ({"capacityProvider": "FARGATE", "weight": 1, "base": 0},)
"""Nothing that AWS takes back: for runs that lost their capacity too often."""

ON_DEMAND_POOL = "windlass-on-demand"

OURS = {
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_LOGGING_LEVEL": "INFO",
    "DO_NOT_TRACK": "1",
    "WINDLASS_WORK": WORK,
}
"""Without an API address a run must fail, not start a server of its own; SIGTERM puts it back into the queue."""

NOT_THEIRS = (
    "PREFECT_HOME",
    "PREFECT_PROFILES_PATH",
    "PREFECT_LOGGING_CONFIG_PATH",
    "PREFECT_LOCAL_STORAGE_PATH",
    "PREFECT_RESULTS_LOCAL_STORAGE_PATH",
    "PREFECT_MEMO_STORE_PATH",
    "PREFECT_SERVER_MEMO_STORE_PATH",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_PASSWORD",
    "PREFECT_SERVER_API_AUTH_STRING",
)
"""A worker hands all its own settings on to its tasks (Prefect 3.8.8): its paths and its database are not theirs."""


POOLS = (*(f"windlass-{size}" for size in SIZES), ON_DEMAND_POOL)


def pool_templates(ecs: EcsSettings) -> dict[str, dict[str, Any]]:
    """Every ECS work pool by name: one a size, and the one for runs that keep losing their capacity."""
    pools = {f"windlass-{size}": base_job_template(size, ecs) for size in SIZES}
    return {**pools, ON_DEMAND_POOL: base_job_template("large", ecs, on_demand=True)}


def base_job_template(size: str, ecs: EcsSettings | None = None, on_demand: bool = False) -> dict[str, Any]:
    """The base job template of a pool whose tasks have one of SIZES; raises KeyError, ValueError.

    A deployment may choose image, architecture, environment, name and labels. It cannot choose capacity, size, cluster
    or network: what a deployment says of them reaches no variable and is passed over.
    """
    ecs = ecs or EcsSettings()
    if "://" not in ecs.bucket:
        raise ValueError(
            f"WINDLASS_BUCKET is {ecs.bucket!r}: a task on ECS publishes to a bucket such as s3://bucket/prefix, its "
            "folders end with it"
        )
    return {
        "job_configuration": {
            "name": "{{ name }}",
            "labels": "{{ labels }}",
            "env": {
                **dict.fromkeys(NOT_THEIRS),
                **OURS,
                "AWS_DEFAULT_REGION": ecs.region,
                "WINDLASS_BUCKET": ecs.bucket,
                "WINDLASS_API_URLS": ecs.api_urls or None,
                "WINDLASS_DASK_ADDRESS": ecs.dask_address or None,
            },
            "cluster": ecs.cluster,
            "container_name": CONTAINER,
            "prefect_api_auth_string_secret_arn": ecs.api_auth_secret_arn,
            # A worker that was started anew finds what its predecessor registered.
            "match_latest_revision_in_family": True,
            "task_definition": _task_definition(size, ecs),
            "task_run_request": _run_request(ecs, on_demand),
        },
        "variables": _variables(ecs),
    }


def _task_definition(size: str, ecs: EcsSettings) -> dict[str, Any]:
    """One family a size: a family that two sizes share gets a revision each time the other one runs."""
    task = SIZES[size]
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": "{{ image }}",
        "essential": True,
        "stopTimeout": STOP_SECONDS,
        # As process 1 the command would not hear SIGTERM before it has imported Prefect.
        "linuxParameters": {"initProcessEnabled": True},
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": ecs.log_group,
                "awslogs-region": ecs.region,
                "awslogs-stream-prefix": size,
            },
        },
    }
    if ecs.notify_secret_arn:
        container["secrets"] = [{"name": "WINDLASS_NOTIFY_URLS", "valueFrom": ecs.notify_secret_arn}]
    definition = {
        "family": f"windlass-{size}",
        "cpu": str(task.cpu),
        "memory": str(task.memory),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "runtimePlatform": {"cpuArchitecture": "{{ architecture }}", "operatingSystemFamily": "LINUX"},
        "ephemeralStorage": {"sizeInGiB": task.disk},
        "containerDefinitions": [container],
    }
    roles = {"executionRoleArn": ecs.execution_role_arn, "taskRoleArn": ecs.task_role_arn}
    return {**definition, **{name: arn for name, arn in roles.items() if arn}}


def _run_request(ecs: EcsSettings, on_demand: bool) -> dict[str, Any]:
    request = {
        "cluster": ecs.cluster,
        "capacityProviderStrategy": [dict(provider) for provider in (ON_DEMAND if on_demand else STRATEGY)],
        "overrides": {"containerOverrides": [{"name": CONTAINER, "environment": []}]},
        "tags": "{{ labels }}",
    }
    if not ecs.subnets:
        # The worker looks the default VPC up.
        return request
    network = {
        "subnets": list(ecs.subnets),
        "securityGroups": list(ecs.security_groups),
        "assignPublicIp": "ENABLED" if ecs.public_ip else "DISABLED",
    }
    return {**request, "networkConfiguration": {"awsvpcConfiguration": network}}


def _variables(ecs: EcsSettings) -> dict[str, Any]:
    words = {"type": "object", "additionalProperties": {"type": "string"}, "default": {}}
    return {
        "type": "object",
        "properties": {
            "image": {
                "title": "Image",
                "type": "string",
                "default": ecs.image,
                "description": "deployments/Dockerfile, built for the architecture",
            },
            "architecture": {
                "title": "Architecture",
                "type": "string",
                "enum": ["ARM64", "X86_64"],
                "default": ecs.architecture,
                "description": "what the image was built for",
            },
            "env": {"title": "Environment Variables", **words},
            "labels": {"title": "Labels", **words},
            "name": {"title": "Name", "type": "string", "description": "name of the task; default: the flow run's"},
        },
    }
