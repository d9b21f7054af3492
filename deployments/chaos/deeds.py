"""What goes on in a world: runs are brought, synced, looked at; as flows, hooks, sync and cron do it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from deployments.chaos.killing import Hands, Point, deadly_bar, in_a_child
from deployments.chaos.world import World
from flows.bad_end import tell_bad_end
from flows.errors import BucketSilent, NotServed
from flows.freshness import freshness
from flows.ingest import ingest
from flows.lookout import Job, settle
from flows.model import Model
from flows.report import IngestReport
from flows.report import Outcome as Ended
from flows.request import IngestRequest
from flows.sync_check import sync_check
from serving.sync import sync_once
from storage.errors import StorageError
from tasks.errors import IngestError
from tasks.incidents import Kind
from tasks.telling import tell

LOG = logging.getLogger("windlass")


class Came(StrEnum):
    """How an ingest ended."""

    PUBLISHED = "published"
    NOTHING_NEW = "nothing new"
    FAILED = "failed"
    KILLED = "killed"


@dataclass(frozen=True)
class Attempt:
    """One ingest. `why`: what it raised."""

    model: str
    came: Came
    why: str = ""


def bring(world: World, model: Model) -> list[Attempt]:
    """Begin an ingest of the newest run, or two at once; and do what hooks do when it ends."""
    point = next((Point(point) for name, point in sorted(world.kills) if name == model.name), None)
    # Its hooks die with it: what is left behind is for the next one and for freshness.
    if point is not None and in_a_child(lambda: _ingest(world, model, "", point)):
        world.kills.discard((model.name, point))
        return [Attempt(model.name, Came.KILLED)]
    with ThreadPoolExecutor(len(world.machines) if world.twins else 1) as pool:
        return list(pool.map(lambda machine: _attempt(world, model, machine), world.machines))


def _ingest(world: World, model: Model, machine: str, point: Point | None = None) -> IngestReport:
    work = world.folders["work"] / machine if machine else world.folders["work"]
    request = IngestRequest(bucket=world.bucket.base, work=work)
    return ingest(model, request, Hands(moments=world.moments, point=point), world.machine)


def _attempt(world: World, model: Model, machine: str) -> Attempt:
    now = world.machine.now
    try:
        report = _ingest(world, model, machine)
    except (IngestError, StorageError) as error:
        job = Job(model.name, "", f"{model.name}-{now():%d%H%M}", "Failed", now(), message=str(error))
        tell_bad_end(world.settings, lambda: world.bucket, Kind.FAILED, job, now(), LOG)
        return Attempt(model.name, Came.FAILED, str(error))
    _after(lambda: settle(world.bucket, report, now()))
    _after(lambda: tell(world.bucket, world.settings))
    return Attempt(model.name, Came.PUBLISHED if report.outcome is Ended.PUBLISHED else Came.NOTHING_NEW)


def _after(work: Callable[[], object]) -> None:
    """What fails after a run was published is logged where hooks run, and is freshness' to find."""
    with suppress(StorageError, IngestError):
        work()


def sync(world: World) -> None:
    """One round; what fails is in its report, and tried again with the next. The API takes up what came."""
    if ("sync", Point.SYNC) in world.kills and in_a_child(
        lambda: sync_once(world.seen, world.folders["stores"], bars=deadly_bar)
    ):
        world.kills.discard(("sync", Point.SYNC))
    else:
        # What `sync_forever` goes on after.
        with suppress(StorageError):
            sync_once(world.seen, world.folders["stores"])
    world.stores.check()


def look(world: World) -> None:
    """What cron does every ten minutes: freshness, and whether what is published is served."""
    now = world.machine.now()
    expected = [model.name for model in world.models]
    for chore in (lambda: freshness(models=expected, now=now), lambda: sync_check(now=now)):
        # Those two have opened their incidents; of another error the hook of its flow run tells.
        with suppress(BucketSilent, NotServed, StorageError):
            chore()
    _after(lambda: tell(world.bucket, world.settings))
