"""`python -m deployments.ecs`: what runs on AWS beside the tasks themselves."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import Annotated

import typer

from deployments.ecs.pools import POOLS

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command("log-group")
def log_group() -> None:
    """Create the log group of flow runs, and set how many days it keeps its lines: WINDLASS_ECS_LOG_DAYS."""
    import boto3

    from deployments.ecs.logs import keep_log_group
    from deployments.ecs.settings import EcsSettings

    ecs = EcsSettings()
    keep_log_group(boto3.client("logs", region_name=ecs.region), ecs.log_group, ecs.log_days)
    typer.echo(f"{ecs.log_group} keeps its lines {ecs.log_days} days")


@app.command("work")
def work(
    pools: Annotated[list[str] | None, typer.Argument(help="Work pools to serve; default: all of them.")] = None,
) -> None:
    """Start tasks on ECS for scheduled flow runs, and count what Spot takes away. Until SIGTERM or Ctrl-C."""
    asyncio.run(_work(tuple(pools or POOLS)))


async def _work(pools: tuple[str, ...]) -> None:
    import anyio

    from deployments.ecs.observer import keep_observing, watch_reclaims
    from deployments.ecs.telling import tell_people
    from deployments.ecs.worker import CountingWorker

    watch_reclaims(tell_people)
    async with anyio.create_task_group() as group:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, group.cancel_scope.cancel)
        for pool in pools:
            # A worker that ends takes the others along: ECS starts the service's task anew.
            name = f"{pool} at {socket.gethostname()}"
            worker = CountingWorker(pool, name=name, create_pool_if_not_found=False, tell=tell_people)
            group.start_soon(worker.start)
        group.start_soon(keep_observing)


if __name__ == "__main__":
    app()
