"""Prefect variables: what prefect.yaml asks the server for."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate

from deployments.bootstrap.change import Change, Did


def ensure_variable(client: SyncPrefectClient, name: str, value: str) -> Change:
    """Set a variable."""
    there = client.read_variable_by_name(name)
    if there is None:
        client.create_variable(VariableCreate(name=name, value=value))
        return Change("variable", name, Did.CREATED, value)
    if there.value == value:
        return Change("variable", name, Did.UNCHANGED, value)
    client.update_variable(VariableUpdate(name=name, value=value))
    return Change("variable", name, Did.UPDATED, f"{there.value} -> {value}")
