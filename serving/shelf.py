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
from datetime import datetime
from pathlib import Path
from typing import Protocol

from storage.bucket import Bucket, Progress
from storage.disk import PART, fsync_folder, writing
from storage.errors import CorruptStore, DiskFull, ManifestError, StorageError, StoreError, WrongChecksum
from storage.manifest import NAME, SUFFIX, Manifest, NamedStore, key_order, parse_manifest, store_key
from storage.reader import Store
from storage.record import NAME as RECORD
from storage.record import read_record
from storage.schema import SchemaError
from storage.static import FOLDER as STATIC_FOLDER
from storage.static import NAME as STATIC
from storage.static import read_static
from storage.verify import verify

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


class Named(Protocol):
    """A store that a manifest names."""

    @property
    def key(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    @property
    def init_time(self) -> datetime: ...


def bring(bucket: Bucket, wanted: Named, part: Path, progress: Progress) -> int:
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


def part_of(place: Path, wanted: Named) -> Path:
    """Where a store that a manifest names is downloaded to."""
    return place / f".{Path(wanted.key).name}.{wanted.sha256[:16]}{PART}"


def bring_longer(bucket: Bucket, longer: NamedStore, place: Path, progress: Progress) -> int:
    """Download a run that reaches further than the newest, and show it; returns the bytes. Raises as `bring`."""
    part = part_of(place, longer)
    received = bring(bucket, longer, part, progress)
    os.replace(part, place / Path(longer.key).name)
    fsync_folder(place)
    return received


def part_of_before(place: Path, key: str) -> Path:
    """Where the store of the run before, which no manifest names any more, is downloaded to."""
    return place / f".{Path(key).name}.before{PART}"


def bring_before(bucket: Bucket, key: str, place: Path, progress: Progress) -> int:
    """Download a store that no manifest holds a checksum of, hold it against its own, and show it; returns the bytes.

    Raises BucketError, DiskFull, StoreError.
    """
    part = part_of_before(place, key)
    before = part.stat().st_size if part.exists() else 0
    _need_room(part, bucket.size(key) - before)
    bucket.download(key, part, progress)
    received = part.stat().st_size - before
    try:
        schema = verify(part).schema
    except StoreError as error:
        part.unlink()
        raise CorruptStore(f"{bucket.url(key)}, which tells what the newest run lacks, is damaged: {error}") from error
    if not key.startswith(store_key(schema.model, schema.init_time).removesuffix(SUFFIX)):
        part.unlink()
        raise CorruptStore(f"{bucket.url(key)} holds {schema.model} {schema.init_time:%Y-%m-%dT%H:%MZ}")
    os.replace(part, place / Path(key).name)
    fsync_folder(place)
    return received


def _open_once(bucket: Bucket, wanted: Named, part: Path) -> None:
    """Raises StoreError. The bytes are what was published, so they stay: they need not be downloaded again."""
    try:
        with Store.open(part) as store:
            found = (store.schema.model, store.schema.init_time)
    except (StoreError, SchemaError) as error:
        raise StoreError(f"{bucket.url(wanted.key)} cannot be read, though its sha256 is right: {error}") from error
    if found != (wanted.key.split("/")[0], wanted.init_time):
        raise CorruptStore(f"{bucket.url(wanted.key)} holds {found[0]} {found[1]:%Y-%m-%dT%H:%MZ}")


def is_what(path: Path, wanted: Named) -> bool:
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
    _put(place, NAME, wanted.to_bytes())


def bring_record(bucket: Bucket, place: Path) -> None:
    """What became of the model's last ingests, as far as the bucket tells; no store waits for that. Raises OSError."""
    try:
        record = read_record(bucket, place.name)
    except StorageError as error:
        log.warning("what became of the last ingests of %s is not known: %s", place.name, error)
        return
    if record is None:
        return
    local, data = place / RECORD, record.to_bytes()
    if not local.exists() or local.read_bytes() != data:
        _put(place, RECORD, data)


def bring_static(bucket: Bucket, place: Path) -> None:
    """The model's static fields, where there are others than here; no store waits for them. Raises OSError."""
    try:
        wanted = read_static(bucket, place.name)
        if wanted is None:
            return
        folder = place / STATIC_FOLDER
        store = place.parent / wanted.key
        if not store.exists():
            folder.mkdir(exist_ok=True)
            part = folder / f".{store.name}.{wanted.sha256[:16]}{PART}"
            bucket.download(wanted.key, part)
            if part.stat().st_size != wanted.size or _sha256(part) != wanted.sha256:
                part.unlink()
                raise WrongChecksum(f"{bucket.url(wanted.key)} is not what {STATIC} says; it is tried again")
            Store.open(part).close()
            os.replace(part, store)
            fsync_folder(folder)
    except StorageError as error:
        log.warning("%s: its static fields are not brought: %s", place.name, error)
        return
    local, data = place / STATIC, wanted.to_bytes()
    if not local.exists() or local.read_bytes() != data:
        _put(place, STATIC, data)
    for other in folder.iterdir():
        if other != store:
            other.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put(place: Path, name: str, data: bytes) -> None:
    new = place / f".{name}{PART}"
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, place / name)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    fsync_folder(place)


def clean(place: Path, current: Manifest, previous: Manifest | None, *parts: Path) -> None:
    """Delete stores but the current and the previous one, and broken downloads but `parts`.

    Who reads a deleted file reads on.

    The newest store of an earlier run stays too: a run that is published again, or in stages, pushes it out by no
    number of publications; and earlier runs that reach further, as `current` names them. Without `previous` the
    latest of the others is kept: a sync was killed before it cleaned.
    """
    stores = [path for path in place.glob(f"*{SUFFIX}") if path.name != Path(current.key).name]
    orders = {path: order for path in stores if (order := key_order(f"{current.model}/{path.name}"))}
    earlier = [path for path, order in orders.items() if order[0] < current.init_time]
    kept = {max(earlier, key=lambda path: orders[path], default=None)}
    kept.update(place / Path(run.key).name for run in current.longer)
    if previous and previous.key != current.key:
        kept.add(place / Path(previous.key).name)
    else:
        kept.add(max(stores, key=lambda path: path.stat().st_mtime_ns, default=None))
    for path in stores:
        if path not in kept:
            path.unlink()
    remove_parts(place, *parts)


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
