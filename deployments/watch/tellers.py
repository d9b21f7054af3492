"""Who is told that leads have arrived: Prefect, or an ingest of our own. Both in child processes.

So the watch stays small: Prefect takes 1.6 s of CPU and 150 MB to load, an ingest more.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from deployments.children import die_with_parent
from deployments.watch.goals import Goal
from tasks.clock import FastClock

EVENT = "windlass.leads.arrived"
NO_SERVER = 3
"""How the child says that it knows of no Prefect server at all."""
ENDS_WITHIN = 5.0
"""Seconds that a child has to end when it is told to."""


class TellFailed(RuntimeError):
    """Nobody could be told; the message says why."""


class NoServer(TellFailed):
    """There is no Prefect server to tell: it is not configured."""


class Teller(Protocol):
    """Sets work on arrived leads going.

    `patience`: seconds after which a goal that is still not published is told again.
    """

    patience: float

    async def tell(self, goal: Goal, now: datetime) -> None:
        """Raises TellFailed. May come twice for a goal."""


class PrefectTeller:
    """One Prefect event `windlass.leads.arrived` about the resource `windlass.model.<name>`."""

    # Three times what a flow run of GFS takes on two cores.
    patience = 900.0

    async def check(self) -> None:
        """Raises NoServer, or TellFailed where the server does not answer now."""
        await self._emit([])

    async def tell(self, goal: Goal, now: datetime) -> None:
        await self._emit([event_of(goal, now)])

    async def _emit(self, events: list[dict[str, Any]]) -> None:
        code, said = await _run([sys.executable, "-m", "deployments.watch.emit"], json.dumps(events))
        if code:
            raise (NoServer if code == NO_SERVER else TellFailed)(said or f"the emitter ended with code {code}")


def event_of(goal: Goal, now: datetime) -> dict[str, Any]:
    """The event as Prefect's API takes it; `id` is left to whoever sends it."""
    return {
        "occurred": now.isoformat(),
        "event": EVENT,
        "resource": {"prefect.resource.id": f"windlass.model.{goal.model}", "prefect.resource.name": goal.model},
        "payload": goal.payload(),
    }


class IngestTeller:
    """`windlass ingest MODEL --direct`, one after the other: each uses all cores. `options`: for all of them."""

    # It has ended by then.
    patience = 60.0

    def __init__(self, options: Sequence[str] = (), clock: FastClock | None = None) -> None:
        self._options = tuple(options)
        self._clock = clock
        self._turn = asyncio.Semaphore(1)

    async def tell(self, goal: Goal, now: datetime) -> None:
        async with self._turn:
            clock = ("--now", f"{self._clock.now():%Y-%m-%dT%H:%M}") if self._clock else ()
            command = [
                sys.executable,
                "-m",
                "deployments.cli",
                "ingest",
                goal.model,
                "--direct",
                *self._options,
                *clock,
            ]
            code, _ = await _run(command)
        if code:
            raise TellFailed(f"windlass ingest {goal.model} ended with code {code}")


async def _run(command: Sequence[str], given: str | None = None) -> tuple[int, str]:
    """Exit code and last line on stderr; without anything `given` the child's output is ours."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL if given is None else PIPE,
        stdout=DEVNULL,
        stderr=None if given is None else PIPE,
        preexec_fn=die_with_parent if sys.platform == "linux" else None,
    )
    try:
        _, said = await process.communicate(None if given is None else given.encode())
    except BaseException:
        await _end(process)
        raise
    assert process.returncode is not None
    lines = (said or b"").decode(errors="replace").strip().splitlines()
    return process.returncode, lines[-1] if lines else ""


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), ENDS_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()
