"""Automations, brought into the state that is declared: one of a name, and none of ours that is declared no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import Automation, AutomationCore

from deployments.bootstrap.change import Change, Did, differences

PAGE = 200


def ensure_automations(client: SyncPrefectClient, wanted: Sequence[AutomationCore], tag: str) -> Iterator[Change]:
    """Create, update and remove the automations of a tag, which all of `wanted` have.

    Whether one is enabled is an operator's to change. `prefect automation create` makes a second one of the same name
    when it is run again; a second one is removed here.
    """
    names = {automation.name for automation in wanted}
    kept: dict[str, Automation] = {}
    for found in [found for found in _all(client) if tag in found.tags]:
        if found.name in names and found.name not in kept:
            kept[found.name] = found
        else:
            client.delete_automation(found.id)
            yield Change("automation", found.name, Did.REMOVED)
    for automation in wanted:
        existing = kept.get(automation.name)
        if existing is None:
            client.create_automation(automation)
            yield Change("automation", automation.name, Did.CREATED)
            continue
        wrong = differences(_facts(existing), _facts(automation))
        if wrong:
            client.update_automation(existing.id, _complete(automation, existing.enabled))
        disabled = "" if existing.enabled else "disabled"
        yield Change("automation", automation.name, Did.UPDATED if wrong else Did.UNCHANGED, wrong or disabled)


def ensure_triggers(client: SyncPrefectClient, deployment_id: UUID, wanted: Sequence[AutomationCore]) -> bool:
    """Bring the automations that a deployment owns into line; whether anything had to be done.

    A server does not say who owns an automation, but deletes by owner: people's own automations of this deployment
    stay.
    """
    owner = f"prefect.deployment.{deployment_id}"
    names = [automation.name for automation in wanted]
    there = [found for found in client.read_resource_related_automations(owner) if found.name in names]
    there.sort(key=lambda found: names.index(found.name))
    right = [_facts(found) for found in there] == [_facts(automation) for automation in wanted]
    if not right or not wanted:
        client.delete_resource_owned_automations(owner)
    if not right:
        for automation in wanted:
            client.create_automation(automation)
    return not right


def _all(client: SyncPrefectClient) -> list[Automation]:
    found: list[Automation] = []
    while page := client.read_automations(limit=PAGE, offset=len(found)):
        found += page
    return found


def _complete(automation: AutomationCore, enabled: bool) -> AutomationCore:
    """The same with every field set: an update leaves defaults out, and is refused for it (Prefect 3.8.8)."""
    # An owner is named once, on creation.
    facts = automation.model_dump(mode="json", exclude={"owner_resource"})
    return AutomationCore.model_validate({**facts, "enabled": enabled})


def _facts(automation: AutomationCore) -> dict[str, Any]:
    """What makes one automation the same as another. Sets have no order that JSON keeps."""
    facts = automation.model_dump(
        mode="json", include={"description", "tags", "trigger", "actions", "actions_on_trigger", "actions_on_resolve"}
    )
    trigger = facts["trigger"]
    for name in ("after", "expect", "for_each"):
        trigger[name] = sorted(trigger[name])
    return facts
