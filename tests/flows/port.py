"""A run that arrives while it is ingested, on a clock that jumps: leads of RUN land ten minutes an hour of lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from deployments.simulator.arrivals import arrivals, by_clock
from deployments.simulator.clock import JumpingClock
from deployments.simulator.server import Fault, Server, serve
from flows.crew import Advance, PlainCrew
from flows.gfs import MODEL as GFS
from flows.ingest import ingest
from flows.model import Cycle
from flows.report import IngestReport
from flows.request import IngestRequest
from storage.bucket import open_bucket
from storage.manifest import Manifest, read_manifest
from tasks.wanted import Mirror

T = TypeVar("T")

RUN = datetime(2026, 4, 20, tzinfo=UTC)
LEADS = (0, 1, 2, 3, 6)
MODEL = replace(
    GFS, cycles=(Cycle((0, 6, 12, 18), LEADS),), arrival=((0, 220), (6, 280)), grace=30, stages=(), mirrors=()
)


class Killed(BaseException):
    """What a test does to an ingest at a step of its choice."""


@dataclass(frozen=True)
class Doomed(PlainCrew):
    """A crew that is killed when it begins a step."""

    at: str = ""

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        if name == self.at:
            raise Killed
        return super().step(name, work)


@dataclass
class Port:
    """A model whose run arrives, a bucket, a work folder; `told`: what the crew said."""

    folder: Path
    mirror: Path
    clock: JumpingClock = field(default_factory=lambda: JumpingClock(RUN))
    told: list[str] = field(default_factory=list)
    hear: Callable[[str], None] = lambda text: None
    work: str = "work"

    @contextmanager
    def serving(self, *faults: Fault, late: float = 0.0, secondary: float = 0.0) -> Iterator[Server]:
        """A server of the run at the model's pace, `late` minutes behind it; secondary files so many more."""
        times = {
            path: time + timedelta(minutes=late + ("pgrb2b" in path) * secondary)
            for path, time in arrivals(MODEL, [RUN]).items()
        }
        with serve(self.mirror, faults, appears=by_clock(times, self.clock)) as server:
            yield server

    def at(self, minutes: float) -> None:
        """Go on to so many minutes after the init time."""
        self.clock.jump((RUN + timedelta(minutes=minutes) - self.clock.now()).total_seconds())

    @property
    def minutes(self) -> float:
        return (self.clock.now() - RUN) / timedelta(minutes=1)

    def ingest(
        self, *servers: Server, stages: tuple[int, ...] = (), at: str = "", grace: int = 30, **fields: Any
    ) -> IngestReport:
        """Ingest from servers, mirror1 first, killed at a step where one is named."""
        mirrors = tuple(Mirror(f"mirror{number}", server.url) for number, server in enumerate(servers, 1))
        request = IngestRequest(bucket=str(self.folder / "bucket"), work=self.folder / self.work, **fields)
        model = replace(MODEL, stages=stages, mirrors=mirrors, grace=grace)
        return ingest(model, request, Doomed(self._tell, at=at), self.clock)

    def _tell(self, text: str) -> None:
        self.told.append(text)
        self.hear(text)

    @property
    def published(self) -> Manifest | None:
        return read_manifest(open_bucket(str(self.folder / "bucket")), "gfs")

    def left(self) -> list[str]:
        """Files of the work folder but locks."""
        files = [path for path in (self.folder / self.work).rglob("*") if path.is_file() and path.name != ".lock"]
        return sorted(path.name for path in files)
