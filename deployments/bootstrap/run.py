"""Everything a Prefect server must know, in the order in which one needs the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient

from deployments.bootstrap.alarms import TAG, TELLER, Windows, alarms
from deployments.bootstrap.automations import ensure_automations
from deployments.bootstrap.blocks import ensure_block, remove_blocks
from deployments.bootstrap.change import Change
from deployments.bootstrap.declared import read_declared
from deployments.bootstrap.deploy import ensure_deployment
from deployments.bootstrap.pools import Pool, ensure_pool
from deployments.bootstrap.variables import ensure_variable


@dataclass(frozen=True)
class Wanted:
    """What a bootstrap shall bring about. `variables` are what prefect.yaml asks for; `urls` are told by the server."""

    pools: Sequence[Pool]
    variables: dict[str, str]
    urls: Sequence[str]
    file: Path
    windows: Windows = field(default_factory=Windows)


def bootstrap(client: SyncPrefectClient, wanted: Wanted, tell: Callable[[Change], None]) -> list[Change]:
    """Bring a server into the wanted state; `tell` gets each change as it is done.

    Killed anywhere, what was done stays and the next run does the rest. Raises WrongPool, NotDeclared.
    """
    changes: list[Change] = []
    for change in _steps(client, wanted):
        changes.append(change)
        tell(change)
    return changes


def _steps(client: SyncPrefectClient, wanted: Wanted) -> Iterator[Change]:
    # Before anything is touched: a file that cannot be read leaves the server as it is.
    declared = read_declared(wanted.file, wanted.variables)
    for pool in wanted.pools:
        yield from ensure_pool(client, pool)
    for name, value in wanted.variables.items():
        yield ensure_variable(client, name, value)
    blocks = []
    for number, url in enumerate(wanted.urls, start=1):
        block, change = ensure_block(client, number, url)
        blocks.append(block)
        yield change
    for deployment in declared:
        yield ensure_deployment(client, deployment)
    teller = next(deployment.full_name for deployment in declared if deployment.name == TELLER)
    pools = [pool.name for pool in wanted.pools]
    teller_id = client.read_deployment_by_name(teller).id
    yield from ensure_automations(client, alarms(teller_id, pools, blocks, wanted.windows), TAG)
    # Last, as automations may not name a block that is gone.
    yield from remove_blocks(client, blocks)
