"""The whole journey of a run: find, fetch, write, check, publish."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from flows.crew import Crew, PlainCrew
from flows.dock import Dock, docked, locked
from flows.errors import OlderRun
from flows.gather import Haul, gather
from flows.inventory import leads_of, missing_in_words
from flows.model import Model
from flows.report import IngestReport, MapOf, Outcome
from flows.request import IngestRequest, Job, job_for
from flows.search import Found, asked_for, find
from flows.staging import throw_away
from storage.bucket import Bucket, open_bucket
from storage.errors import StorageError
from storage.manifest import Manifest, read_manifest
from tasks.clock import Clock, FastClock
from tasks.errors import DecodeError, IngestError
from tasks.publish import publish

if TYPE_CHECKING:
    from flows.gating import Gatekeeper
    from tasks.write import Written

SECOND_TRIES = 3
"""Messages that do not decode and are fetched again within one ingest; the next ingest goes on with it."""


def ingest(model: Model, request: IngestRequest, crew: Crew | None = None, clock: Clock | None = None) -> IngestReport:
    """Bring one run aboard and publish it. `request` names the bucket and the work folder.

    A run that its model publishes in stages is published as far as it is there, and again while more of it is about to
    arrive. `clock`: what arrival is waited for by; the machine's, or one that stood at the request's `now`.

    Raises RequestError, Busy, NoRunFound, MirrorError, IncompleteRun, OlderRun, DecodeError, GateFailed, CheckFailed,
    DiskFull, BucketError. Whatever is raised, and wherever the process is killed, what was published stays published.
    """
    crew = crew or PlainCrew()
    job = job_for(model, request)
    clock = clock or (FastClock(job.now) if request.now else Clock())
    bucket = open_bucket(job.bucket)
    report = None
    with locked(job.work, model.name) as folder:
        while True:
            published = read_manifest(bucket, model.name)
            found = find(model, job, clock.now(), published, crew)
            if published and not worth_it(job, found, published):
                return report or _already(published)
            report = _bring(model, job, found, folder, bucket, crew, clock)
            if job.leads or asked_for(job):
                return report


def _bring(
    model: Model, job: Job, found: Found, folder: Path, bucket: Bucket, crew: Crew, clock: Clock
) -> IngestReport:
    """Gather, write, check and publish what was found."""
    begun = monotonic()
    run = f"{model.name} {found.init_time:%Y-%m-%dT%HZ}"
    crew.name(run)
    more_follows = not found.messages and not job.leads and len(found.leads) < len(model.leads(found.init_time))
    with naming(run), docked(folder, found.init_time, more_follows) as dock:
        haul, written, keeper = _written(model, job, found, dock, bucket, crew, clock)
        manifest = crew.step(
            "publish",
            lambda advance: publish(
                written, bucket, datetime.now(UTC), advance, retention=timedelta(hours=model.retention)
            ),
        )
        gate = [*keeper.said(written), *keeper.remember(written, bucket)]
        report = _report(haul, written, gate, manifest, monotonic() - begun)
        crew.show(report, MapOf(written.path, f"2 m temperature, {run}, first lead"))
    return report


def _written(
    model: Model, job: Job, found: Found, dock: Dock, bucket: Bucket, crew: Crew, clock: Clock
) -> tuple[Haul, Written, Gatekeeper]:
    """The run's messages, the checked store of what of them passed the gate, and the gate.

    A staged message that does not decode is thrown away, and fetched again from another mirror where there is one.
    """
    # The decoders take 1.3 s of CPU and 90 MB to load, which whoever only reads models' declarations does not pay.
    from flows.gating import Gatekeeper

    keeper = Gatekeeper.of(model, bucket, job.no_gate)
    tries = SECOND_TRIES
    while True:
        haul = gather(model, job, found, dock, crew, clock)
        try:
            return haul, _checked(model, job, found, haul, keeper, dock, crew), keeper
        except DecodeError as error:
            if found.messages or error.message is None:
                raise
            if not throw_away(error.message, found.mirrors) or not tries:
                raise
            crew.say(f"{error}: the lead is fetched again, from another mirror than {error.message.mirror}")
            tries -= 1


def _checked(model: Model, job: Job, found: Found, haul: Haul, keeper: Gatekeeper, dock: Dock, crew: Crew) -> Written:
    from tasks.check import check_store
    from tasks.write import RunFacts, write_store

    dock.store.unlink(missing_ok=True)
    written = crew.step(
        "write",
        lambda advance: write_store(
            RunFacts(model.name, found.init_time, model.freshness, model.attribution, model.licence),
            model.wanted,
            haul.messages,
            dock.store,
            box=job.box,
            scratch=dock.scratch,
            provenance={"software": f"windlass {version('windlass')}", **haul.provenance()},
            progress=advance,
            gate=keeper.gate,
        ),
    )
    crew.step("check", lambda advance: check_store(written.path, model.wanted, written.messages, progress=advance))
    return written


@contextmanager
def naming(run: str) -> Iterator[None]:
    """Errors of the block begin with the run where they do not name it: a disk or a bucket knows files only."""
    try:
        yield
    except (IngestError, StorageError) as error:
        if run.removesuffix("Z") not in str(error):
            error.args = (f"{run}: {error}",)
        raise


def worth_it(job: Job, found: Found, published: Manifest) -> bool:
    """Whether to ingest what was found, given what is published.

    A run that was not asked for by name, files or --force is worth it where it is newer or holds more leads.
    Raises OlderRun for an older one that was asked for.
    """
    if found.init_time < published.init_time and asked_for(job):
        raise OlderRun(
            f"{published.model} {published.init_time:%Y-%m-%dT%HZ} is published in {job.bucket}; the older run "
            f"{found.init_time:%Y-%m-%dT%HZ} would not replace it: publish it to another --bucket"
        )
    newer = (found.init_time, len(found.leads)) > (published.init_time, published.leads)
    return asked_for(job) or newer


def _already(manifest: Manifest) -> IngestReport:
    return IngestReport(
        outcome=Outcome.ALREADY_PUBLISHED,
        model=manifest.model,
        init_time=manifest.init_time,
        key=manifest.key,
        leads=[],
        manifest=manifest.model_dump(mode="json"),
    )


def _report(haul: Haul, written: Written, gate: list[str], manifest: Manifest, seconds: float) -> IngestReport:
    return IngestReport(
        outcome=Outcome.PUBLISHED,
        model=manifest.model,
        init_time=manifest.init_time,
        key=manifest.key,
        leads=list(leads_of(haul.messages)),
        missing=missing_in_words(haul.missing),
        messages=len(haul.messages),
        bytes=haul.bytes,
        seconds=round(seconds, 2),
        mirrors=haul.mirrors,
        withheld=dict(written.schema.withheld),
        gate=gate,
        problems=list(haul.problems),
        groups=list(haul.groups),
        manifest=manifest.model_dump(mode="json"),
    )
