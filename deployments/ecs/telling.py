"""A run that is given up is an incident. The worker tells people itself: no hook of the run is left to do so."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.states import Crashed

from flows.lookout import bad_end
from flows.prefect_jobs import bucket_of, job_of
from storage.bucket import open_bucket
from storage.errors import StorageError
from storage.settings import Settings
from tasks.errors import IngestError
from tasks.incidents import Kind
from tasks.telling import tell

log = logging.getLogger("windlass.ecs")


def tell_people(flow: str, run: FlowRun, reason: str) -> None:
    """Open the run's incident and tell of it. What fails here is logged: the run ends as crashed all the same."""
    settings = Settings()
    job = job_of(run, flow, Crashed(message=reason))
    log.error("windlass: %s crashed: %s", run.name, reason)
    try:
        bucket = open_bucket(bucket_of(run) or settings.bucket)
        bad_end(bucket, Kind.CRASHED, job, datetime.now(UTC))
        tell(bucket, settings)
    except (StorageError, IngestError) as error:
        log.error("windlass: people may not know that %s is given up: %s", run.name, error)
