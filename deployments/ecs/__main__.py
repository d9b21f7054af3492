"""`python -m deployments.ecs`: the workers of the ECS pools, in one process."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer

from deployments.ecs.pools import POOLS

app = typer.Typer(add_completion=False)


@app.command()
def work(
    pools: Annotated[list[str] | None, typer.Argument(help="Work pools to serve; default: all of them.")] = None,
) -> None:
    """Start tasks on ECS for scheduled flow runs, count what Spot takes away. Until SIGTERM or Ctrl-C."""
    asyncio.run(_work(tuple(pools or POOLS)))


async def _work(pools: tuple[str, ...]) -> None:
    import anyio

    from deployments.ecs.telling import tell_people
    from deployments.ecs.worker import CountingWorker, watch_reclaims

    watch_reclaims(tell_people)
    async with anyio.create_task_group() as group:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, group.cancel_scope.cancel)
        for pool in pools:
            # A worker that ends takes the others along: ECS starts the service's task anew.
            worker = CountingWorker(pool, name=f"windlass {pool}", create_pool_if_not_found=False, tell=tell_people)
            group.start_soon(worker.start)


if __name__ == "__main__":
    app()
