"""A watch on a fast clock: mirrors that fill while it looks, and the runs that it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.simulator.arrivals import INDEX_AFTER, arrivals, by_clock
from deployments.simulator.clock import JumpingClock
from deployments.simulator.server import Fault, Server, serve
from deployments.watch.goals import NOTHING, Goal, goals
from deployments.watch.watch import Watch
from flows.gfs import MODEL as GFS
from flows.model import Cycle
from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key
from tasks.wanted import Mirror

RUN = datetime(2026, 4, 20, tzinfo=UTC)
LEADS = (0, 1, 2, 3, 6)
MODEL = replace(
    GFS, cycles=(Cycle((0, 6, 12, 18), LEADS),), arrival=((0, 220), (6, 280)), grace=30, stages=(2,), mirrors=()
)
INIT_TIMES = [RUN + timedelta(hours=hours) for hours in range(-12, 61, 6)]
PATIENCE = 900.0


class Stop(BaseException):
    """The watch is killed."""


@dataclass
class Worker:
    """Who is told. `act` may publish, fail or kill; `heard`: every goal with the minutes since RUN."""

    clock: JumpingClock
    act: Callable[[Goal], None]
    heard: list[tuple[str, float]] = field(default_factory=list)
    patience: float = PATIENCE

    async def tell(self, goal: Goal, now: datetime) -> None:
        minutes = (now - RUN) / timedelta(minutes=1)
        self.heard.append((f"{goal.init_time:%dT%H} {goal.leads[-1]}", minutes))
        self.act(goal)


@dataclass
class Tower:
    """A bucket, a mirror, a clock and whoever watches them. `said`: what people were told."""

    folder: Path
    mirror: Path
    clock: JumpingClock
    said: list[str] = field(default_factory=list)

    @property
    def bucket(self) -> FolderBucket:
        return FolderBucket(self.folder / "bucket")

    def publish(self, goal: Goal) -> None:
        manifest = Manifest(
            model="gfs",
            init_time=goal.init_time,
            key="gfs/some.zarr.zip",
            size=1,
            sha256="0" * 64,
            generation=1,
            leads=len(goal.leads),
            last_lead=60 * goal.leads[-1],
            published_at=self.clock.now(),
            freshness=MODEL.freshness,
        )
        self.bucket.write(manifest_key("gfs"), manifest.to_bytes())

    @contextmanager
    def serving(self, *faults: Fault) -> Iterator[Server]:
        times = arrivals(MODEL, INIT_TIMES)
        with serve(self.mirror, faults, appears=by_clock(times, self.clock)) as server:
            yield server

    def watch(
        self,
        *mirrors: Server | Path,
        act: Callable[[Goal], None],
        until: float,
        tick: Callable[[], None] = lambda: None,
    ) -> list[tuple[str, float]]:
        """What a watch begun now tells until so many minutes after RUN, or until `act` kills it.

        `tick` is called whenever it has slept.
        """
        worker = Worker(self.clock, act)

        class Ending(JumpingClock):
            async def sleep(ending, seconds: float, wake: asyncio.Event | None = None) -> None:
                await self.clock.sleep(seconds, wake)
                tick()
                if self.clock.now() >= RUN + timedelta(minutes=until):
                    raise Stop

            def now(ending) -> datetime:
                return self.clock.now()

        places = [
            Mirror(f"mirror{number}", str(mirror) if isinstance(mirror, Path) else mirror.url)
            for number, mirror in enumerate(mirrors, 1)
        ]
        watch = Watch(MODEL, places, self.bucket, worker, Ending(RUN), self.said.append)
        with pytest.raises(Stop):
            asyncio.run(watch.run())
        return worker.heard


def minutes_of(hours: int, lead: int) -> float:
    """When the index of a lead lands, in minutes after RUN; `hours`: of the init time after RUN."""
    lands = MODEL.arrives(RUN + timedelta(hours=hours), lead) + INDEX_AFTER
    return (lands - RUN) / timedelta(minutes=1)


def begun(tower: Tower, init_time: datetime = RUN - timedelta(hours=6)) -> None:
    """All of a run is published."""
    tower.publish(goals(MODEL, init_time, NOTHING)[0])
