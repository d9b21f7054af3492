"""What the product takes from its surroundings comes from a world: bucket, clock, settings, and less patience."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flows.freshness
import flows.ingest
import flows.search
import flows.staging
import flows.sync_check
import flows.tail
import tasks.arrival
import tasks.telling
from storage.bucket import Bucket
from storage.settings import Settings
from tasks.clock import Clock
from tasks.fetch import fetch_leads
from tasks.find import find_run
from tasks.mirrors import Patience
from tasks.telling import tell_pending

HASTE = Patience(
    connect=0.2, stall=0.3, tries=1, first_delay=0.001, longest_delay=0.002, lead=2.5, not_yet=0.01, aside=5.0
)
"""A mirror that stalls costs half a second, not half a minute."""
ROOMY = SimpleNamespace(free=900_000_000_000, total=1_000_000_000_000)
AROUND = ("PREFECT_API_URL", "WINDLASS_NOTIFY_URL", "WINDLASS_NOTIFY_URLS")


@contextmanager
def exchanged(bucket: Bucket, settings: Settings, clock: Clock, is_small: Callable[[Path], bool]) -> Iterator[None]:
    """While the block lasts the flows of this process open this bucket, read these settings, and go by this clock.

    Only of disks that are small they see how full they are: how full this machine's is belongs to no world.
    """

    def usage(folder: Path) -> Any:
        return shutil.disk_usage(folder) if is_small(folder) else ROOMY

    def given() -> Settings:
        return settings

    def opened(url: str) -> Bucket:
        return bucket

    new: list[tuple[Any, str, Any]] = [
        (flows.ingest, "open_bucket", opened),
        (flows.staging, "fetch_leads", partial(fetch_leads, patience=HASTE)),
        (flows.search, "find_run", partial(find_run, patience=HASTE)),
        (flows.tail, "PATIENCE", HASTE),
        (tasks.arrival, "PATIENCE", HASTE),
        (flows.freshness, "shutil", SimpleNamespace(disk_usage=usage)),
        (tasks.telling, "tell_pending", partial(tell_pending, clock=clock.now, pause=_at_once)),
    ]
    for room in (flows.freshness, flows.sync_check):
        new += [(room, "open_bucket", opened), (room, "Settings", given)]
    old = [(module, name, getattr(module, name)) for module, name, _ in new]
    around = {name: os.environ.pop(name) for name in AROUND if name in os.environ}
    for module, name, value in new:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in old:
            setattr(module, name, value)
        os.environ.update(around)


def _at_once(seconds: float) -> None:
    """Between two tries at an address no time passes."""
