"""What does not change from run to run: a model's terrain height and land share, kept once, looked at once a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version

from flows.dock import Dock
from flows.model import Model
from flows.request import Job
from flows.search import Found
from storage.bucket import Bucket
from storage.errors import StorageError
from storage.run_time import run_time
from storage.static import STATIC, StaticManifest, read_static
from tasks.ask import LeadOrder
from tasks.errors import IngestError, InventoryError
from tasks.fetch import fetch_leads
from tasks.scan import stage_files
from tasks.static import confirm, digest_of, publish_static
from tasks.wanted import StagedMessage

AGAIN = timedelta(days=1)
"""A model is changed once a year, and looking costs megabytes."""


def keep_static(model: Model, job: Job, found: Found, dock: Dock, bucket: Bucket) -> list[str]:
    """Publish the static fields of the run at hand where there are none, or they have changed; in words, what hinders.

    They come from the run's first lead, whatever was asked for. The run is published: nothing is raised that a run may
    meet.
    """
    if not model.static:
        return []
    try:
        published = read_static(bucket, model.name)
        box = job.box and tuple(job.box)
        if published and published.box == box and found.init_time < published.confirmed + AGAIN:
            return []
        messages = _messages(model, job, found, dock)
        if not messages:
            return [] if found.messages else [f"static fields: {run_time(found.init_time)} has none"]
        _keep(model, job, found, dock, bucket, published, messages)
        lacking = [row.name for row in model.static if row.name not in {one.variable for one in messages}]
        return [f"static fields: {', '.join(lacking)} missing"] if lacking else []
    except (IngestError, StorageError, OSError) as error:
        return [f"static fields: {error}; the next run tries again"]


def _messages(model: Model, job: Job, found: Found, dock: Dock) -> tuple[StagedMessage, ...]:
    """One message a row."""
    if found.messages:
        try:
            staged = stage_files(job.files, model.static, found.init_time).messages
        except InventoryError:
            # Files are cut out by people, who mostly leave the ground out.
            return ()
        return tuple({one.variable: one for one in sorted(staged, key=lambda one: -one.lead)}.values())
    order = LeadOrder(
        model=model.name,
        init_time=found.init_time,
        lead=model.leads(found.init_time)[0],
        products=tuple(replace(product, members=product.members[:1]) for product in model.products),
        wanted=model.static,
        mirrors=found.mirrors,
        folder=dock.folder / "static",
    )
    (result,) = fetch_leads([order])
    return result.messages


def _keep(
    model: Model,
    job: Job,
    found: Found,
    dock: Dock,
    bucket: Bucket,
    published: StaticManifest | None,
    messages: tuple[StagedMessage, ...],
) -> None:
    # With the layout come the kernels' compilers.
    from tasks.check import check_store
    from tasks.write import RunFacts, write_store

    digest = digest_of(messages, job.box)
    if published and published.digest == digest:
        if found.init_time > published.confirmed:
            confirm(bucket, published, found.init_time)
        return
    facts = RunFacts(
        model.name,
        found.init_time,
        model.freshness,
        model.attribution,
        model.licence,
        traits=(*model.traits, STATIC),
        # Of one lead the whole store is a short one, too, whose chunks hold more cells.
        short=min(message.lead for message in messages),
    )
    path = dock.scratch / "static.zarr.zip"
    written = write_store(
        facts,
        model.static,
        messages,
        path,
        box=job.box,
        scratch=dock.scratch,
        provenance={
            "software": f"windlass {version('windlass')}",
            "urls": sorted({message.url for message in messages}),
        },
        progress=lambda done, total: None,
    )
    assert written.short is not None
    check_store(written.short.path, model.static, written.messages)
    publish_static(written.short.path, model.name, found.init_time, job.box, digest, bucket)
