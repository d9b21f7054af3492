"""The record of an ingest: what it did outlives it, in the bucket, for whoever looks afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from flows.errors import Busy
from flows.model import Model
from flows.report import IngestReport
from flows.request import Job
from flows.search import asked_for
from flows.traffic import take_traffic
from storage.bucket import Bucket
from storage.errors import StorageError
from storage.logs import about
from storage.manifest import Manifest
from storage.record import Attempt, Ending, IngestRecord, Success, Traffic, change_record
from storage.redact import redact
from tasks.errors import IngestError
from tasks.wanted import hour_of

log = logging.getLogger("windlass")

Change = Callable[[IngestRecord], IngestRecord]


class Recorder:
    """What one ingest has to add to its model's record. `run`: its init time, as soon as it is known.

    What the bucket did not take is added with the next. `problem`: why something is not recorded, empty where all is.
    """

    def __init__(self, model: Model, job: Job, bucket: Bucket) -> None:
        self.run: datetime | None = None
        self.problem = ""
        self.outcome = Ending.NOTHING_NEW
        self._model, self._job, self._bucket = model, job, bucket
        self._pending: list[Change] = []
        self._traffic = Traffic()

    @contextmanager
    def counting(self, staged: Path) -> Iterator[None]:
        """Add up what comes from mirrors in the block, also where it fails; it is written with what happens next."""
        try:
            yield
        finally:
            traffic = take_traffic(staged)
            self._traffic += traffic
            self._pending.append(lambda record: record.with_traffic(traffic))

    def published(self, report: IngestReport) -> None:
        """A run, or a stage of it, is published."""
        manifest = Manifest.model_validate(report.manifest)
        success = Success(
            init_time=manifest.init_time,
            generation=manifest.generation,
            published_at=manifest.published_at,
            leads=manifest.leads,
            seconds=report.seconds,
            worked=report.worked,
            cells=report.cells,
            bytes=report.bytes,
            messages=report.messages,
            retries=self._traffic.retries,
            problems=self._traffic.problems,
            withheld=sorted(report.withheld),
            lag_seconds=None if asked_for(self._job) else self._lag(manifest),
        )
        self.outcome = Ending.PUBLISHED
        self._pending.append(lambda record: record.with_success(success))
        self._write()

    def ended(self, attempt: Attempt) -> None:
        self._pending.append(lambda record: record.with_attempt(attempt))
        self._write()

    def _lag(self, manifest: Manifest) -> float:
        expected = self._model.arrives(manifest.init_time, hour_of(manifest.last_lead))
        return round((manifest.published_at - expected).total_seconds(), 1)

    def _write(self) -> None:
        def change(record: IngestRecord) -> IngestRecord:
            for one in self._pending:
                record = one(record)
            return record

        try:
            change_record(self._bucket, self._model.name, change)
        except StorageError as error:
            self.problem = f"what this ingest did is not recorded, so metrics do not tell of it: {redact(str(error))}"
            log.error("%s: %s", self._model.name, self.problem)
        else:
            self._pending.clear()
            self.problem = ""


@contextmanager
def recorded(model: Model, job: Job, bucket: Bucket) -> Iterator[Recorder]:
    """Record how the block ends.

    A record that cannot be written is told and changes nothing else: what is published is published, and what failed
    raises its own error. Who is stopped by hand or killed leaves the record as it was. Secrets in the words of an
    expected error end here: Prefect keeps them in its database, and hooks in incidents.
    """
    recorder, begun = Recorder(model, job, bucket), datetime.now(UTC)
    try:
        with about(model=model.name):
            yield recorder
    except Exception as error:
        said = redact(str(error))
        if isinstance(error, IngestError | StorageError) and said != str(error):
            error.args = (said,)
        recorder.ended(
            Attempt(
                begun_at=begun,
                ended_at=datetime.now(UTC),
                outcome=Ending.BUSY if isinstance(error, Busy) else Ending.FAILED,
                run=recorder.run,
                error_class=type(error).__name__,
                error=said,
            )
        )
        raise
    recorder.ended(Attempt(begun_at=begun, ended_at=datetime.now(UTC), outcome=recorder.outcome, run=recorder.run))
