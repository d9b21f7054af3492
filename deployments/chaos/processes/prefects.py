"""Flow runs, their worker and the Prefect server itself, killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deployments.chaos.fault import Fault, Group
from deployments.chaos.processes.kills import at_any_moment
from deployments.chaos.processes.life import Life
from deployments.chaos.processes.world import World, ingest_of
from deployments.children import Child, Children, free_port
from tasks.incidents import Kind

GIVES_UP = 90.0
"""Seconds in which a flow run may find that its server is gone."""


@dataclass
class Office:
    """A Prefect server, and perhaps a worker. `url` of its API; `env` makes a process use it."""

    folder: Path
    children: Children
    port: int = field(default_factory=lambda: free_port(0))
    server: Child | None = None
    worker: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def env(self) -> dict[str, str]:
        return {
            "PREFECT_HOME": str(self.folder),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLIENT_MAX_RETRIES": "2",
            "DO_NOT_TRACK": "1",
        }

    def open(self) -> None:
        """Start the server on the database that it had, and return when it answers."""
        command = (sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        self.server = self.children.start("prefect-server", command, self.env)
        self.server.answer(f"{self.url}/health")

    def kill(self) -> None:
        """The server dies as it stands."""
        assert self.server
        members = [psutil.Process(self.server.process.pid)]
        members += members[0].children(recursive=True)
        for member in members:
            member.kill()
        self.server.process.wait()


@contextmanager
def office(folder: Path) -> Iterator[Office]:
    """A server that answers; it and all it has begun end with the block."""
    folder.mkdir(parents=True)
    with Children(folder / "logs") as children:
        opened = Office(folder, children)
        opened.open()
        yield opened


def flow(world: World) -> Life:
    """A flow run of the model begins in a process of its own."""
    arguments = [part for part in ingest_of(world.model, world.run, world.server.url) if part != "--direct"]
    return world.nursery.begin("flow", *arguments, "--work", world.work())


def flow_heals(world: World) -> None:
    """The next flow run, without a pause."""
    life = flow(world)
    if life.wait():
        raise RuntimeError(f"the next flow run ended with code {life.code}: {life.said()}")


def flow_killed(world: World) -> None:
    """At any moment, most of which goes into starting."""
    before = world.took
    world.took = 3 * before
    at_any_moment(world, flow(world))
    world.took = before


def server_faults(office: Office) -> tuple[Fault[World], ...]:
    """The server is gone when a flow run begins, while it works, when it has ended; and back on its database."""

    def gone_before(world: World) -> None:
        office.kill()
        refused = flow(world)
        if not refused.wait():
            world.breaches.append("a flow run began without a server")
        told = refused.said()
        if "Traceback" in told or "does not answer" not in told:
            world.breaches.append(f"that the server is gone is not said in a line: {told}")
        world.freshness()
        # What docs/runbook.md says to do meanwhile.
        world.publish()

    def gone_during(world: World) -> None:
        life = flow(world)
        life.over.wait(3 * world.took * world.chance.random())
        office.kill()
        if not life.over.wait(GIVES_UP):
            life.kill()
        life.wait()
        world.freshness()

    def gone_after(world: World) -> None:
        flow_heals(world)
        office.kill()
        world.freshness()

    def back(world: World) -> None:
        office.open()
        flow_heals(world)

    told, may = frozenset({Kind.FAILED}), frozenset({Kind.CRASHED})
    rows: tuple[tuple[str, str, Callable[[World], None]], ...] = (
        ("prefect-gone-before", "the Prefect server killed before a flow run", gone_before),
        ("prefect-gone-during", "the Prefect server killed while a flow run works", gone_during),
        ("prefect-gone-after", "the Prefect server killed after a flow run", gone_after),
    )
    return tuple(Fault(name, Group.PREFECT, title, begin, back, told, may) for name, title, begin in rows)


FLOWS: tuple[Fault[World], ...] = (
    Fault("flow-killed", Group.PREFECT, "kill -9 of a flow run, any moment", flow_killed, flow_heals),
)


def request(world: World) -> str:
    """The parameters of a deployment's run that ingests what the mirror holds, whatever is published."""
    leads = ingest_of(world.model, world.run, "")
    asked = {
        "mirror": world.server.url,
        "leads": leads[leads.index("--leads") + 1],
        "init_time": f"{world.run:%Y-%m-%dT%H:%MZ}",
        "force": True,
    }
    return json.dumps(asked)
