"""The whole journey of a run: find, fetch, write, check, publish."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from time import monotonic

from flows.crew import Crew, PlainCrew
from flows.dock import docked, locked
from flows.errors import OlderRun
from flows.gather import Found, Haul, find, gather
from flows.inventory import leads_of, missing_in_words
from flows.model import Model
from flows.report import IngestReport, MapOf, Outcome
from flows.request import IngestRequest, Job, job_for
from storage.bucket import open_bucket
from storage.errors import StorageError
from storage.manifest import Manifest, read_manifest
from tasks.check import check_store
from tasks.errors import IngestError
from tasks.publish import publish
from tasks.write import RunFacts, write_store


def ingest(model: Model, request: IngestRequest, crew: Crew | None = None) -> IngestReport:
    """Bring one run aboard and publish it. `request` names the bucket and the work folder.

    Raises RequestError, Busy, NoRunFound, MirrorError, IncompleteRun, OlderRun, DecodeError, CheckFailed, DiskFull,
    BucketError. Whatever is raised, and wherever the process is killed, what was published stays published.
    """
    begun = monotonic()
    crew = crew or PlainCrew()
    job = job_for(model, request)
    bucket = open_bucket(job.bucket)
    with locked(job.work, model.name) as folder:
        found = find(model, job, crew)
        run = f"{model.name} {found.init_time:%Y-%m-%dT%HZ}"
        crew.name(run)
        published = read_manifest(bucket, model.name)
        if published and not worth_it(job, found, published):
            return _already(published)
        with naming(run), docked(folder, found.init_time) as dock:
            haul = gather(model, job, found, dock, crew)
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
                ),
            )
            crew.step(
                "check",
                lambda advance: check_store(written.path, model.wanted, haul.messages, progress=advance),
            )
            manifest = crew.step(
                "publish",
                lambda advance: publish(
                    written, bucket, datetime.now(UTC), advance, retention=timedelta(hours=model.retention)
                ),
            )
            report = _report(haul, manifest, monotonic() - begun)
            crew.show(report, MapOf(written.path, f"2 m temperature, {run}, first lead"))
    return report


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
    asked_for = job.init_time is not None or bool(job.files) or job.force
    if found.init_time < published.init_time and asked_for:
        raise OlderRun(
            f"{published.model} {published.init_time:%Y-%m-%dT%HZ} is published in {job.bucket}; the older run "
            f"{found.init_time:%Y-%m-%dT%HZ} would not replace it: publish it to another --bucket"
        )
    newer = (found.init_time, len(found.leads)) > (published.init_time, published.leads)
    return asked_for or newer


def _already(manifest: Manifest) -> IngestReport:
    return IngestReport(
        outcome=Outcome.ALREADY_PUBLISHED,
        model=manifest.model,
        init_time=manifest.init_time,
        key=manifest.key,
        leads=[],
        manifest=manifest.model_dump(mode="json"),
    )


def _report(haul: Haul, manifest: Manifest, seconds: float) -> IngestReport:
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
        problems=list(haul.problems),
        groups=list(haul.groups),
        manifest=manifest.model_dump(mode="json"),
    )
