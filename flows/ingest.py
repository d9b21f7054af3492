"""The whole journey of a run: find, fetch, write, check, publish."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from flows.crew import Crew, PlainCrew
from flows.dask_helpers import helpers_at
from flows.dock import Dock, docked, locked, sweep
from flows.errors import OlderRun
from flows.gather import Haul, gather
from flows.inventory import leads_of, missing_in_words
from flows.model import Model
from flows.recording import Recorder, recorded
from flows.refused import reconsider, remember
from flows.report import IngestReport, MapOf, Outcome
from flows.request import IngestRequest, Job, job_for
from flows.search import Found, asked_for, find
from flows.staging import throw_away
from flows.static import keep_static
from flows.traffic import keep_traffic
from storage.bucket import Bucket, open_bucket
from storage.errors import StorageError
from storage.logs import about
from storage.manifest import Manifest, read_manifest
from storage.run_time import run_time
from tasks.again import Source
from tasks.clock import Clock, FastClock
from tasks.errors import DecodeError, GateFailed, IngestError, OtherBytes
from tasks.publish import publish

if TYPE_CHECKING:
    from flows.gating import Gatekeeper
    from tasks.write import GateOf, Written

SECOND_TRIES = 3
"""Messages that do not decode and are fetched again within one ingest; the next ingest goes on with it."""


def ingest(model: Model, request: IngestRequest, crew: Crew | None = None, clock: Clock | None = None) -> IngestReport:
    """Bring one run aboard and publish it. `request` names the bucket and the work folder.

    A run that its model publishes in stages is published as far as it is there, and again while more of it is about to
    arrive. `clock`: what arrival is waited for and publication is dated by; the machine's, or one that stood at the
    request's `now`.

    Raises RequestError, Busy, NoRunFound, MirrorError, IncompleteRun, OlderRun, DecodeError, GateFailed, RefusedBefore,
    CheckFailed, DiskFull, BucketError. Whatever is raised, and wherever the process is killed, what was published stays
    published.
    """
    crew = crew or PlainCrew()
    job = job_for(model, request)
    clock = clock or (FastClock(job.now) if request.now else Clock())
    bucket = open_bucket(job.bucket)
    with recorded(model, job, bucket) as recorder, locked(job.work, model.name) as folder:
        report = _ingest(model, job, folder, bucket, crew, clock, recorder)
    return report.model_copy(update={"unrecorded": recorder.problem})


def _ingest(
    model: Model, job: Job, folder: Path, bucket: Bucket, crew: Crew, clock: Clock, recorder: Recorder
) -> IngestReport:
    """The newest run, stage after stage, or the one that was asked for."""
    report = None
    while True:
        published = read_manifest(bucket, model.name)
        found = find(model, job, clock.now(), published, crew)
        recorder.run = found.init_time
        if published and not worth_it(model, job, found, published):
            sweep(folder, published.init_time)
            return report or _already(published)
        report = _bring(model, job, found, folder, bucket, crew, clock, recorder)
        if job.leads or asked_for(job):
            return report


def _bring(
    model: Model, job: Job, found: Found, folder: Path, bucket: Bucket, crew: Crew, clock: Clock, recorder: Recorder
) -> IngestReport:
    """Gather, write, check and publish what was found."""
    begun = monotonic()
    run = f"{model.name} {run_time(found.init_time)}"
    crew.name(run)
    more_follows = not found.messages and not job.leads and len(found.leads) < len(model.leads(found.init_time))
    with about(init_time=found.init_time), naming(run), docked(folder, found.init_time, more_follows) as dock:
        with recorder.counting(dock.staged):
            haul, written, keeper = _written(model, job, found, dock, bucket, crew, clock)
        manifest = crew.step(
            "publish",
            lambda advance: publish(
                written, bucket, clock.now(), advance, timedelta(hours=model.retention), written.short
            ),
        )
        gate = [*keeper.said(written), *keeper.remember(written, bucket)]
        static = keep_static(model, job, found, dock, bucket)
        report = _report(haul, written, [*gate, *static], manifest, begun)
        recorder.published(report)
        crew.show(report, MapOf(written.path, f"2 m temperature, {run}, first lead"))
    return report


def _written(
    model: Model, job: Job, found: Found, dock: Dock, bucket: Bucket, crew: Crew, clock: Clock
) -> tuple[Haul, Written, Gatekeeper]:
    """The run's messages, the checked store of what of them passed the gate, and the gate.

    A staged message that does not decode is thrown away, and fetched again from another mirror where there is one; so
    is what the gate doubts. What it refuses is remembered.
    """
    # The decoders take 1.3 s of CPU and 90 MB to load, which whoever only reads models' declarations does not pay.
    from flows.appeal import Appeal
    from flows.gating import Gatekeeper

    keeper = Gatekeeper.of(model, bucket, job.no_gate)
    appeal = Appeal(
        Source(
            model.name, found.init_time, model.products, model.wanted, dock.folder / "again", job.box, model.keeps_whole
        ),
        found.mirrors,
        crew.say,
        partial(keep_traffic, dock.staged),
        model.inputs_of,
    )
    reconsider(model, job, found, bucket, dock, appeal, crew)
    tries = SECOND_TRIES
    while True:
        haul = gather(model, job, found, dock, crew, clock)
        gate = partial(keeper.gate, appeal=appeal.against(haul.messages))
        try:
            return haul, _checked(model, job, found, haul, gate, dock, crew), keeper
        except OtherBytes as error:
            crew.say(f"{error}: the run is written with them")
        except GateFailed as error:
            remember(model, job, found, bucket, appeal, error, clock.now())
            raise
        except DecodeError as error:
            if found.messages or error.message is None:
                raise
            if not throw_away(error.message, found.mirrors) or not tries:
                raise
            with about(lead=error.message.lead // 60, mirror=error.message.mirror):
                crew.say(f"{error}: the lead is fetched again, from another mirror than {error.message.mirror}")
            tries -= 1


def _checked(model: Model, job: Job, found: Found, haul: Haul, gate: GateOf, dock: Dock, crew: Crew) -> Written:
    from tasks.check import check_store
    from tasks.write import RunFacts, write_store

    dock.store.unlink(missing_ok=True)
    written = crew.step(
        "write",
        lambda advance: write_store(
            RunFacts(
                model.name,
                found.init_time,
                model.freshness,
                model.attribution,
                model.licence,
                None if found.messages or job.leads else model.whole(found.init_time),
                model.traits,
                found.short,
            ),
            model.wanted,
            haul.messages,
            dock.store,
            joints=model.joints,
            helpers=helpers_at(job.dask) if job.dask and any(product.members for product in model.products) else None,
            storm=model.storm,
            box=job.box,
            scratch=dock.scratch,
            provenance={"software": f"windlass {version('windlass')}", **haul.provenance()},
            progress=advance,
            gate=gate,
        ),
    )
    crew.step(
        "check",
        lambda advance: check_store(
            written.path,
            model.wanted,
            written.messages,
            joints=written.joints,
            storm=written.storm,
            progress=advance,
        ),
    )
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


def worth_it(model: Model, job: Job, found: Found, published: Manifest) -> bool:
    """Whether to ingest what was found, given what is published.

    A run that was not asked for by name, files or --force is worth it where it is newer or holds more leads.
    Raises OlderRun for an older one that was asked for.
    """
    if found.init_time < published.init_time and asked_for(job):
        raise OlderRun(
            f"{published.model} {run_time(published.init_time)} is published in {job.bucket}; the older run "
            f"{run_time(found.init_time)} would not replace it: publish it to another --bucket"
        )
    newer = (found.init_time, len(model.times(found.leads))) > (published.init_time, published.leads)
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


def _report(haul: Haul, written: Written, gate: list[str], manifest: Manifest, begun: float) -> IngestReport:
    now = monotonic()
    return IngestReport(
        outcome=Outcome.PUBLISHED,
        model=manifest.model,
        init_time=manifest.init_time,
        key=manifest.key,
        leads=list(leads_of(haul.messages)),
        lead_times=list(written.schema.lead_times),
        missing=missing_in_words(haul.missing),
        messages=len(haul.messages),
        bytes=haul.bytes,
        seconds=round(now - begun, 2),
        worked=round(now - haul.since, 2),
        cells=written.schema.grid.ny * written.schema.grid.nx,
        mirrors=haul.mirrors,
        withheld=dict(written.schema.withheld),
        gate=gate,
        problems=list(haul.problems),
        groups=list(haul.groups),
        manifest=manifest.model_dump(mode="json"),
    )
