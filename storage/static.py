"""What a model's ground is like, kept once beside its runs: `<model>/static.json` names one small store.

Its one lead is that of the file it was taken from; nothing in it is a forecast.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.bucket import Bucket
from storage.errors import ManifestError, ObjectNotFound
from storage.manifest import SUFFIX, Utc

NAME = "static.json"
FOLDER = "static"
STATIC = "static"
"""The trait of a store that holds what does not change."""


class StaticManifest(BaseModel):
    """The published static fields of a model, and what their bytes must be.

    `init_time`: of the run they were taken from; `confirmed`: of the newest run whose fields were found to be the same.
    `box`: west, south, east, north where they are of a region. `digest`: of the messages, by which that is found.
    `previous`: the key of the store that this one replaced.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    key: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    init_time: Utc
    confirmed: Utc
    box: tuple[float, float, float, float] | None = None
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    previous: str | None = None

    @model_validator(mode="after")
    def _key_lies_below(self) -> StaticManifest:
        prefix = re.escape(f"{self.model}/{FOLDER}/")
        if not re.fullmatch(prefix + r"[A-Za-z0-9][A-Za-z0-9.-]*" + re.escape(SUFFIX), self.key):
            raise ValueError(f"key {self.key!r} is not {self.model}/{FOLDER}/<name>{SUFFIX}")
        return self

    def to_bytes(self) -> bytes:
        return self.model_dump_json(indent=2).encode() + b"\n"


def static_key(model: str) -> str:
    return f"{model}/{NAME}"


def parse_static(data: bytes, model: str, where: str) -> StaticManifest:
    """The manifest of `model` from bytes that came from `where`; raises ManifestError."""
    try:
        found = StaticManifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ManifestError(
            f"{where} names no static fields: {first['msg']}; remove it, and they are kept anew"
        ) from error
    if found.model != model:
        raise ManifestError(f"{where} is of {found.model}, not of {model}")
    return found


def read_static(bucket: Bucket, model: str) -> StaticManifest | None:
    """What is published of a model's static fields, None where nothing is; raises ManifestError, BucketError."""
    key = static_key(model)
    try:
        data = bucket.read(key)
    except ObjectNotFound:
        return None
    return parse_static(data, model, bucket.url(key))
