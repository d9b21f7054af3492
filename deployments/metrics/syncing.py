"""What a sync knows: when it looked, what it copied, what failed and why, what lies here."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from threading import Lock

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deployments.metrics.families import Families
from serving.shelf import local_manifest
from serving.synced import Outcome, SyncReport

DESCRIBED = {
    "windlass_sync_last_look_timestamp_seconds": ("When the bucket was looked at last, whatever it said", ()),
    "windlass_sync_last_success_timestamp_seconds": ("When a round last ended without a failure", ()),
    "windlass_sync_rounds_total": ("Rounds of the sync", ()),
    "windlass_sync_copied_bytes_total": ("Bytes that were downloaded", ("model",)),
    "windlass_sync_failures_total": ("Failures by what failed and the class of the error", ("model", "reason")),
    "windlass_synced_init_time_seconds": ("Start of the run that lies here", ("model",)),
    "windlass_synced_age_seconds": ("Time since the start of the run that lies here", ("model",)),
    "windlass_synced_generation": ("Which publication of the model lies here", ("model",)),
    "windlass_disk_free_bytes": ("Room on the disk of a folder", ("folder",)),
    "windlass_disk_size_bytes": ("Size of the disk of a folder", ("folder",)),
}
WHOLE = "bucket"
"""What failed where no model could be asked for."""


class SyncState(Collector):
    """Is told of each round. What lies in `folder` is looked up when it is scraped. `clock` tells the time, UTC."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder, self._clock = folder, clock
        self._lock = Lock()
        self._looked: datetime | None = None
        self._succeeded: datetime | None = None
        self._rounds = 0
        self._copied: Counter[str] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()

    def learn(self, report: SyncReport) -> None:
        """Count one round."""
        with self._lock:
            self._rounds += 1
            self._looked = self._clock()
            if not report.failed:
                self._succeeded = self._looked
            if report.problem:
                self._failures[WHOLE, report.reason or "unknown"] += 1
            for model in report.models:
                self._copied[model.model] += model.bytes + model.short_bytes
                if model.outcome is Outcome.FAILED:
                    self._failures[model.model, model.reason or "unknown"] += 1

    def collect(self) -> Iterable[Metric]:
        found, now = Families(DESCRIBED), self._clock()
        with self._lock:
            if self._looked:
                found.add("windlass_sync_last_look_timestamp_seconds", self._looked.timestamp())
            if self._succeeded:
                found.add("windlass_sync_last_success_timestamp_seconds", self._succeeded.timestamp())
            found.add("windlass_sync_rounds_total", self._rounds)
            for model, count in self._copied.items():
                found.add("windlass_sync_copied_bytes_total", count, model=model)
            for (model, reason), count in self._failures.items():
                found.add("windlass_sync_failures_total", count, model=model, reason=reason)
        self._held(found, now)
        self._disk(found)
        return found.found()

    def _held(self, found: Families, now: datetime) -> None:
        folders = self._folder.glob("[!.]*/latest.json")
        for model in sorted(path.parent.name for path in folders):
            if manifest := local_manifest(self._folder, model):
                found.add("windlass_synced_init_time_seconds", manifest.init_time.timestamp(), model=model)
                found.add("windlass_synced_age_seconds", (now - manifest.init_time).total_seconds(), model=model)
                found.add("windlass_synced_generation", manifest.generation, model=model)

    def _disk(self, found: Families) -> None:
        folder = self._folder
        while not folder.exists():
            folder = folder.parent
        usage = shutil.disk_usage(folder)
        found.add("windlass_disk_free_bytes", usage.free, folder="stores")
        found.add("windlass_disk_size_bytes", usage.total, folder="stores")
