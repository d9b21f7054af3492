"""What is published comes to this machine: bucket to a folder laid out as the bucket is, which the API reads.

<stores>/<model>/latest.json            the local manifest; what it names is whole and was opened once
<stores>/<model>/<name>.zarr.zip        that store and the one before it
<stores>/<model>/.<name>.<sha256>.part  a download that is under way or was broken off; the next sync goes on with it
<stores>/<model>/.lock                  held by the process that syncs the model
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Event

from pydantic import BaseModel

from serving.shelf import bring, clean, is_what, local_manifest, locked, remove_parts, show
from storage.bucket import Bucket, Progress
from storage.disk import PART, fsync_folder, writing
from storage.errors import BucketError, StorageError
from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key, models_in, read_manifest
from storage.sizes import size_in_words

log = logging.getLogger(__name__)

Bars = Callable[[str], AbstractContextManager[Progress]]

JITTER = 0.2
# A model that failed rests 1, 2, 4, ... rounds: a broken store is not downloaded every minute.
LONGEST_REST = 8


class Outcome(StrEnum):
    """What became of a model."""

    SYNCED = "synced"
    CURRENT = "current"
    OLDER = "older in the bucket"
    FAILED = "failed"


class ModelSync(BaseModel):
    """One model's part of a sync. `bytes`: how many were downloaded; `problem`: why it failed or was left."""

    model: str
    outcome: Outcome
    init_time: datetime | None = None
    key: str | None = None
    bytes: int = 0
    problem: str | None = None

    def in_words(self) -> str:
        run = f"{self.model} {self.init_time:%Y-%m-%dT%H:%MZ}" if self.init_time else self.model
        match self.outcome:
            case Outcome.SYNCED:
                return f"{run} synced: {size_in_words(self.bytes)} downloaded"
            case Outcome.CURRENT:
                return f"{run} is here already"
            case _:
                return f"{self.problem}"


class SyncReport(BaseModel):
    """One sync. `problem`: why the bucket as a whole could not be asked."""

    bucket: str
    folder: str
    models: list[ModelSync] = []
    problem: str | None = None

    @property
    def failed(self) -> bool:
        return self.problem is not None or any(model.outcome is Outcome.FAILED for model in self.models)


def sync_once(
    bucket: Bucket,
    folder: Path,
    *,
    bars: Bars | None = None,
    older: bool = False,
    skip: Callable[[str], bool] = lambda model: False,
) -> SyncReport:
    """Bring what is published of every model into `folder`; `bars(title)` shows a download's progress in bytes.

    Which of two manifests is newer is decided by (init_time, generation), so a run that is published again replaces
    itself. An older one is taken only where `older`: somebody took a run back. The same place in that order with
    another checksum is a bucket that was begun anew, and is taken.

    A model that fails is in the report with the reason, keeps its local store, and stops no other model. Models that
    `skip` are left out. Raises BucketError where the bucket cannot be listed.
    """
    folder = folder.expanduser().absolute()
    if isinstance(bucket, FolderBucket) and bucket.folder.resolve() == folder.resolve():
        raise BucketError(f"{folder} is the bucket itself; sync into another folder")
    report = SyncReport(bucket=bucket.base, folder=str(folder))
    for model in models_in(bucket):
        if skip(model):
            continue
        try:
            report.models.append(_sync_model(bucket, model, folder, bars or _no_bars, older))
        except (StorageError, OSError) as error:
            report.models.append(ModelSync(model=model, outcome=Outcome.FAILED, problem=_told(model, error)))
        except Exception as error:
            log.exception("%s: the sync met a bug", model)
            report.models.append(ModelSync(model=model, outcome=Outcome.FAILED, problem=f"{model}: {error!r}"))
    return report


def sync_forever(
    bucket: Bucket,
    folder: Path,
    every: float,
    stop: Event,
    tell: Callable[[SyncReport], None],
    *,
    bars: Bars | None = None,
    older: bool = False,
) -> None:
    """Sync about every `every` seconds until `stop` is set; `tell` is given each round's report. Never gives up."""
    rests = Rests()
    while not stop.is_set():
        try:
            report = sync_once(bucket, folder, bars=bars, older=older, skip=rests.skip)
        except StorageError as error:
            report = SyncReport(bucket=bucket.base, folder=str(folder), problem=str(error))
        except Exception as error:
            log.exception("the sync of %s met a bug", bucket.base)
            report = SyncReport(bucket=bucket.base, folder=str(folder), problem=repr(error))
        rests.learn(report)
        tell(report)
        # Many machines that were started at once should not ask the bucket at once for ever.
        stop.wait(every * random.uniform(1 - JITTER, 1 + JITTER))


class Rests:
    """How many rounds each model that failed still rests."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def skip(self, model: str) -> bool:
        left = self._left.get(model, 0)
        self._left[model] = max(left - 1, 0)
        return left > 0

    def learn(self, report: SyncReport) -> None:
        for synced in report.models:
            if synced.outcome is not Outcome.FAILED:
                self._failures.pop(synced.model, None)
                continue
            failures = self._failures[synced.model] = self._failures.get(synced.model, 0) + 1
            self._left[synced.model] = min(2 ** (failures - 1), LONGEST_REST) - 1


def _sync_model(bucket: Bucket, model: str, folder: Path, bars: Bars, older: bool) -> ModelSync:
    wanted = _wanted(bucket, model)
    place = folder / model
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    with locked(place, model) as waited:
        wanted = _wanted(bucket, model) if waited else wanted
        local = local_manifest(folder, model)
        done = ModelSync(model=model, outcome=Outcome.CURRENT, init_time=wanted.init_time, key=wanted.key)
        if local and local.order > wanted.order and not older:
            return done.model_copy(update={"outcome": Outcome.OLDER, "problem": _why_older(bucket, local, wanted)})
        if local and (local.key, local.sha256) == (wanted.key, wanted.sha256):
            with writing(place):
                clean(place, wanted, None)
            return done
        part = place / f".{Path(wanted.key).name}.{wanted.sha256[:16]}{PART}"
        with writing(place):
            remove_parts(place, part)
            received = 0
            if not is_what(folder / wanted.key, wanted):
                with bars(f"{model} {wanted.init_time:%Y-%m-%dT%H:%MZ}") as progress:
                    received = bring(bucket, wanted, part, progress)
                os.replace(part, folder / wanted.key)
                fsync_folder(place)
            show(place, wanted)
            clean(place, wanted, local)
    return done.model_copy(update={"outcome": Outcome.SYNCED, "bytes": received})


def _wanted(bucket: Bucket, model: str) -> Manifest:
    manifest = read_manifest(bucket, model)
    if manifest is None:
        raise BucketError(f"{bucket.url(manifest_key(model))} was removed just now")
    return manifest


def _no_bars(title: str) -> AbstractContextManager[Progress]:
    return nullcontext(lambda done, total: None)


def _why_older(bucket: Bucket, local: Manifest, wanted: Manifest) -> str:
    return (
        f"{bucket.url(wanted.key)} (generation {wanted.generation}) is older than the local {local.key} (generation "
        f"{local.generation}), which stays; --older takes it"
    )


def _told(model: str, error: Exception) -> str:
    text = str(error)
    return text if model in text else f"{model}: {text}"
