"""Incidents, kept in the bucket: whatever process sees one begin or end, it is opened once and closed once.

incidents/<model>-<kind>.json     the newest incident of a model and kind, open or closed
incidents/told.json               what people were told of them (tasks/ledger.py)
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.bucket import Bucket, tries
from storage.errors import Conflict, ManifestError, ObjectNotFound
from storage.manifest import Utc
from storage.redact import Said

FOLDER = "incidents/"
CHAIN = 10


class Kind(StrEnum):
    """What may happen to a model, or to the machine that hauls it."""

    FAILED = "failed"
    CRASHED = "crashed"
    LATE = "late"
    STALE = "stale"
    PARTIAL = "partial"
    WITHHELD = "withheld"
    DISK = "disk"
    SYNC = "sync"
    PENDING = "pending"
    BUCKET = "bucket"


_KEY = re.compile(re.escape(FOLDER) + r"[a-z0-9][a-z0-9_.-]*-(" + "|".join(Kind) + r")\.json")


class Served(BaseModel):
    """The run that is served meanwhile, and its age when somebody looked."""

    model_config = ConfigDict(frozen=True)

    run: str = Field(examples=["gfs 2026-04-20T00Z"])
    age_minutes: int
    state: str = Field(examples=["late"])


class Incident(BaseModel):
    """What is wrong. `model` is a model's name, or what else it befell: work, bucket, prefect.

    `expected_next`: when the next run is due, or was. `generation`: what was published when it opened.
    `cause`: while an incident is open, one of another cause is a new incident, and one of the same is not.
    """

    model_config = ConfigDict(frozen=True)

    model: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    kind: Kind
    reason: Said
    since: Utc
    run: str | None = None
    served: Served | None = None
    expected_next: Utc | None = None
    flow_run: str | None = None
    link: str | None = None
    generation: int | None = None
    cause: str = ""

    @property
    def key(self) -> str:
        return incident_key(self.model, self.kind)


class Ended(BaseModel):
    """How an incident ended. `id` is the closer's own, without which two who close alike would both have done it."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: Utc
    how: Said
    link: str | None = None


class Record(BaseModel):
    """An incident as it lies in the bucket. `continues`: ids of those that ended here before, newest first."""

    model_config = ConfigDict(frozen=True)

    id: str
    incident: Incident
    ended: Ended | None = None
    continues: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        return self.model_dump_json(indent=2).encode() + b"\n"


def incident_key(model: str, kind: Kind) -> str:
    return f"{FOLDER}{model}-{kind}.json"


def open_incident(bucket: Bucket, incident: Incident) -> bool:
    """Open it where it is not open yet; True for the one caller, of any number at once, who did.

    People are told by `tell_pending`, at least once: it finds what was opened though its opener was killed.
    Raises BucketError, ManifestError.
    """
    for last in tries():
        data, record = _read(bucket, incident.key)
        if record and not record.ended and record.incident.cause == incident.cause:
            return False
        # The id is nobody else's, so of two openers one meets a Conflict.
        continues = (record.id, *record.continues)[:CHAIN] if record and record.ended else ()
        opened = Record(id=secrets.token_hex(8), incident=incident, continues=continues)
        try:
            bucket.swap(incident.key, opened.to_bytes(), data)
        except Conflict:
            if last:
                raise
            continue
        return True
    raise AssertionError


def adopt_incident(bucket: Bucket, record: Record) -> None:
    """Keep an open incident of another place as it is there, instead of one of its kind. Raises BucketError & Co."""
    for last in tries():
        data, there = _read(bucket, record.incident.key)
        if there and there.id == record.id:
            return
        continues = (there.id, *there.continues)[:CHAIN] if there else ()
        try:
            bucket.swap(record.incident.key, record.model_copy(update={"continues": continues}).to_bytes(), data)
        except Conflict:
            if last:
                raise
            continue
        return
    raise AssertionError


def close_incident(
    bucket: Bucket, model: str, kind: Kind, at: datetime, how: str = "it is over", link: str | None = None
) -> bool:
    """Close it where it is open; True for the one caller who did. Raises BucketError, ManifestError."""
    key = incident_key(model, kind)
    for last in tries():
        data, record = _read(bucket, key)
        if record is None or record.ended:
            return False
        closed = record.model_copy(update={"ended": Ended(id=secrets.token_hex(8), at=at, how=how, link=link)})
        try:
            bucket.swap(key, closed.to_bytes(), data)
        except Conflict:
            if last:
                raise
            continue
        return True
    raise AssertionError


def find_incident(bucket: Bucket, model: str, kind: Kind) -> Incident | None:
    """The open incident of a model and kind. Raises BucketError, ManifestError."""
    record = find_record(bucket, model, kind)
    return record.incident if record and not record.ended else None


def find_record(bucket: Bucket, model: str, kind: Kind) -> Record | None:
    """The newest one of a model and kind, open or closed. Raises BucketError, ManifestError."""
    return _read(bucket, incident_key(model, kind))[1]


def records_in(bucket: Bucket) -> list[Record]:
    """The newest incident of every model and kind, open or closed, oldest first. Raises BucketError, ManifestError."""
    found = [_read(bucket, key)[1] for key in bucket.list(FOLDER) if _KEY.fullmatch(key)]
    return sorted(
        (record for record in found if record), key=lambda record: (record.incident.since, record.incident.key)
    )


def _read(bucket: Bucket, key: str) -> tuple[bytes | None, Record | None]:
    try:
        data = bucket.read(key)
    except ObjectNotFound:
        return None, None
    try:
        return data, Record.model_validate_json(data)
    except ValidationError as error:
        raise ManifestError(f"{bucket.url(key)} is not an incident of this format: remove it ({error})") from error
