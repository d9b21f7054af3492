"""Deployments: what differs from prefect.yaml is brought into line, what does not is left alone.

Prefect's own `deploy` writes everything anew each time, and its runs that were scheduled already are deleted with it
(Prefect 3.8.8).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentScheduleUpdate, DeploymentUpdate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound

from deployments.bootstrap.automations import ensure_triggers
from deployments.bootstrap.change import Change, Did, differences
from deployments.bootstrap.declared import Declared


def ensure_deployment(client: SyncPrefectClient, wanted: Declared) -> Change:
    """Create a deployment with its schedules and triggers, or bring it into line."""
    try:
        there = client.read_deployment_by_name(wanted.full_name)
    except ObjectNotFound:
        created = client.create_deployment(
            flow_id=client.create_flow_from_name(wanted.flow_name),
            name=wanted.name,
            schedules=[
                DeploymentScheduleCreate(schedule=CronSchedule(**cron), slug=slug)
                for slug, cron in wanted.schedules.items()
            ],
            **_payload(wanted.fields),
        )
        ensure_triggers(client, created, wanted.automations(created))
        return Change("deployment", wanted.full_name, Did.CREATED, _crons(wanted))
    wrong = list(filter(None, [differences(_fields(there), wanted.fields), _schedules(client, there, wanted)]))
    if differences(_fields(there), wanted.fields):
        client.update_deployment(there.id, DeploymentUpdate(**_payload(wanted.fields)))
    if ensure_triggers(client, there.id, wanted.automations(there.id)):
        wrong.append("triggers")
    if wrong:
        return Change("deployment", wanted.full_name, Did.UPDATED, ", ".join(wrong))
    paused = "paused" if there.paused or not all(row.active for row in there.schedules) else ""
    return Change("deployment", wanted.full_name, Did.UNCHANGED, paused or _crons(wanted))


def _fields(there: DeploymentResponse) -> dict[str, Any]:
    """A deployment as the server has it, in the shape of Declared.fields."""
    fields = there.model_dump(mode="json")
    limit, options = there.global_concurrency_limit, there.concurrency_options
    return {
        **fields,
        "concurrency_limit": limit.limit if limit else None,
        "collision_strategy": options.collision_strategy.value if options else None,
    }


def _payload(fields: dict[str, Any]) -> dict[str, Any]:
    """The same fields in the shape that the server takes."""
    payload = dict(fields)
    payload["concurrency_options"] = ConcurrencyOptions(collision_strategy=payload.pop("collision_strategy"))
    return payload


def _schedules(client: SyncPrefectClient, there: DeploymentResponse, wanted: Declared) -> str:
    """Bring the schedules into line, each by its slug; what is left of its old name runs no more. Says what was wrong.

    Whether a schedule is active is an operator's to change.
    """
    wrong = []
    found: dict[str | None, UUID] = {}
    for row in there.schedules:
        if row.slug not in wanted.schedules or row.slug in found:
            client.delete_deployment_schedule(there.id, row.id)
            wrong.append(f"schedule {row.slug or row.id} removed")
            continue
        found[row.slug] = row.id
        cron = wanted.schedules[row.slug]
        if differences(row.schedule.model_dump(mode="json"), cron):
            update = DeploymentScheduleUpdate(schedule=CronSchedule(**cron))
            client.update_deployment_schedule(there.id, row.id, active=row.active, schedule=update.schedule)
            wrong.append(f"schedule {row.slug}")
    for slug in wanted.schedules.keys() - found.keys():
        create = DeploymentScheduleCreate(schedule=CronSchedule(**wanted.schedules[slug]), slug=slug)
        client.create_deployment_schedules(there.id, [create])
        wrong.append(f"schedule {slug}")
    return ", ".join(wrong)


def _crons(wanted: Declared) -> str:
    return "; ".join(schedule["cron"] for schedule in wanted.schedules.values())
