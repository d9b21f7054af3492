"""prefect.yaml, read: what each deployment shall be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect.events.schemas.automations import AutomationCore
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from storage.errors import StorageError

_VARIABLE = re.compile(r"\{\{\s*prefect\.variables\.([\w-]+)\s*\}\}")


class NotDeclared(StorageError, ValueError):
    """prefect.yaml cannot be read, or asks for what bootstrap does not give."""


@dataclass(frozen=True)
class Declared:
    """One deployment as prefect.yaml has it. `fields` are named as the server names them; `schedules` by slug."""

    name: str
    flow_name: str
    fields: dict[str, Any]
    schedules: dict[str, dict[str, Any]]
    triggers: tuple[DeploymentEventTrigger, ...]

    @property
    def full_name(self) -> str:
        return f"{self.flow_name}/{self.name}"

    def automations(self, deployment_id: Any) -> list[AutomationCore]:
        """What the triggers become for a deployment that exists."""
        found = []
        for trigger in self.triggers:
            trigger.set_deployment_id(deployment_id)
            found.append(trigger.as_automation())
        return found


def read_declared(file: Path, variables: Mapping[str, str]) -> list[Declared]:
    """The deployments of a prefect.yaml whose entrypoints lie beside it; raises NotDeclared.

    Placeholders of `variables` are filled in, except in pull steps, which ask when a flow runs.
    """
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
        return [_declared(entry, content["pull"], file.parent, variables) for entry in content["deployments"]]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise NotDeclared(f"{file} is not as bootstrap needs it: {error!r}") from error


def _declared(
    entry: Mapping[str, Any], pull: list[dict[str, Any]], root: Path, variables: Mapping[str, str]
) -> Declared:
    pool = _filled(entry["work_pool"], variables)
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(root / entry["entrypoint"]))
    return Declared(
        name=entry["name"],
        flow_name=flow.name,
        fields={
            "entrypoint": entry["entrypoint"],
            "description": entry["description"],
            "tags": entry["tags"],
            "parameters": entry["parameters"],
            "work_pool_name": pool["name"],
            "work_queue_name": pool["work_queue_name"],
            "job_variables": pool.get("job_variables", {}),
            "concurrency_limit": entry["concurrency_limit"]["limit"],
            "collision_strategy": entry["concurrency_limit"]["collision_strategy"],
            "pull_steps": pull,
            "parameter_openapi_schema": parameter_schema(flow).model_dump(mode="json", exclude_unset=True),
            "enforce_parameter_schema": True,
        },
        schedules={row["slug"]: {"cron": row["cron"], "timezone": row["timezone"]} for row in entry["schedules"]},
        triggers=tuple(DeploymentEventTrigger.model_validate(row) for row in entry.get("triggers", ())),
    )


def _filled(template: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(template, dict):
        return {key: _filled(value, variables) for key, value in template.items()}
    if not isinstance(template, str):
        return template
    return _VARIABLE.sub(lambda found: variables[found[1]], template)
