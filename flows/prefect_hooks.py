"""What happens when a flow run ends: incidents open or close, and people are told."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.logging.loggers import flow_run_logger
from prefect.utilities.urls import url_for

from flows.bad_end import tell_bad_end
from flows.errors import BucketSilent, NotServed
from flows.lookout import settle
from flows.prefect_jobs import bucket_of, job_of
from flows.report import IngestReport
from storage.bucket import open_bucket
from storage.errors import StorageError
from storage.settings import Settings
from tasks.errors import IngestError
from tasks.incidents import Kind, close_incident
from tasks.telling import tell

ALREADY_TOLD = (NotServed, BucketSilent)
"""Errors whose incidents are open by the time they are raised."""


def tell_people(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The hook of a failed or crashed run: its incident opens, people are told. Raises NotifyError for a bad address.

    The worker calls the hooks of a run that crashed by the names of their parameters (Prefect 3.8.8). Without a bucket
    the incident is kept in the work folder.
    """
    settings = Settings()
    log = flow_run_logger(flow_run, flow)
    job = job_of(flow_run, flow.name, state)
    log.error("windlass: %s %s: %s", job.name, job.state.lower(), job.message)
    kind = Kind.CRASHED if state.is_crashed() else Kind.FAILED
    told = not state.is_crashed() and isinstance(state.result(raise_on_failure=False), ALREADY_TOLD)
    tell_bad_end(
        settings,
        lambda: open_bucket(bucket_of(flow_run) or settings.bucket),
        None if told else kind,
        job,
        datetime.now(UTC),
        log,
    )


def settle_and_tell(
    report: IngestReport, run: FlowRun, bucket: str | None, log: logging.Logger | logging.LoggerAdapter[Any]
) -> None:
    """What a published run opens and closes. What fails here is logged: the run is published all the same."""
    settings = Settings()
    try:
        opened = open_bucket(bucket or settings.bucket)
        settle(opened, report, datetime.now(UTC), str(run.id), url_for("flow-run", obj_id=run.id))
        tell(opened, settings)
    except (StorageError, IngestError) as error:
        log.error("windlass: the run is published, but people may not know what it ends or lacks: %s", error)


def end_well(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The hook of a chore that completed: what its runs before had is over."""
    settings = Settings()
    bucket = open_bucket(bucket_of(flow_run) or settings.bucket)
    for kind in (Kind.FAILED, Kind.CRASHED):
        close_incident(bucket, flow.name, kind, datetime.now(UTC), f"{flow_run.name} completed")
    tell(bucket, settings)
