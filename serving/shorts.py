"""The short stores that a manifest names come to this machine, newest first, as far as the disk has room.

<stores>/<model>/history/<name>.zarr.zip            held against its sha256, and opened once
<stores>/<model>/history/.<name>.<sha256>.part      a download that is under way or was broken off

The run that is served needs none of its own. The next run must find room: as much as this one takes stays free, and
where a run has none the oldest short stores go.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serving.shelf import bring, local_manifest, locked, remove_parts
from storage.bucket import Bucket, Progress
from storage.disk import PART, fsync_folder, writing
from storage.errors import StorageError
from storage.manifest import HISTORY, SUFFIX, Manifest, ShortStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Brought:
    """What came of a model's past: how many stores, their bytes, and why not all of what is named is here."""

    stores: int = 0
    bytes: int = 0
    problem: str | None = None


def wanted_shorts(manifest: Manifest, folder: Path) -> list[ShortStore]:
    """What is named and not here, newest first."""
    return [
        short
        for short in manifest.history
        if short.init_time != manifest.init_time and not _has(folder / short.key, short)
    ]


def bring_past(bucket: Bucket, model: str, folder: Path, progress: Progress, most: int | None) -> Brought:
    """Bring up to `most` short stores of the past that the run which is here names; raises nothing."""
    if (manifest := local_manifest(folder, model)) is None:
        return Brought()
    try:
        with locked(folder / model, model):
            return bring_shorts(bucket, manifest, folder, progress, most)
    except (StorageError, OSError) as error:
        return Brought(problem=f"the past of {model}: {error}")
    except Exception as error:
        log.exception("the sync of the past of %s met a bug", model)
        return Brought(problem=f"the past of {model}: {error!r}")


def bring_shorts(bucket: Bucket, manifest: Manifest, folder: Path, progress: Progress, most: int | None) -> Brought:
    """Bring up to `most` of them, and remove what is not named any more. One that fails stops the older ones.

    Raises BucketError for what the local disk says.
    """
    place = folder / manifest.model / HISTORY
    wanted = wanted_shorts(manifest, folder)
    if not manifest.history and not place.exists():
        return Brought()
    with writing(place):
        place.mkdir(exist_ok=True)
        _forget(place, manifest.history)
    count = size = 0
    for short in wanted[:most]:
        part = _part(folder, short)
        free, needed = shutil.disk_usage(place).free, short.size - (part.stat().st_size if part.exists() else 0)
        if free < needed + manifest.size:
            told = f"the past of {manifest.model} stays without {short.key} and what is older: the next run needs the "
            return Brought(count, size, f"{told}{free} bytes that are free on the disk of {place}")
        try:
            with writing(place):
                size += bring(bucket, short, part, progress)
                os.replace(part, folder / short.key)
                fsync_folder(place)
        except StorageError as error:
            return Brought(count, size, f"the past of {manifest.model}: {error}")
        count += 1
    return Brought(count, size)


def make_room(place: Path, needed: int) -> None:
    """Remove the oldest short stores of a model's folder until `needed` bytes are free, or none is left."""
    shorts = sorted((place / HISTORY).glob(f"[!.]*{SUFFIX}"), key=lambda path: path.name)
    if shutil.disk_usage(place).free < needed:
        remove_parts(place / HISTORY)
    for path in shorts:
        if shutil.disk_usage(place).free >= needed:
            return
        log.warning("%s goes: a run of %s needs its room", path, place.name)
        path.unlink(missing_ok=True)


def _has(path: Path, short: ShortStore) -> bool:
    return path.exists() and path.stat().st_size == short.size


def _part(folder: Path, short: ShortStore) -> Path:
    path = folder / short.key
    return path.with_name(f".{path.name}.{short.sha256[:16]}{PART}")


def _forget(place: Path, named: Iterable[ShortStore]) -> None:
    """Remove stores that are not named, and parts of downloads of what is not."""
    names = {Path(short.key).name for short in named}
    for path in place.glob(f"[!.]*{SUFFIX}"):
        if path.name not in names:
            path.unlink()
    folder = place.parent.parent
    remove_parts(place, *(_part(folder, short) for short in named))
