"""How old are the published data, and is anything in their way? The layer that trusts no job's success."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from flows.chore import chore
from flows.errors import BucketSilent, ServerSilent
from flows.lookout import RED, Job, ModelFreshness, bad_end, look_at
from flows.models import model_names
from storage.bucket import Bucket, open_bucket
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.manifest import models_in
from storage.redact import Said
from storage.settings import Settings
from storage.sizes import size_in_words
from tasks.handover import hand_over
from tasks.incidents import Incident, Kind, close_incident, open_incident
from tasks.looked import DiskLook, Looked, keep_looked
from tasks.telling import fallback, tell, tell_from_here

CHORES = ("freshness", "prune", "sync-check")
NEARLY_FULL_SHARE, NEARLY_FULL_BYTES = 0.1, 20_000_000_000
"""A disk with less room than both: an ingest of GFS takes 7 GB, and its store stays."""
EMPTY_AGAIN = 1.2


class DiskRoom(BaseModel):
    """The disk of a folder on this machine: of the work folder, of a bucket, of the stores."""

    name: str
    free: int
    total: int
    nearly_full: bool

    def in_words(self) -> str:
        return f"the disk of the {self.name} folder has {size_in_words(self.free)} of {size_in_words(self.total)} free"


class FreshnessReport(BaseModel):
    """What `freshness` saw, and what people were told. `problems` are those besides the models' own."""

    bucket: str
    time: datetime
    models: list[ModelFreshness] = Field(default_factory=list)
    disks: list[DiskRoom] = Field(default_factory=list)
    problems: list[Said] = Field(default_factory=list)
    told: list[str] = Field(default_factory=list)

    @property
    def red(self) -> bool:
        return bool(self.problems) or any(model.state in RED or model.problem for model in self.models)

    def in_numbers(self) -> Looked:
        """What metrics tell of it."""
        bad = sum(model.state in RED or bool(model.problem) for model in self.models)
        disks = [DiskLook(name=disk.name, free=disk.free, total=disk.total) for disk in self.disks]
        return Looked(time=self.time, problems=bad + len(self.problems), disks=disks)

    def in_words(self) -> str:
        lines = [model.in_words() for model in self.models] or [f"nothing is published in {self.bucket}"]
        return "\n".join([*lines, *self.problems, *self.told])


@chore("freshness")
def freshness(
    bucket: str | None = None, models: list[str] | None = None, now: datetime | None = None
) -> FreshnessReport:
    """Look at the manifests of a bucket, the disks and the flow runs; open and close incidents, and tell people.

    `models` must be published besides those that are. Prefect is asked where PREFECT_API_URL says where it is. Raises
    BucketSilent where the bucket is out of reach, NotifyError for a bad address.
    """
    settings = Settings()
    here = fallback(settings)
    opened = open_bucket(bucket or settings.bucket)
    now = now or datetime.now(UTC)
    try:
        hand_over(here, opened)
        report = _look(opened, settings, models or [], now)
        keep_looked(opened, report.in_numbers())
    except BucketError as error:
        tell_from_here(settings, Incident(model="bucket", kind=Kind.BUCKET, reason=str(error), since=now))
        raise BucketSilent(f"nobody knows how old the published data is: {error}") from error
    close_incident(here, "bucket", Kind.BUCKET, now, f"{opened.base} is in reach again")
    for place in (here, opened):
        told = tell(place, settings)
        report.told += [one.in_words() for one in told.deliveries]
        if told.waiting:
            report.told.append(f"{told.waiting} more to tell, held back so that there is no storm")
    return report


def _look(bucket: Bucket, settings: Settings, expected: Sequence[str], now: datetime) -> FreshnessReport:
    report = FreshnessReport(bucket=bucket.base, time=now)
    # Jobs first: what they say they published is in the manifests that are read after them.
    jobs, stranded = _jobs(bucket, now, report)
    known = set(model_names())
    running = {job.model for job in (*(jobs or ()), *stranded)} & known
    for model in sorted({*models_in(bucket), *expected, *running}):
        theirs = None if jobs is None else [job for job in jobs if job.model == model]
        found = look_at(bucket, model, now, theirs)
        report.models.append(found)
        _unhooked(bucket, found, theirs or (), now)
    _stranded(bucket, stranded, jobs is not None, [*known, *CHORES], now, report)
    _disks(bucket, settings, now, report)
    return report


def _jobs(bucket: Bucket, now: datetime, report: FreshnessReport) -> tuple[list[Job] | None, list[Job]]:
    """The flow runs that ended and those that do not begin; None where there is no Prefect, or it is silent."""
    if not os.environ.get("PREFECT_API_URL"):
        return None, []
    from flows.prefect_jobs import ended_and_stranded

    try:
        found = ended_and_stranded([*model_names(), *CHORES], bucket.base, now)
    except ServerSilent as error:
        report.problems.append(str(error))
        open_incident(bucket, Incident(model="prefect", kind=Kind.FAILED, reason=str(error), since=now))
        return None, []
    close_incident(bucket, "prefect", Kind.FAILED, now, "the Prefect server answers again")
    return found


def _unhooked(bucket: Bucket, found: ModelFreshness, jobs: Sequence[Job], now: datetime) -> None:
    """Open what no hook could: of a run whose process and machine are gone, only the server knows that it crashed."""
    for kind, state in ((Kind.CRASHED, "Crashed"), (Kind.FAILED, "Failed")):
        bad = next((job for job in jobs if job.state == state), None)
        if bad and (found.published_at is None or bad.since > found.published_at):
            bad_end(bucket, kind, bad, now)


def _stranded(
    bucket: Bucket, stranded: Sequence[Job], asked: bool, flows: Sequence[str], now: datetime, report: FreshnessReport
) -> None:
    for flow in flows if asked else ():
        job = next((job for job in stranded if job.model == flow), None)
        if job is None:
            close_incident(bucket, flow, Kind.PENDING, now, "its runs begin again")
            continue
        reason = f"{job.name} is {job.state} since {job.since:%Y-%m-%d %H:%M}Z and does not begin"
        report.problems.append(f"{flow}: {reason}")
        open_incident(
            bucket,
            Incident(model=flow, kind=Kind.PENDING, reason=reason, since=job.since, flow_run=job.id, link=job.link),
        )


def _disks(bucket: Bucket, settings: Settings, now: datetime, report: FreshnessReport) -> None:
    folders = {"work": settings.work.expanduser()}
    if isinstance(bucket, FolderBucket):
        folders["bucket"] = bucket.folder
    # Where nothing is synced there is nothing to run full.
    if (stores := settings.stores.expanduser()).is_dir():
        folders["stores"] = stores
    for name, folder in folders.items():
        while not folder.exists():
            folder = folder.parent
        usage = shutil.disk_usage(folder)
        limit = min(NEARLY_FULL_SHARE * usage.total, NEARLY_FULL_BYTES)
        disk = DiskRoom(name=name, free=usage.free, total=usage.total, nearly_full=usage.free < limit)
        report.disks.append(disk)
        if disk.nearly_full:
            report.problems.append(disk.in_words())
            open_incident(bucket, Incident(model=name, kind=Kind.DISK, reason=disk.in_words(), since=now))
        elif usage.free > EMPTY_AGAIN * limit:
            close_incident(bucket, name, Kind.DISK, now, disk.in_words())
