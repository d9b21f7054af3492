"""What tests of freshness share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.folder import FolderBucket
from storage.manifest import Manifest
from storage.schema import Freshness
from tasks.incidents import records_in

RUN = datetime(2026, 4, 20, tzinfo=UTC)
LIMITS = Freshness(due_after=690, late_after=760, stale_after=7200)
LANDED = timedelta(minutes=330)
LATE, STALE = timedelta(minutes=761), timedelta(minutes=7201)
HttpSink = Callable[..., AbstractContextManager[Any]]
Published = Callable[..., Manifest]


def kinds(bucket: FolderBucket) -> list[str]:
    """The open incidents as model-kind."""
    return sorted(f"{r.incident.model}-{r.incident.kind}" for r in records_in(bucket) if not r.ended)
