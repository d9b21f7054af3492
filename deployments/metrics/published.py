"""What a bucket tells: what is published, how old it is, what ingests did, what is wrong, who was told, who looked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Lock

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deployments.metrics.families import Families
from storage.bucket import Bucket
from storage.errors import ManifestError, StorageError
from storage.manifest import Manifest, models_in, read_manifest
from storage.record import NAME, Ending, IngestRecord, read_record
from tasks.incidents import records_in
from tasks.ledger import read_ledger
from tasks.looked import read_looked

MODEL = ("model",)
DESCRIBED = {
    "windlass_bucket_readable": ("1 where the bucket could be read for this scrape", ()),
    "windlass_bucket_unreadable_objects": ("Manifests and records in the bucket that are none", ()),
    "windlass_published_init_time_seconds": ("Start of the run that is published", MODEL),
    "windlass_published_age_seconds": ("Time since the start of the run that is published", MODEL),
    "windlass_published_late_after_seconds": ("Age at which people are told", MODEL),
    "windlass_published_stale_after_seconds": ("Age at which readers pass it over", MODEL),
    "windlass_published_timestamp_seconds": ("When it was published", MODEL),
    "windlass_published_generation": ("Which publication of the model it is", MODEL),
    "windlass_published_store_bytes": ("Size of the store that is published", MODEL),
    "windlass_published_withheld_fields": ("Variables that the gate kept out of it", MODEL),
    "windlass_publish_lag_seconds": (
        "Time from when the last lead was expected to land to the publication of the newest run",
        MODEL,
    ),
    "windlass_ingest_last_attempt_timestamp_seconds": ("When the last ingest ended, however it did", MODEL),
    "windlass_ingest_last_attempt_outcome": ("1 for how the last ingest ended, 0 for the others", ("model", "outcome")),
    "windlass_ingest_last_success_timestamp_seconds": ("When an ingest published last", MODEL),
    "windlass_ingest_last_success_seconds": ("What that publication took since its run was found", MODEL),
    "windlass_ingest_attempts_total": ("Ingests by how they ended", ("model", "outcome")),
    "windlass_ingest_received_bytes_total": ("Bytes that came from mirrors", MODEL),
    "windlass_ingest_messages_total": ("Messages that came from mirrors and were verified", MODEL),
    "windlass_ingest_retries_total": ("Requests that were repeated", ("model", "mirror")),
    "windlass_ingest_mirror_problems_total": ("Failures of mirrors that were noted", ("model", "mirror")),
    "windlass_ingest_withheld_fields_total": ("Variables that the gate kept out of what was published", MODEL),
    "windlass_incident_open": ("1 where an incident is open, 0 where it is over", ("model", "kind")),
    "windlass_notices_delivered_total": ("Notices that an address took", ("address",)),
    "windlass_notices_failed_total": ("Notices that an address did not take", ("address",)),
    "windlass_notices_owed": ("Notices that an address has still to take", ("address",)),
    "windlass_freshness_last_look_timestamp_seconds": ("When freshness looked last", ()),
    "windlass_freshness_problems": ("What that look found wrong", ()),
    "windlass_disk_free_bytes": ("Room on the disk of a folder", ("folder",)),
    "windlass_disk_size_bytes": ("Size of the disk of a folder", ("folder",)),
}
REMEMBERED = timedelta(seconds=5)
"""So long one look answers further scrapes: each costs a list and some small reads of the bucket."""


class PublishedState(Collector):
    """Looks into the bucket when it is scraped. `clock` tells the time, UTC."""

    def __init__(self, bucket: Bucket, clock: Callable[[], datetime]) -> None:
        self._bucket, self._clock = bucket, clock
        self._lock = Lock()
        self._seen: tuple[datetime, list[Metric]] | None = None

    def collect(self) -> Iterable[Metric]:
        # Scrapers that wait for a bucket that stalls then share one answer.
        with self._lock:
            now = self._clock()
            if self._seen is None or not timedelta(0) <= now - self._seen[0] < REMEMBERED:
                self._seen = (self._clock(), list(self._look(now).found()))
            return self._seen[1]

    def _look(self, now: datetime) -> Families:
        found = Families(DESCRIBED)
        unreadable = 0
        try:
            for model in self._models():
                try:
                    if manifest := read_manifest(self._bucket, model):
                        _published(found, manifest, now)
                except ManifestError:
                    unreadable += 1
                try:
                    if record := read_record(self._bucket, model):
                        _ingested(found, record)
                except ManifestError:
                    unreadable += 1
            for tell in (self._incidents, self._notices, self._look_of_freshness):
                try:
                    tell(found)
                except ManifestError:
                    unreadable += 1
        except StorageError:
            # What was read before it failed is true, but half of it would look like the whole.
            found = Families(DESCRIBED)
            found.add("windlass_bucket_readable", 0)
            return found
        found.add("windlass_bucket_readable", 1)
        found.add("windlass_bucket_unreadable_objects", unreadable)
        return found

    def _models(self) -> list[str]:
        """Those with something published, and those that were only tried."""
        tried = [parts[0] for key in self._bucket.list() if len(parts := key.split("/")) == 2 and parts[1] == NAME]
        return sorted({*models_in(self._bucket), *tried})

    def _incidents(self, found: Families) -> None:
        for record in records_in(self._bucket):
            incident = record.incident
            found.add("windlass_incident_open", not record.ended, model=incident.model, kind=incident.kind)

    def _notices(self, found: Families) -> None:
        ledger = read_ledger(self._bucket)
        owed = [name for letter in ledger.letters for name in letter.owed]
        names = {*ledger.delivered_total, *ledger.failed_total, *owed}
        for name in sorted(names):
            found.add("windlass_notices_delivered_total", ledger.delivered_total.get(name, 0), address=name)
            found.add("windlass_notices_failed_total", ledger.failed_total.get(name, 0), address=name)
            found.add("windlass_notices_owed", owed.count(name), address=name)

    def _look_of_freshness(self, found: Families) -> None:
        looked = read_looked(self._bucket)
        if looked is None:
            return
        found.add("windlass_freshness_last_look_timestamp_seconds", looked.time.timestamp())
        found.add("windlass_freshness_problems", looked.problems)
        for disk in looked.disks:
            found.add("windlass_disk_free_bytes", disk.free, folder=disk.name)
            found.add("windlass_disk_size_bytes", disk.total, folder=disk.name)


def _published(found: Families, manifest: Manifest, now: datetime) -> None:
    model, limits = manifest.model, manifest.freshness
    found.add("windlass_published_init_time_seconds", manifest.init_time.timestamp(), model=model)
    found.add("windlass_published_age_seconds", (now - manifest.init_time).total_seconds(), model=model)
    found.add("windlass_published_late_after_seconds", 60 * limits.late_after, model=model)
    found.add("windlass_published_stale_after_seconds", 60 * limits.stale_after, model=model)
    found.add("windlass_published_timestamp_seconds", manifest.published_at.timestamp(), model=model)
    found.add("windlass_published_generation", manifest.generation, model=model)
    found.add("windlass_published_store_bytes", manifest.size, model=model)
    withheld = None if manifest.withheld is None else len(manifest.withheld)
    found.add("windlass_published_withheld_fields", withheld, model=model)


def _ingested(found: Families, record: IngestRecord) -> None:
    model, totals = record.model, record.totals
    if record.last:
        found.add("windlass_ingest_last_attempt_timestamp_seconds", record.last.ended_at.timestamp(), model=model)
        for ending in Ending:
            found.add(
                "windlass_ingest_last_attempt_outcome", ending is record.last.outcome, model=model, outcome=ending
            )
    if success := record.success:
        found.add("windlass_ingest_last_success_timestamp_seconds", success.published_at.timestamp(), model=model)
        found.add("windlass_ingest_last_success_seconds", success.seconds, model=model)
        found.add("windlass_publish_lag_seconds", success.lag_seconds, model=model)
    for ending in Ending:
        found.add("windlass_ingest_attempts_total", totals.attempts.get(ending, 0), model=model, outcome=ending)
    found.add("windlass_ingest_received_bytes_total", totals.traffic.bytes, model=model)
    found.add("windlass_ingest_messages_total", totals.traffic.messages, model=model)
    found.add("windlass_ingest_withheld_fields_total", totals.withheld, model=model)
    for mirror, count in totals.traffic.retries.items():
        found.add("windlass_ingest_retries_total", count, model=model, mirror=mirror)
    for mirror, count in totals.traffic.problems.items():
        found.add("windlass_ingest_mirror_problems_total", count, model=model, mirror=mirror)
