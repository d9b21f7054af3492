"""Which run of a model is published: one small JSON object, `<model>/latest.json`, beside the stores it names.

It also names the short stores of that run and of those before it, `<model>/history/`: what is published of the past;
and earlier runs that reach further, where there are any: cycles of a model need not be of one length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.bucket import Bucket
from storage.errors import ManifestError, ObjectNotFound
from storage.schema import Freshness, Whole

NAME = "latest.json"
SUFFIX = ".zarr.zip"
HISTORY = "history"
STORE_KEY = re.compile(r"[^/]+/([0-9]{8}T[0-9]{4}Z)(?:\.g([0-9]{1,9}))?" + re.escape(SUFFIX))

Utc = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


class NamedStore(BaseModel):
    """A store of a run, up to `last_lead` (minutes): its object in the bucket."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    init_time: Utc
    key: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    last_lead: int = Field(ge=0)

    @property
    def end(self) -> datetime:
        """What its last lead is valid for."""
        return self.init_time + timedelta(minutes=self.last_lead)


class ShortStore(NamedStore):
    """The first leads of a run as a store of their own."""


class Manifest(BaseModel):
    """The newest published run of a model, and what its bytes must be.

    `key`, `size`, `sha256`: the store's object in the bucket. `generation` counts publications of the model: 1, 2, ...
    `leads` is how many leads the run holds, `last_lead` its last one in minutes; `freshness` is in minutes too.
    `previous`: the key of the store that this one replaced, None for a model's first.
    `whole`: what the run should come to. `missing`: `variable: leads` that its mirrors do not have. `withheld`:
    variable -> what the gate kept out, and why. All None where the publisher did not say.
    `traits`: of the model, as its stores tell them.
    `history`: the short stores of this run and of those before it, newest first.
    `longer`: earlier runs, newest first, each of which ends after all newer ones.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    init_time: Utc
    key: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    generation: int = Field(ge=1)
    leads: int = Field(ge=1)
    last_lead: int = Field(ge=0)
    published_at: Utc
    freshness: Freshness
    previous: str | None = None
    whole: Whole | None = None
    missing: tuple[str, ...] | None = None
    withheld: dict[str, str] | None = None
    traits: tuple[str, ...] = ()
    history: tuple[ShortStore, ...] = ()
    longer: tuple[NamedStore, ...] = ()

    @model_validator(mode="after")
    def _keys_lie_beside(self) -> Manifest:
        for key in (self.key, *(run.key for run in self.longer)):
            name = key.removeprefix(f"{self.model}/")
            if name == key or not name.endswith(SUFFIX) or name.startswith(".") or "/" in name or "\0" in name:
                raise ValueError(f"key {key!r} is not {self.model}/<name>{SUFFIX}")
        for short in self.history:
            if not is_short(short.key) or not short.key.startswith(f"{self.model}/"):
                raise ValueError(f"key {short.key!r} is not {self.model}/{HISTORY}/<init_time>{SUFFIX}")
        return self

    @property
    def order(self) -> tuple[datetime, int]:
        """What makes one manifest newer than another of its model: the run, then the publication."""
        return self.init_time, self.generation

    @property
    def end(self) -> datetime:
        """What its last lead is valid for."""
        return self.init_time + timedelta(minutes=self.last_lead)

    def as_named(self) -> NamedStore:
        """Its store as another manifest names it."""
        facts = ("init_time", "key", "size", "sha256", "last_lead")
        return NamedStore(**{name: getattr(self, name) for name in facts})

    @property
    def is_whole(self) -> bool:
        """Whether the run has all that it comes to, as far as its publisher said."""
        return not (self.missing or self.withheld or (self.whole and self.leads < self.whole.leads))

    def beats(self, key: str) -> bool:
        """Whether the publisher of a key cannot win any more, as this manifest is published already."""
        order = key_order(key) or short_order(key)
        return order is not None and order <= self.order

    def to_bytes(self) -> bytes:
        return self.model_dump_json(indent=2).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "a manifest") -> Manifest:
        """The manifest that `to_bytes` wrote; unknown keys are a later version's and are ignored.

        Raises ManifestError, which begins with `where` the bytes came from.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            problem = f"{field}: {first['msg']}" if field else first["msg"]
            raise ManifestError(
                f"{where} is not a valid manifest: {problem}; restore it, or remove it and publish again"
            ) from error


def manifest_key(model: str) -> str:
    return f"{model}/{NAME}"


def store_key(model: str, init_time: datetime, generation: int | None = None) -> str:
    """Where a run's store lies; `generation` where the run was published before."""
    again = "" if generation is None else f".g{generation}"
    return f"{model}/{init_time.astimezone(UTC):%Y%m%dT%H%MZ}{again}{SUFFIX}"


def key_order(key: str) -> tuple[datetime, int] | None:
    """(init_time, generation) that `store_key` put into a key, generation 0 where none; None for another key."""
    found = STORE_KEY.fullmatch(key)
    if found is None:
        return None
    try:
        init_time = datetime.strptime(found[1], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return init_time, int(found[2] or 0)


def short_key(key: str) -> str:
    """Where the short store of the store at `key` lies."""
    model, name = key.split("/")
    return f"{model}/{HISTORY}/{name}"


def short_order(key: str) -> tuple[datetime, int] | None:
    """`key_order` of the store whose short store lies at a key; None for any other key."""
    parts = key.split("/")
    return key_order(f"{parts[0]}/{parts[2]}") if len(parts) == 3 and parts[1] == HISTORY else None


def is_short(key: str) -> bool:
    return short_order(key) is not None


def run_before(keys: Iterable[str], init_time: datetime) -> str | None:
    """Of a model's keys, the newest store of the newest run that began before `init_time`."""
    orders = {key: order for key in keys if (order := key_order(key)) and order[0] < init_time}
    return max(orders, key=orders.__getitem__, default=None)


def parse_manifest(data: bytes, model: str, where: str) -> Manifest:
    """The manifest of `model`; raises ManifestError for another model's too."""
    manifest = Manifest.from_bytes(data, where)
    if manifest.model != model:
        raise ManifestError(f"{where} is the manifest of {manifest.model}, not of {model}")
    return manifest


def read_manifest(bucket: Bucket, model: str) -> Manifest | None:
    """What is published of a model, None where nothing is; raises ManifestError, BucketError."""
    key = manifest_key(model)
    try:
        data = bucket.read(key)
    except ObjectNotFound:
        return None
    return parse_manifest(data, model, bucket.url(key))


def models_in(bucket: Bucket) -> list[str]:
    """The models that have a manifest, sorted."""
    keys = [key.split("/") for key in bucket.list()]
    return sorted(parts[0] for parts in keys if len(parts) == 2 and parts[1] == NAME)
