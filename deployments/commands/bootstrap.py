"""`windlass bootstrap`: a Prefect server learns all it must know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deployments.bootstrap.change import Change

HELP = """Teach a Prefect server what to run, when and where, and what to notice by itself.

Creates work pools, variables, notification blocks, the deployments of prefect.yaml and automations, in this order. \
Run it as often as you like: what is as it should be is left alone, what a killed run left out is made up for, and \
what you paused or disabled stays so.

[bold]Examples[/bold]

  windlass bootstrap                    the server at PREFECT_API_URL; flow runs as processes of one machine
  windlass bootstrap --ecs              flow runs on Fargate: see docs/ecs.md for what to set
  windlass bootstrap --json             the changes as JSON

[bold]Environment[/bold]

  WINDLASS_POOL_LIGHT, WINDLASS_POOL_HEAVY   names of the pools of chores and of models
  WINDLASS_CODE_DIR                          where the code lies for those who run flows
  WINDLASS_NOTIFY_URLS                       whom the server itself tells that a pool has no worker
"""


STARTUP_SECONDS = 120
"""A server that was started just now takes 10 s, on two busy cores 50 s."""


def bootstrap(
    ecs: Annotated[bool, typer.Option("--ecs", help="Work pools of type ecs, from deployments/ecs/.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")] = False,
) -> None:
    from deployments.console import fail, require_extra, say

    require_extra("ingest", "eccodes", "prefect")
    import json
    from dataclasses import asdict

    from deployments.bootstrap.run import bootstrap as work
    from deployments.bootstrap.wanted import ecs_wanted, local_wanted
    from deployments.prefect_server import prefect_client

    def tell(change: Change) -> None:
        say(_line(change))

    try:
        wanted = ecs_wanted() if ecs else local_wanted()
    except ValueError as error:
        fail(str(error))
    with prefect_client(patience=STARTUP_SECONDS) as client:
        changes = work(client, wanted, tell)
    if as_json:
        typer.echo(json.dumps([asdict(change) for change in changes], indent=2))
    else:
        typer.echo("\n".join(summary(changes)))


bootstrap.__doc__ = HELP


def _line(change: Change) -> str:
    return f"{change.kind} {change.name}: {change.did}" + (f" ({change.detail})" if change.detail else "")


def summary(changes: Sequence[Change]) -> list[str]:
    """A table of how many things of a kind were created, updated, removed, or left as they were."""
    from deployments.bootstrap.change import Did

    kinds = list(dict.fromkeys(change.kind for change in changes))
    rows = [["", *Did]]
    rows += [
        [kind, *(str(sum(change.kind == kind and change.did is did for change in changes)) for did in Did)]
        for kind in kinds
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            text.ljust(width) if not at else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    if all(change.did is Did.UNCHANGED for change in changes):
        lines += ["", "Nothing to do: everything is as it should be."]
    return lines
