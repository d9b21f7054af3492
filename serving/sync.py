"""What is published comes to this machine: bucket to a folder laid out as the bucket is, which the API reads.

<stores>/<model>/latest.json            the local manifest; what it names is whole and was opened once
<stores>/<model>/<name>.zarr.zip        that store, the one before it, which tells what it lacks, and those
                                        earlier ones that reach further, as the manifest names them
<stores>/<model>/history/               short stores of earlier runs (serving.shorts)
<stores>/<model>/ingest.json            what became of the last ingests, as the bucket tells it
<stores>/<model>/.<name>.<sha256>.part  a download that is under way or was broken off; the next sync goes on with it
<stores>/<model>/.lock                  held by the process that syncs the model
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Event

from serving.rests import Rests
from serving.shelf import (
    bring,
    bring_before,
    bring_longer,
    bring_record,
    bring_static,
    clean,
    is_what,
    local_manifest,
    locked,
    part_of,
    part_of_before,
    remove_parts,
    show,
)
from serving.shorts import bring_past, make_room
from serving.synced import ModelSync, Outcome, SyncReport
from storage.bucket import Bucket, Progress
from storage.disk import fsync_folder, writing
from storage.errors import BucketError, StorageError
from storage.folder import FolderBucket
from storage.manifest import Manifest, NamedStore, manifest_key, models_in, read_manifest, run_before

log = logging.getLogger(__name__)

Bars = Callable[[str], AbstractContextManager[Progress]]

JITTER = 0.2


def sync_once(
    bucket: Bucket,
    folder: Path,
    *,
    bars: Bars | None = None,
    older: bool = False,
    skip: Callable[[str], bool] = lambda model: False,
    skip_past: Callable[[str], bool] = lambda model: False,
    shorts: int | None = None,
) -> SyncReport:
    """Bring what is published of every model into `folder`; `bars(title)` shows a download's progress in bytes.

    Which of two manifests is newer is decided by (init_time, generation), so a run that is published again replaces
    itself. An older one is taken only where `older`: somebody took a run back. The same place in that order with
    another checksum is a bucket that was begun anew, and is taken.

    A model that fails is in the report with the reason, keeps its local store, and stops no other model. Models that
    `skip` are left out. When the runs of all models are here their pasts follow, but of those that `skip_past`: up to
    `shorts` stores each, newest first. Raises BucketError where the bucket cannot be listed.
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
            report.models.append(_failed(model, error, _told(model, error)))
        except Exception as error:
            log.exception("%s: the sync met a bug", model)
            report.models.append(_failed(model, error, f"{model}: {error!r}"))
    report.models = [
        _with_past(bucket, synced, folder, bars or _no_bars, shorts)
        if synced.outcome in (Outcome.SYNCED, Outcome.CURRENT) and not skip_past(synced.model)
        else synced
        for synced in report.models
    ]
    return report


def _with_past(bucket: Bucket, synced: ModelSync, folder: Path, bars: Bars, most: int | None) -> ModelSync:
    """Bring what is published of a model's past, as far as the run that is here names it."""
    with bars(f"{synced.model}, its past") as progress:
        brought = bring_past(bucket, synced.model, folder, progress, most)
    return synced.model_copy(
        update={"shorts": brought.stores, "short_bytes": brought.bytes, "past_problem": brought.problem}
    )


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
    pasts = Rests()
    while not stop.is_set():
        try:
            # One short store a round: a new run does not wait for days of the past.
            report = sync_once(bucket, folder, bars=bars, older=older, skip=rests.skip, skip_past=pasts.skip, shorts=1)
        except StorageError as error:
            report = _broken(bucket, folder, error, str(error))
        except Exception as error:
            log.exception("the sync of %s met a bug", bucket.base)
            report = _broken(bucket, folder, error, repr(error))
        rests.learn({synced.model: synced.outcome is Outcome.FAILED for synced in report.models})
        pasts.learn({synced.model: synced.past_problem is not None for synced in report.models})
        tell(report)
        if any(synced.shorts for synced in report.models):
            # There may be more.
            continue
        # Many machines that were started at once should not ask the bucket at once for ever.
        stop.wait(every * random.uniform(1 - JITTER, 1 + JITTER))


def _failed(model: str, error: Exception, told: str) -> ModelSync:
    return ModelSync(model=model, outcome=Outcome.FAILED, problem=told, reason=type(error).__name__)


def _broken(bucket: Bucket, folder: Path, error: Exception, told: str) -> SyncReport:
    return SyncReport(bucket=bucket.base, folder=str(folder), problem=told, reason=type(error).__name__)


def _sync_model(bucket: Bucket, model: str, folder: Path, bars: Bars, older: bool) -> ModelSync:
    wanted = _wanted(bucket, model)
    place = folder / model
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    with locked(place, model) as waited:
        wanted = _wanted(bucket, model) if waited else wanted
        with writing(place):
            bring_record(bucket, place)
            bring_static(bucket, place)
        local = local_manifest(folder, model)
        done = ModelSync(model=model, outcome=Outcome.CURRENT, init_time=wanted.init_time, key=wanted.key)
        if local and local.order > wanted.order and not older:
            return done.model_copy(update={"outcome": Outcome.OLDER, "problem": _why_older(bucket, local, wanted)})
        before = _before(bucket, wanted, folder)
        longer = _longer(wanted, folder)
        parts = [part_of_before(place, before)] if before else []
        parts += [part_of(place, run) for run in longer]
        received = 0
        if local and (local.key, local.sha256) == (wanted.key, wanted.sha256):
            with writing(place):
                clean(place, wanted, None, *parts)
            if before is None and not longer:
                return done
        else:
            part = part_of(place, wanted)
            with writing(place):
                remove_parts(place, part, *parts)
                if not is_what(folder / wanted.key, wanted):
                    make_room(place, wanted.size - (part.stat().st_size if part.exists() else 0))
                    with bars(f"{model} {wanted.init_time:%Y-%m-%dT%H:%MZ}") as progress:
                        received = bring(bucket, wanted, part, progress)
                    os.replace(part, folder / wanted.key)
                    fsync_folder(place)
                show(place, wanted)
                clean(place, wanted, local, *parts)
        for run in longer:
            with writing(place), bars(f"{model} {run.init_time:%Y-%m-%dT%H:%MZ}, which reaches further") as progress:
                received += bring_longer(bucket, run, place, progress)
        if before and not (folder / before).exists():
            with writing(place), bars(f"{model}, the run before") as progress:
                received += bring_before(bucket, before, place, progress)
    return done.model_copy(update={"outcome": Outcome.SYNCED, "bytes": received})


def _before(bucket: Bucket, wanted: Manifest, folder: Path) -> str | None:
    """The store of the run before, where it tells what the newest lacks and is not here: a machine that is new."""
    key = None if wanted.is_whole else run_before(bucket.list(f"{wanted.model}/"), wanted.init_time)
    return key if key and not (folder / key).exists() else None


def _longer(wanted: Manifest, folder: Path) -> list[NamedStore]:
    """The runs that reach further than the newest and are not here."""
    return [run for run in wanted.longer if not (folder / run.key).exists()]


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
