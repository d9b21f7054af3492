"""A flow run that failed or crashed: its incident opens, once, wherever there is room for it; and people are told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flows.lookout import Job, bad_end, bad_end_of
from storage.bucket import Bucket
from storage.errors import StorageError
from storage.settings import Settings
from tasks.handover import hand_over, remember
from tasks.incidents import Kind, find_record
from tasks.telling import fallback, tell, tell_from_here


def tell_bad_end(
    settings: Settings,
    opened: Callable[[], Bucket],
    kind: Kind | None,
    job: Job,
    now: datetime,
    log: logging.Logger | logging.LoggerAdapter[Any],
) -> None:
    """Open the incident of `job` in the bucket, None where it is open already, and tell what is pending.

    Where the bucket is out of reach the work folder keeps the incident. Raises NotifyError for a bad address.
    """
    try:
        bucket = opened()
        hand_over(fallback(settings), bucket)
        if kind is not None:
            bad_end(bucket, kind, job, now)
    except StorageError as error:
        log.error("windlass: the bucket is out of reach, %s keeps the incident: %s", settings.work, error)
        if kind is not None:
            tell_from_here(settings, bad_end_of(kind, job, None, now))
        return
    try:
        tell(bucket, settings)
        record = None if kind is None else find_record(bucket, job.model, kind)
        if record and not record.ended:
            remember(fallback(settings), record)
    except StorageError as error:
        log.error("windlass: the bucket keeps the incident, whoever looks next tells of it: %s", error)
