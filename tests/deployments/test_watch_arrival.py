"""From a lead's arrival at a mirror until it is served, through the real watch, the real ingest and the real sync.

The clock is a simulated one: on it files arrive at the model's own pace, and every wait of the watch, of the ingest and
of the sync takes the time that it takes. It stands still while the machine computes. So what is measured is what
waiting adds to computing, whatever machine this runs on: how stale the looks are, and how late whoever works is told.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest

from deployments.commands.sync import sync
from deployments.simulator.arrivals import arrivals, by_clock
from deployments.simulator.clock import JumpingClock
from deployments.simulator.server import Fault, serve
from deployments.watch.apart import apart
from deployments.watch.goals import Goal
from deployments.watch.watch import Watch
from flows.crew import PlainCrew
from flows.gfs import MODEL as GFS
from flows.ingest import ingest
from flows.model import Cycle, Model
from flows.report import Outcome
from flows.request import IngestRequest
from serving.stores import Stores
from serving.sync import JITTER, sync_once
from storage.folder import FolderBucket
from storage.manifest import read_manifest
from storage.verify import verify
from tasks.clock import FastClock
from tasks.wanted import Mirror

RUN = datetime(2026, 4, 20, tzinfo=UTC)
RUNS = [RUN, RUN + timedelta(hours=6)]
LEADS = (0, 1, 2)
WITHIN = timedelta(seconds=30)
TAKEN_UP = timedelta(seconds=1)
"""The API looks into its folder each second."""


class Stop(BaseException):
    """All runs are published."""


class Serving(JumpingClock):
    """A clock on which a serving machine syncs as rarely as it may. `served`: (run, lead) -> when it first was."""

    def __init__(self, time: datetime, bucket: FolderBucket, folder: Path) -> None:
        super().__init__(time)
        every = signature(sync).parameters["every"].default * (1 + JITTER)
        self._every, self._next = timedelta(seconds=every), time
        self._bucket, self._stores = bucket, Stores(folder)
        self.served: dict[tuple[datetime, int], datetime] = {}

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        until = self.now() + timedelta(seconds=seconds)
        while self._next < until:
            await super().sleep((self._next - self.now()).total_seconds(), wake)
            self._next += self._every
            self._sync()
        await super().sleep((until - self.now()).total_seconds(), wake)

    def _sync(self) -> None:
        report = sync_once(self._bucket, self._stores.folder)
        assert not report.failed, report
        self._stores.check()
        for store in self._stores.snapshot.stores:
            for minutes in store.schema.lead_times:
                self.served.setdefault((store.schema.init_time, minutes // 60), self.now() + TAKEN_UP)


@dataclass
class Ingesting:
    """A teller that ingests at once, in this process."""

    model: Model
    request: IngestRequest
    clock: Serving
    outcomes: list[Outcome] = field(default_factory=list)
    patience: float = 60.0

    async def tell(self, goal: Goal, now: datetime) -> None:
        report = await apart(lambda: ingest(self.model, self.request, PlainCrew(), self.clock))
        self.outcomes.append(report.outcome)
        if (report.init_time, len(report.leads)) == (RUNS[-1], len(LEADS)):
            await self.clock.sleep(60)
            raise Stop


@pytest.mark.parametrize("stages", [(), (0, 1)], ids=["whole runs", "every lead a stage"])
def test_leads_are_served_within_seconds_of_their_arrival(runs: Path, tmp_path: Path, stages: tuple[int, ...]) -> None:
    model = replace(GFS, cycles=(Cycle((0, 6, 12, 18), LEADS),), arrival=((0, 220), (2, 240)), stages=stages)
    bucket = FolderBucket(tmp_path / "bucket")
    clock = Serving(RUN + timedelta(minutes=100), bucket, tmp_path / "stores")
    times = arrivals(model, RUNS)
    with serve(runs, appears=by_clock(times, clock)) as server:
        model = replace(model, mirrors=(Mirror("mirror1", server.url),))
        teller = Ingesting(model, IngestRequest(bucket=bucket.base, work=tmp_path / "work"), clock)
        watch = Watch(model, model.mirrors, bucket, teller, clock, lambda text: None)
        with pytest.raises(Stop):
            asyncio.run(watch.run())
    for init_time in RUNS:
        for before, leads in zip([(), *model.stages_of(init_time)], model.stages_of(init_time), strict=False):
            arrived = max(times[model.products[0].index_path(init_time, lead)] for lead in leads)
            for lead in set(leads) - set(before):
                assert arrived <= clock.served[init_time, lead] <= arrived + WITHIN, (init_time, lead)
    assert set(teller.outcomes) == {Outcome.PUBLISHED}
    manifest = read_manifest(bucket, "gfs")
    assert manifest is not None
    assert (manifest.init_time, manifest.leads) == (RUNS[-1], len(LEADS))
    verify(bucket.path(manifest.key))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_an_ingest_ends_with_its_watch_whether_that_is_told_or_killed(
    windlass: Any, tmp_path: Path, number: signal.Signals
) -> None:
    place = tmp_path / "mirror"
    for lead in (0, 384):
        index = place / GFS.products[0].index_path(RUN, lead)
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(f"1:0:d=2026042000:TMP:2 m above ground:{f'{lead} hour fcst' if lead else 'anl'}:\n")
    clock = FastClock(RUN + timedelta(minutes=330))
    deadline = monotonic() + 60
    with serve(place, [Fault("*f000*", stall_after=10)]) as server:
        watch = ("watch", "gfs", "--ingest", "--mirror", server.url, "--clock", str(clock))
        with subprocess.Popen(**windlass.command(*watch), stderr=subprocess.DEVNULL) as process:
            while not any("f000" in path for path in server.paths()):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
                assert process.returncode is None
                assert monotonic() < deadline
            process.send_signal(number)
            assert process.wait(60) == (-number if number is signal.SIGKILL else 0)
        while left := [child for child in psutil.process_iter(["cmdline"]) if ingests(child, server.url)]:
            assert monotonic() < deadline, left


def ingests(process: psutil.Process, url: str) -> bool:
    command = process.info["cmdline"] or ()
    return url in command and "--direct" in command
