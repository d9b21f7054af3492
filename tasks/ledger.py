"""incidents/told.json: what people were told of incidents, what is owed to which address, who is telling now."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from storage.bucket import Bucket
from storage.errors import Conflict, ManifestError, ObjectNotFound
from storage.manifest import Utc
from tasks.incidents import FOLDER
from tasks.notice import Notice

LEDGER = f"{FOLDER}told.json"


class Lease(BaseModel):
    """Who is telling, and until when nobody else does."""

    by: str
    until: Utc


class Letter(BaseModel):
    """A notice that is owed to some addresses."""

    id: str
    written: Utc
    notice: Notice
    owed: list[str]


def _by_address(counted: Any) -> Any:
    """Ledgers were written with one number for all addresses; what it counted nobody can tell apart."""
    return {} if isinstance(counted, int) else counted


class Ledger(BaseModel):
    """What people know. `told` holds `<incident id>:opened` and `:ended`; `sent` when notices were written lately.

    `delivered_total`, `failed_total`: notices by the name of the address.
    """

    told: list[str] = Field(default_factory=list)
    letters: list[Letter] = Field(default_factory=list)
    sent: list[Utc] = Field(default_factory=list)
    lease: Lease | None = None
    delivered_total: Annotated[dict[str, int], BeforeValidator(_by_address)] = Field(default_factory=dict)
    failed_total: dict[str, int] = Field(default_factory=dict)

    def to_bytes(self) -> bytes:
        return self.model_dump_json(indent=2).encode() + b"\n"


def mark_told(bucket: Bucket, what: str) -> None:
    """People know it already: `<incident id>:opened`. Raises BucketError, ManifestError."""
    while True:
        data, ledger = read_with_bytes(bucket)
        if what in ledger.told:
            return
        marked = ledger.model_copy(update={"told": sorted({*ledger.told, what})})
        try:
            bucket.swap(LEDGER, marked.to_bytes(), data)
        except Conflict:
            continue
        return


def read_ledger(bucket: Bucket) -> Ledger:
    """What people were told; raises BucketError, ManifestError."""
    return read_with_bytes(bucket)[1]


def read_with_bytes(bucket: Bucket) -> tuple[bytes | None, Ledger]:
    """The same, and the very bytes that a swap must meet again."""
    try:
        data = bucket.read(LEDGER)
    except ObjectNotFound:
        return None, Ledger()
    try:
        return data, Ledger.model_validate_json(data)
    except ValidationError as error:
        raise ManifestError(f"{bucket.url(LEDGER)} is no record of notices: remove it ({error})") from error
