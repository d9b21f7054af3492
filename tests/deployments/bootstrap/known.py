"""What a Prefect server knows, and what bootstrap did to it."""

from __future__ import annotations

from typing import Any


def everything(client: Any) -> dict[str, Any]:
    """What a server knows, as plain data without times."""
    deployments = client.read_deployments()
    found = {
        "pools": client.read_work_pools(),
        "queues": [queue for pool in client.read_work_pools() for queue in client.read_work_queues(pool.name)],
        "variables": client.read_variables(),
        "deployments": deployments,
        "schedules": [schedule for deployment in deployments for schedule in deployment.schedules],
        "automations": client.read_automations(limit=200),
        "blocks": client.read_block_documents(limit=200),
    }
    volatile = {"updated", "created", "last_polled", "status", "ready", "slug", "global_concurrency_limit"}
    return {
        kind: sorted((row.model_dump(mode="json", exclude=volatile) for row in rows), key=lambda row: row["id"])
        for kind, rows in found.items()
    }


def done(changes: Any) -> dict[str, str]:
    """What was not left as it was: the name, and what was done."""
    return {change.name: f"{change.did} {change.detail}".strip() for change in changes if change.did != "unchanged"}
