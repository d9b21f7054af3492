"""What the ingests of a model did, which end before anybody can ask them: `<model>/ingest.json` in the bucket.

Whoever ends an ingest adds to it by a swap, so two at once are both counted. One that is killed leaves it as it was.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.bucket import Bucket, tries
from storage.errors import Conflict, ManifestError, ObjectNotFound
from storage.manifest import Utc
from storage.redact import Said

NAME = "ingest.json"


class Ending(StrEnum):
    """How an attempt ended. BUSY: another process was at it."""

    PUBLISHED = "published"
    NOTHING_NEW = "nothing-new"
    BUSY = "busy"
    FAILED = "failed"


class Attempt(BaseModel):
    """One ingest, whatever became of it. `run`: its init time, as far as it was known; `error`: of one that failed."""

    model_config = ConfigDict(frozen=True)

    begun_at: Utc
    ended_at: Utc
    outcome: Ending
    run: Utc | None = None
    error_class: str | None = None
    error: Said | None = None


class Traffic(BaseModel):
    """What came from mirrors. `retries`: requests that were repeated, `problems`: failures noted, both by mirror."""

    model_config = ConfigDict(frozen=True)

    bytes: int = 0
    messages: int = 0
    retries: dict[str, int] = Field(default_factory=dict)
    problems: dict[str, int] = Field(default_factory=dict)

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            bytes=self.bytes + other.bytes,
            messages=self.messages + other.messages,
            retries=dict(Counter(self.retries) + Counter(other.retries)),
            problems=dict(Counter(self.problems) + Counter(other.problems)),
        )


class Success(BaseModel):
    """The last publication. `seconds`: what it took since the run was found, waiting for leads included;
    `worked`: from the last byte on. `cells`: of its
    store.

    `bytes`, `messages`: of the whole run, also what an earlier attempt had fetched. `retries`, `problems`: by mirror,
    of this attempt so far. `withheld`: names. `lag_seconds`: published after its last lead was expected to land;
    negative where that came early, None for a run that somebody asked for by name, files or force.
    """

    model_config = ConfigDict(frozen=True)

    init_time: Utc
    generation: int
    published_at: Utc
    leads: int
    seconds: float
    worked: float | None = None
    cells: int | None = None
    bytes: int
    messages: int
    retries: dict[str, int] = Field(default_factory=dict)
    problems: dict[str, int] = Field(default_factory=dict)
    withheld: list[str] = Field(default_factory=list)
    lag_seconds: float | None = None


class Totals(BaseModel):
    """Since the record was begun. `traffic` counts each byte once, of attempts that failed too."""

    model_config = ConfigDict(frozen=True)

    attempts: dict[Ending, int] = Field(default_factory=dict)
    traffic: Traffic = Field(default_factory=Traffic)
    withheld: int = 0


class IngestRecord(BaseModel):
    """`last` is None between the first publication of a model and the end of that ingest.

    `id` is of each writing its own: of two who write alike, both of whom find what they wrote, one would not count.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    id: str = ""
    last: Attempt | None = None
    success: Success | None = None
    totals: Totals = Field(default_factory=Totals)

    def to_bytes(self) -> bytes:
        return self.model_dump_json(indent=2).encode() + b"\n"

    def with_traffic(self, traffic: Traffic) -> IngestRecord:
        return self._counting(traffic=self.totals.traffic + traffic)

    def with_success(self, success: Success) -> IngestRecord:
        withheld = self.totals.withheld + len(success.withheld)
        return self._counting(withheld=withheld).model_copy(update={"success": success})

    def with_attempt(self, attempt: Attempt) -> IngestRecord:
        attempts = {**self.totals.attempts, attempt.outcome: self.totals.attempts.get(attempt.outcome, 0) + 1}
        return self._counting(attempts=attempts).model_copy(update={"last": attempt})

    def _counting(self, **totals: object) -> IngestRecord:
        return self.model_copy(update={"totals": self.totals.model_copy(update=totals)})


def record_key(model: str) -> str:
    return f"{model}/{NAME}"


def read_record(bucket: Bucket, model: str) -> IngestRecord | None:
    """What is recorded of a model, None where nothing is. Raises BucketError, ManifestError."""
    key = record_key(model)
    try:
        data = bucket.read(key)
    except ObjectNotFound:
        return None
    return parse_record(data, model, bucket.url(key))


def parse_record(data: bytes, model: str, where: str) -> IngestRecord:
    """The record of `model` from bytes that came from `where`. Raises ManifestError."""
    try:
        record = IngestRecord.model_validate_json(data)
    except ValidationError as error:
        raise ManifestError(f"{where} is no record of ingests: {error.errors(include_url=False)[0]['msg']}") from error
    if record.model != model:
        raise ManifestError(f"{where} is the record of {record.model}, not of {model}")
    return record


def change_record(bucket: Bucket, model: str, change: Callable[[IngestRecord], IngestRecord]) -> IngestRecord:
    """Swap the record for what `change` makes of it, and again where somebody else was faster; the new record.

    One that cannot be read is begun anew: it holds no truth of its own. Raises BucketError.
    """
    key = record_key(model)
    for last in tries():
        try:
            data: bytes | None = bucket.read(key)
        except ObjectNotFound:
            data = None
        try:
            before = parse_record(data, model, bucket.url(key)) if data is not None else IngestRecord(model=model)
        except ManifestError:
            before = IngestRecord(model=model)
        after = change(before).model_copy(update={"id": secrets.token_hex(8)})
        try:
            bucket.swap(key, after.to_bytes(), data)
        except Conflict:
            if last:
                raise
            continue
        return after
    raise AssertionError
