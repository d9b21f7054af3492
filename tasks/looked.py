"""That somebody looked at the data, and when: `incidents/looked.json`, without which silence means nothing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.bucket import Bucket
from storage.errors import ManifestError, ObjectNotFound
from storage.manifest import Utc
from tasks.incidents import FOLDER

LOOKED = f"{FOLDER}looked.json"


class DiskLook(BaseModel):
    """The disk of a folder, in bytes."""

    model_config = ConfigDict(frozen=True)

    name: str
    free: int
    total: int


class Looked(BaseModel):
    """The newest look of `freshness`. `problems`: how many it found."""

    model_config = ConfigDict(frozen=True)

    time: Utc
    problems: int
    disks: list[DiskLook] = Field(default_factory=list)


def keep_looked(bucket: Bucket, looked: Looked) -> None:
    """Say that somebody looked; of two at once either will do. Raises BucketError."""
    bucket.write(LOOKED, looked.model_dump_json(indent=2).encode() + b"\n")


def read_looked(bucket: Bucket) -> Looked | None:
    """The newest look, None where nobody ever did. Raises BucketError, ManifestError."""
    try:
        data = bucket.read(LOOKED)
    except ObjectNotFound:
        return None
    try:
        return Looked.model_validate_json(data)
    except ValidationError as error:
        raise ManifestError(f"{bucket.url(LOOKED)} is no record of a look: remove it ({error})") from error
