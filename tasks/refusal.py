"""What the gate refused, kept in the bucket: no machine brings the same bytes twice to be refused again.

<model>/<init_time>.refused.json, beside the stores of the model, until that run or a newer one is published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from storage.bucket import Bucket, tries
from storage.errors import Conflict, ManifestError, ObjectNotFound
from storage.manifest import Manifest

SUFFIX = ".refused.json"
_KEY = re.compile(r"[^/]+/([0-9]{8}T[0-9]{4}Z)" + re.escape(SUFFIX))


class Probe(BaseModel):
    """A doubted field (lead in minutes) and the sha256 of every message that the gate has refused for it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    variable: str
    lead: int = Field(ge=0)
    sha256: tuple[str, ...]


class Refusal(BaseModel):
    """A run that the gate refused.

    `terms`: a digest of what was asked and by which rules it was judged; with others it is another question. `leads`:
    how many the run had. `doubted`: leads (hours) of which the gate doubts any field; `probes`: some of those fields.
    `marks`: mirror -> path of a file -> the mark of it as it was when the mirror still gave the refused bytes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str
    init_time: AwareDatetime
    leads: int
    terms: str
    refused_at: AwareDatetime
    reason: str
    doubted: tuple[int, ...]
    probes: tuple[Probe, ...]
    marks: dict[str, dict[str, str]]

    @property
    def key(self) -> str:
        return refusal_key(self.model, self.init_time)

    def known(self) -> dict[tuple[str, int], set[str]]:
        """(variable, lead in minutes) -> sha256 of what was refused."""
        return {(probe.variable, probe.lead): set(probe.sha256) for probe in self.probes}

    def with_marks(self, marks: Mapping[str, dict[str, str]]) -> Refusal:
        return self.model_copy(update={"marks": self.marks | dict(marks)})


def refusal_key(model: str, init_time: datetime) -> str:
    return f"{model}/{init_time.astimezone(UTC):%Y%m%dT%H%MZ}{SUFFIX}"


def read_refusal(bucket: Bucket, model: str, init_time: datetime) -> Refusal | None:
    """What is known of a run's refusal, None where nothing is; raises ManifestError for what is none, BucketError."""
    return _read(bucket, refusal_key(model, init_time))[1]


def keep_refusal(bucket: Bucket, refusal: Refusal) -> Refusal:
    """Remember a refusal, and what another machine found about the same question meanwhile; returns what is kept.

    Raises BucketError, DiskFull.
    """
    for last in tries():
        try:
            data, other = _read(bucket, refusal.key)
        except ManifestError:
            data, other = bucket.read(refusal.key), None
        kept = refusal
        if other and (other.terms, other.probes) == (refusal.terms, refusal.probes):
            kept = refusal.with_marks(other.marks | refusal.marks)
        try:
            bucket.swap(kept.key, kept.model_dump_json(indent=2).encode() + b"\n", data)
        except Conflict:
            if last:
                raise
            continue
        return kept
    raise AssertionError


def sweep_refusals(bucket: Bucket, manifest: Manifest) -> None:
    """Forget what was refused of runs that are no newer than the published one; raises BucketError.

    A longer stage of the published run is newer.
    """
    for key in bucket.list(f"{manifest.model}/"):
        init_time = _init_time_of(key)
        if init_time is None or init_time > manifest.init_time:
            continue
        if init_time < manifest.init_time or _is_covered(bucket, key, manifest):
            bucket.delete(key)


def _init_time_of(key: str) -> datetime | None:
    found = _KEY.fullmatch(key)
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%MZ").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _is_covered(bucket: Bucket, key: str, manifest: Manifest) -> bool:
    try:
        refusal = _read(bucket, key)[1]
    except ManifestError:
        return True
    return refusal is None or refusal.leads <= manifest.leads


def _read(bucket: Bucket, key: str) -> tuple[bytes | None, Refusal | None]:
    try:
        data = bucket.read(key)
    except ObjectNotFound:
        return None, None
    try:
        return data, Refusal.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ManifestError(
            f"{bucket.url(key)} holds no refusal ({'.'.join(map(str, first['loc']))}: {first['msg']}): delete it, and "
            "the run is tried once more"
        ) from error
