"""`windlass watch --ingest`, killed while its ingest works."""

from __future__ import annotations

import signal
from datetime import timedelta

from deployments.chaos.fault import Fault, Group
from deployments.chaos.processes.life import Life
from deployments.chaos.processes.weathers import make_weather
from deployments.chaos.processes.world import STEP, WEATHERS, World, wait_until
from deployments.simulator.run import model_grid
from tasks.clock import FastClock

LATER = timedelta(hours=9)
"""After the run began, by when all of it has long arrived: the watch's clock stands there."""
ENDS_WITHIN = 15.0


def watch_killed(world: World) -> None:
    """Its ingest dies with it, at whatever it does."""
    leads = world.model.stages_of(world.run)[0]
    folder = world.folder / "mirrors" / f"whole{world.at}"
    weather = make_weather(folder, world.model, world.run, leads, model_grid(world.model, STEP), WEATHERS)
    world.put(weather)
    watch = begin(world)
    wait_until(lambda: bool(watch.children()), "the watch ingests", watch)
    watch.over.wait(3 * world.took * world.chance.random())
    watch.kill()
    watch.wait()
    try:
        wait_until(lambda: not watch.family(), "its ingest ends with it", seconds=ENDS_WITHIN)
    except TimeoutError as error:
        world.breaches.append(str(error))


def watch_again(world: World) -> None:
    """It tells what is still to be done by what is published, and ends when it is told to."""
    leads = len(world.model.stages_of(world.run)[0])
    watch = begin(world)
    wait_until(lambda: world.published.leads == leads, "the watch publishes", watch)
    wait_until(lambda: not watch.children(), "its ingest ends", watch)
    watch.kill(signal.SIGTERM)
    if watch.wait():
        world.breaches.append(f"the watch ended with code {watch.code} on SIGTERM: {watch.said()}")


def begin(world: World) -> Life:
    """A watch over the mirror."""
    clock = FastClock(world.run + LATER)
    return world.nursery.begin(
        "watch", "watch", world.model.name, "--ingest", "--mirror", world.server.url, "--clock", clock
    )


WATCHES: tuple[Fault[World], ...] = (
    Fault("watch-killed", Group.KILL, "kill -9 of watch while its ingest works", watch_killed, watch_again),
)
