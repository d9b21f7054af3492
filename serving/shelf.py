"""A model's folder of stores: what it holds, a store brought into it, what is removed again.

Every file is either hidden, or whole and held against its manifest.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.bucket import Bucket, Progress
from storage.disk import PART, fsync_folder, writing
from storage.errors import CorruptStore, DiskFull, ManifestError, StoreError, WrongChecksum
from storage.manifest import NAME, SUFFIX, Manifest, key_order, parse_manifest
from storage.reader import Store
from storage.schema import SchemaError

log = logging.getLogger(__name__)


def local_manifest(folder: Path, model: str) -> Manifest | None:
    """What `folder` holds of a model; None where it holds no whole store. A damaged local manifest counts as none."""
    place = folder / model / NAME
    try:
        manifest = parse_manifest(place.read_bytes(), model, str(place))
        whole = (folder / manifest.key).stat().st_size == manifest.size
    except FileNotFoundError:
        return None
    except ManifestError as error:
        log.warning("%s; it is replaced", error)
        return None
    return manifest if whole else None


def bring(bucket: Bucket, wanted: Manifest, part: Path, progress: Progress) -> int:
    """Download into `part` and hold it against its manifest; returns the bytes that came. Raises BucketError & Co.

    Bytes that an earlier, broken download left may be what is wrong: then everything is downloaded once more.
    """
    received = 0
    for resumed in (True, False):
        before = part.stat().st_size if part.exists() else 0
        _need_room(part, wanted.size - before)
        try:
            bucket.download(wanted.key, part, progress)
        except DiskFull:
            part.unlink(missing_ok=True)
            raise
        received += max(part.stat().st_size - before, 0)
        if is_what(part, wanted):
            _open_once(bucket, wanted, part)
            return received
        size = part.stat().st_size
        part.unlink()
        if not (resumed and before):
            break
    raise WrongChecksum(
        f"{bucket.url(wanted.key)} is not what its manifest says ({size} bytes of {wanted.size}, or another sha256 "
        f"than {wanted.sha256}): it was dropped and is tried again; publish it again if this stays"
    )


def _open_once(bucket: Bucket, wanted: Manifest, part: Path) -> None:
    """Raises StoreError. The bytes are what was published, so they stay: they need not be downloaded again."""
    try:
        with Store.open(part) as store:
            found = (store.schema.model, store.schema.init_time)
    except (StoreError, SchemaError) as error:
        raise StoreError(f"{bucket.url(wanted.key)} cannot be read, though its sha256 is right: {error}") from error
    if found != (wanted.model, wanted.init_time):
        raise CorruptStore(f"{bucket.url(wanted.key)} holds {found[0]} {found[1]:%Y-%m-%dT%H:%MZ}")


def is_what(path: Path, wanted: Manifest) -> bool:
    """Whether a file is, to the bit, what the manifest names."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != wanted.size:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256
    except FileNotFoundError:
        return False


def _need_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        part.unlink(missing_ok=True)
        raise DiskFull(f"no room left on the disk of {part.parent}: {needed} bytes are to come, {free} are free")


def show(place: Path, wanted: Manifest) -> None:
    """Name the store in the local manifest: from here on it is the one that is read."""
    new = place / f".{NAME}{PART}"
    with new.open("wb") as file:
        file.write(wanted.to_bytes())
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, place / NAME)
    fsync_folder(place)


def clean(place: Path, current: Manifest, previous: Manifest | None) -> None:
    """Delete stores but the current and the previous one, and broken downloads. Who reads a deleted file reads on.

    The newest store of an earlier run stays too: a run that is published again, or in stages, pushes it out by no
    number of publications. Without `previous` the latest of the others is kept: a sync was killed before it cleaned.
    """
    stores = [path for path in place.glob(f"*{SUFFIX}") if path.name != Path(current.key).name]
    orders = {path: order for path in stores if (order := key_order(f"{current.model}/{path.name}"))}
    earlier = [path for path, order in orders.items() if order[0] < current.init_time]
    kept = {max(earlier, key=lambda path: orders[path], default=None)}
    if previous and previous.key != current.key:
        kept.add(place / Path(previous.key).name)
    else:
        kept.add(max(stores, key=lambda path: path.stat().st_mtime_ns, default=None))
    for path in stores:
        if path not in kept:
            path.unlink()
    remove_parts(place)


def remove_parts(place: Path, *kept: Path) -> None:
    for part in place.glob(f".*{PART}"):
        if part not in kept:
            part.unlink()


@contextmanager
def locked(place: Path, model: str) -> Iterator[bool]:
    """One process at a time syncs a model into a folder. Another one waits: yields whether it had to."""
    with writing(place):
        lock = (place / ".lock").open("ab")
    with lock:
        waited = False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("%s is being synced into %s by another process: waiting for it", model, place)
            fcntl.flock(lock, fcntl.LOCK_EX)
            waited = True
        yield waited
