"""The Prefect worker and the flow runs that it starts, killed."""

from __future__ import annotations

import sys

import psutil

from deployments.chaos.fault import Fault, Group
from deployments.chaos.processes.prefects import Office, request
from deployments.chaos.processes.world import World, wait_until
from deployments.children import Child
from tasks.incidents import Kind


def worker_faults(office: Office) -> tuple[Fault[World], ...]:
    """Of a server that knows the deployments, and a worker on this machine."""

    def run_killed(world: World) -> None:
        asked, heard = len(world.server.asked), len(world.sink.heard)
        start(office, world)
        wait_until(lambda: len(world.server.asked) > asked, "the flow run fetches")
        for process in runs_of(office):
            process.kill()
        wait_until(lambda: len(world.sink.heard) > heard, "people are told")

    def worker_killed(world: World) -> None:
        asked = len(world.server.asked)
        start(office, world)
        wait_until(lambda: len(world.server.asked) > asked, "the flow run fetches")
        left = runs_of(office)
        worker = office.worker
        assert worker
        worker.process.kill()
        worker.process.wait()
        # Without its worker it ends by itself, or has ended, and tells the server how (Prefect 3.8.8).
        _, alive = psutil.wait_procs(left, timeout=120)
        if alive:
            world.breaches.append("a flow run without its worker does not end")
        office.worker = begin(office, world)

    def start_again(world: World) -> None:
        generation = world.published.generation
        start(office, world)
        wait_until(lambda: world.published.generation > generation, "the next flow run publishes")
        wait_until(lambda: not runs_of(office), "the next flow run ends")

    return (
        Fault("worker-run-killed", Group.PREFECT, "kill -9 of a flow run of a worker", run_killed, start_again,
              frozenset({Kind.CRASHED})),
        Fault("worker-killed", Group.PREFECT, "kill -9 of the worker, while its flow run works", worker_killed,
              start_again, may=frozenset({Kind.CRASHED})),
    )  # fmt: skip


def teach(office: Office, world: World) -> None:
    """The server learns the deployments, none of which comes by the clock meanwhile; a worker begins."""
    from prefect import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    # The server's own notices, of pools and chores, are none of the incidents that are counted here.
    bootstrap = world.nursery.begin("bootstrap", "bootstrap", env={"WINDLASS_NOTIFY_URLS": ""})
    if bootstrap.wait():
        raise RuntimeError(f"bootstrap ended with code {bootstrap.code}: {bootstrap.said()}")
    with temporary_settings({PREFECT_API_URL: office.url}), get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            client.pause_deployment(deployment.id)
    office.worker = begin(office, world)


def begin(office: Office, world: World) -> Child:
    """A worker of the one pool of a machine."""
    command = (sys.executable, "-m", "prefect", "worker", "start", "--pool", "windlass")
    number = sum(life.name == "start" for life in world.nursery.lives)
    return office.children.start(f"worker-{number}", command, world.env)


def start(office: Office, world: World) -> None:
    """A run of the model's deployment is asked for."""
    command = (sys.executable, "-m", "prefect", "deployment", "run", f"{world.model.name}/{world.model.name}",
               "--param", f"request={request(world)}")  # fmt: skip
    office.children.start("start", command, world.env).wait()


def runs_of(office: Office) -> list[psutil.Process]:
    """The processes of flow runs that the worker has started."""
    assert office.worker
    try:
        return psutil.Process(office.worker.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
