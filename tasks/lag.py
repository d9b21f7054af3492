"""What is served, held against what is published: the age of the data, not the success of jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from pydantic import AwareDatetime, BaseModel, ValidationError

from storage.errors import ObjectNotFound, StorageError
from storage.folder import FolderBucket
from storage.manifest import Manifest, models_in, read_manifest
from storage.run_time import run_time
from tasks.errors import IngestError

TIMEOUT_SECONDS = 15


class Unanswered(IngestError, OSError):
    """Nobody says what is served: an API does not answer, or a folder cannot be read."""


class Lag(StrEnum):
    """How what is served compares with what is published."""

    NONE = "none"
    BEHIND = "behind"
    BROKEN = "broken"
    AHEAD = "ahead"


class Served(BaseModel):
    """The run that somebody serves of a model; `generation` None where they do not know."""

    init_time: AwareDatetime
    generation: int | None = None


@dataclass(frozen=True)
class Comparison:
    """One model. `lag`: minutes since what is not served yet was published; `age`: minutes of the data served."""

    model: str
    published: Manifest
    served: Served | None
    state: Lag
    lag: int
    age: int | None

    def in_words(self) -> str:
        published = f"{self.model} {run_time(self.published.init_time)} (generation {self.published.generation})"
        if self.served is None:
            return f"{published} was published {self.lag} minutes ago, and no run of {self.model} is served"
        served = f"{run_time(self.served.init_time.astimezone(UTC))}, {self.age} minutes old"
        if self.state is Lag.NONE:
            return f"{published} is served, {self.age} minutes old"
        if self.state is Lag.AHEAD:
            return f"{published} is published, a newer one is served: {served}"
        again = "" if self.served.generation is None else f" (generation {self.served.generation})"
        return f"{published} was published {self.lag} minutes ago, served is {served}{again}"


def compare(published: Manifest, served: Served | None, now: datetime, grace: timedelta) -> Comparison:
    """What is not served `grace` after it was published is broken.

    An older run in the bucket than the one that is served is one that somebody took back: that is nobody's delay.
    """
    since = now - published.published_at
    state = Lag.NONE
    if served is None or _order(served, published) < published.order:
        state = Lag.BROKEN if since > grace else Lag.BEHIND
    elif _order(served, published) > published.order:
        state = Lag.AHEAD
    return Comparison(
        model=published.model,
        published=published,
        served=served,
        state=state,
        lag=_minutes(since) if state in (Lag.BEHIND, Lag.BROKEN) else 0,
        age=_minutes(now - served.init_time) if served else None,
    )


def _order(served: Served, published: Manifest) -> tuple[datetime, int]:
    return served.init_time, published.generation if served.generation is None else served.generation


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds() // 60)


def served_from(folder: Path) -> dict[str, Served]:
    """The models of a folder of stores, whose stores are as long as their manifests say; raises Unanswered."""
    bucket = FolderBucket(folder)
    if not bucket.folder.is_dir():
        raise Unanswered(f"there is no folder of stores {bucket.folder}: start windlass sync, or set WINDLASS_STORES")
    found = {}
    try:
        for model in models_in(bucket):
            manifest = read_manifest(bucket, model)
            if manifest and _length(bucket, manifest.key) == manifest.size:
                found[model] = Served(init_time=manifest.init_time, generation=manifest.generation)
    except StorageError as error:
        raise Unanswered(f"the stores in {bucket.folder} cannot be read: {error}") from error
    return found


def _length(bucket: FolderBucket, key: str) -> int:
    try:
        return bucket.size(key)
    except ObjectNotFound:
        return -1


def served_by(url: str) -> dict[str, Served]:
    """The models that the API at `url` serves, as its /health says; raises Unanswered."""
    where = f"{url.rstrip('/')}/health"
    try:
        body = _get(where)
        models: list[dict[str, Any]] = json.loads(body)["models"]
        return {row["model"]: Served.model_validate(row) for row in models if row["init_time"] is not None}
    except (OSError, HTTPException) as error:
        raise Unanswered(f"{where} does not answer: {getattr(error, 'reason', error)}") from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise Unanswered(f"{where} does not answer as this API does: {error}") from error


def _get(url: str) -> bytes:
    """The answer's body. An API that has nothing to serve says 503, and so in its body too."""
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read()
    except HTTPError as error:
        with error:
            if error.code != 503:
                raise
            body = error.read()
    return body
