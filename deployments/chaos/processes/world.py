"""The house as it runs on one machine: a mirror, a bucket, sync, two API workers, somebody who is told."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any
from urllib.request import urlopen

import psutil

from deployments.chaos.processes.life import PATIENCE, Life, Nursery, nursery
from deployments.chaos.processes.weathers import PLACE, Weather, make_weather
from deployments.chaos.processes.witness import Asked, Witness
from deployments.chaos.sink import Sink, open_sink
from deployments.children import free_port
from deployments.simulator.run import model_grid
from deployments.simulator.server import Server, serve
from flows.model import Model
from serving.preference import source_name
from storage.folder import FolderBucket
from storage.manifest import Manifest, read_manifest

LEADS = tuple(range(0, 31, 6))
STEP = 10.0
WEATHERS = 6
"""Different ones, in turn: more than are in the bucket, in the folder of stores and on the way at once."""


def newest_run(now: datetime) -> datetime:
    """The start of the newest run that a model of four runs a day has begun."""
    return now.replace(hour=now.hour // 6 * 6, minute=0, second=0, microsecond=0)


@dataclass
class World:
    """Where everything lies. `at`: which weather is on the mirror; with each publication it becomes another one."""

    folder: Path
    model: Model
    run: datetime
    weathers: list[Weather]
    env: Mapping[str, str]
    nursery: Nursery
    server: Server
    sink: Sink
    port: int
    at: int = 0
    api: Life | None = None
    sync: Life | None = None
    took: float = 1.5
    chance: Random = field(default_factory=lambda: Random(0))
    breaches: list[str] = field(default_factory=list)
    witness: Witness | None = None

    @property
    def bucket(self) -> Path:
        return self.folder / "bucket"

    @property
    def stores(self) -> Path:
        return self.folder / "stores"

    def work(self, machine: int = 1) -> Path:
        """The work folder of a machine."""
        return self.folder / f"work{machine}"

    @property
    def published(self) -> Manifest:
        """What is published now; raises LookupError where nothing is."""
        manifest = read_manifest(FolderBucket(self.bucket), self.model.name)
        if manifest is None:
            raise LookupError(f"no run of {self.model.name} is published")
        return manifest

    def next_weather(self) -> None:
        """The mirror holds another weather from now on; what was staged of the one before serves no more."""
        for staged in self.folder.glob("work*/*/*/staged"):
            shutil.rmtree(staged.parent)
        self.at += 1
        self.server.folder = self.weather(0).folder

    def put(self, weather: Weather) -> None:
        """The mirror holds this weather, in place of the one it held."""
        self.weathers[self.at % len(self.weathers)] = weather
        self.server.folder = weather.folder

    def spoil(self, change: Callable[[str], str]) -> None:
        """The mirror serves changed indexes of the first product, until `mend`."""
        here = self.weather(0).folder
        self.server.folder = shutil.copytree(here, here.with_name(f"spoilt{self.at}"))
        for lead in LEADS:
            index = self.server.folder / self.model.products[0].index_path(self.run, lead)
            index.write_text(change(index.read_text()))

    def mend(self) -> None:
        """The mirror is as it should be."""
        spoilt, self.server.folder = self.server.folder, self.weather(0).folder
        shutil.rmtree(spoilt)

    def weather(self, back: int) -> Weather:
        """The one on the mirror, or the one so many before."""
        return self.weathers[(self.at - back) % len(self.weathers)]

    def asked(self) -> Asked:
        """What a witness asks, and what it may be told: the weather of the last publication, or the one to come."""
        name = self.model.name
        others = ",".join(source_name(other) for other in ("gfs", "ifs") if other != name)
        latitude, longitude = PLACE
        return Asked(
            url=f"http://127.0.0.1:{self.port}/forecast/key/{latitude:g},{longitude:g}"
            f"?units=si&exclude=currently,daily,{others}",
            model=name,
            source=source_name(name),
            run=f"{self.run:%Y-%m-%d %H}Z",
            # A worker, or the folder of stores, may lag a publication behind.
            truths=lambda: [self.weather(back).truth for back in (2, 1, 0)],
        )

    def ingest(self, name: str = "ingest", machine: int = 1, **options: str) -> Life:
        """An ingest of the run on the mirror begins, which publishes it again."""
        more = [part for option, value in options.items() for part in (f"--{option}", value)]
        return self.nursery.begin(name, *ingest_of(self.model, self.run, self.server.url), "--work", self.work(machine),
                                  *more)  # fmt: skip

    def publish(self, machine: int = 1) -> None:
        """An ingest to its end; raises RuntimeError where it is no success."""
        begun = monotonic()
        life = self.ingest(machine=machine)
        if life.wait():
            raise RuntimeError(f"the next ingest ended with code {life.code}: {life.said()}")
        self.took = monotonic() - begun

    def start_api(self) -> None:
        """Two workers, and return when they answer."""
        self.api = self.nursery.begin("serve", "serve", "--stores", self.stores, "--port", self.port, "--workers", 2)
        wait_until(self.answers, "the API answers", self.api)

    def api_workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        assert self.api
        return [child for child in self.api.children() if "spawn_main" in " ".join(_command(child))]

    def away(self) -> None:
        """From now on nobody need answer, until `back`."""
        if self.witness:
            self.witness.away = True

    def back(self) -> None:
        """From now on somebody must answer again."""
        if self.witness:
            self.witness.away = False

    def start_sync(self) -> None:
        """It looks every second."""
        self.sync = self.nursery.begin("sync", "sync", "--every", 1)

    def freshness(self) -> dict[str, Any]:
        """One look, as cron does it; its report."""
        look = self.nursery.begin("freshness", "freshness", "--json")
        look.wait()
        text = look.log.read_text()
        report: dict[str, Any] = json.loads(text[text.index("{") :])
        return report

    def answers(self) -> bool:
        """Whether the API answers now."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def ingest_of(model: Model, run: datetime, mirror: str) -> list[str]:
    """The arguments of an ingest of that run, whatever is published."""
    leads = f"{LEADS[0]}-{LEADS[-1]}/{LEADS[1] - LEADS[0]}"
    return ["ingest", model.name, "--direct", "--mirror", mirror, "--init-time", f"{run:%Y-%m-%dT%H}",
            "--leads", leads, "--force"]  # fmt: skip


def wait_until(true: Callable[[], bool], what: str, life: Life | None = None, seconds: float = PATIENCE) -> None:
    """Wait for something to become true; raises TimeoutError, with what `life` said last, RuntimeError if it ended."""
    deadline, pause = monotonic() + seconds, threading.Event()
    while not true():
        if life is not None and life.over.is_set():
            raise RuntimeError(f"{life.name} ended with code {life.code} before {what}: {life.said()}")
        if monotonic() > deadline:
            raise TimeoutError(f"it never came that {what}" + (f": {life.said()}" if life else ""))
        pause.wait(0.02)


@contextmanager
def running(folder: Path, model: Model, more: Mapping[str, str] | None = None) -> Iterator[World]:
    """A world in which one run is published, synced and served; all its processes end with the block.

    `more`: of the environment of all of them.
    """
    run = newest_run(datetime.now(UTC))
    grid = model_grid(model, STEP)
    weathers = [
        make_weather(folder / "mirrors" / str(number), model, run, LEADS, grid, number) for number in range(WEATHERS)
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "WINDLASS_"))}
    with serve(weathers[0].folder) as server, open_sink() as sink:
        env |= {
            "WINDLASS_BUCKET": str(folder / "bucket"),
            "WINDLASS_STORES": str(folder / "stores"),
            "WINDLASS_WORK": str(folder / "work1"),
            "WINDLASS_NOTIFY_URLS": sink.url,
            "PREFECT_HOME": str(folder / "prefect"),
            "COLUMNS": "200",
            **(more or {}),
        }
        warming = ingest_of(model, run, server.url)
        with nursery(env, folder / "logs", warming) as born:
            world = World(folder, model, run, weathers, env, born, server, sink, free_port(0))
            world.nursery.begin("sync", "sync", "--once").wait()
            world.start_api()
            world.start_sync()
            world.freshness()
            yield world
