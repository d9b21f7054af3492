"""Where runs are published: a local folder or s3://bucket/prefix, the same verbs for both.

An object becomes visible whole or not at all, and never changes in place except through `swap`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from storage.errors import BucketError, Conflict, DiskFull, ObjectNotFound

Progress = Callable[[int, int], None]

BLOCK_BYTES = 8 << 20
PART = ".part"


class Bucket(ABC):
    """Keys are relative paths with `/`. Everything raises BucketError or one of its children."""

    base: str

    def url(self, key: str) -> str:
        """Where an object lies, for messages; holds no secrets."""
        return f"{self.base}/{key}"

    @abstractmethod
    def list(self, prefix: str = "") -> list[str]:
        """The keys that start with `prefix`, sorted; nothing half written."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Bytes of an object; raises ObjectNotFound."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """A small object; raises ObjectNotFound."""

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Put a small object, atomically; replaces."""

    @abstractmethod
    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        """Replace the object if it still is `expected` (None: absent), in one step; raises Conflict."""

    @abstractmethod
    def upload(self, local: Path, key: str, progress: Progress | None = None) -> str:
        """Put a file under a new key and return the sha256 of what was sent; raises Conflict where the key exists."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; absent is fine."""

    @abstractmethod
    def sweep(self, prefix: str, dead: Callable[[str], bool]) -> None:
        """Remove what killed writers left half done below `prefix`.

        A folder knows by its locks who lives. Where nobody can know, `dead(key)` says whose upload may be ended.
        """

    @abstractmethod
    def blocks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) of an object in order; raises BucketError when it ends early."""

    def download(self, key: str, local: Path, progress: Progress | None = None) -> None:
        """Bring an object into the file `local`, going on behind the bytes already there, and fsync it.

        A failure leaves the bytes so far. Raises ObjectNotFound, DiskFull, BucketError.
        """
        total = self.size(key)
        with _written(local), local.open("ab") as out:
            done = out.tell()
            if done > total:
                out.truncate(0)
                done = 0
            for block in self.blocks(key, done, total):
                out.write(block)
                done += len(block)
                if progress:
                    progress(done, total)
            out.flush()
            os.fsync(out.fileno())


def open_bucket(url: str) -> Bucket:
    """The bucket behind a folder's path or `s3://bucket/prefix`.

    S3 finds credentials, region and endpoint where the AWS tools do: environment (AWS_ACCESS_KEY_ID, AWS_PROFILE,
    AWS_ENDPOINT_URL, ...), profile files, the machine's role.
    """
    if url.startswith("s3://"):
        from storage.s3 import S3Bucket

        return S3Bucket(url)
    if "://" in url:
        raise BucketError(f"bucket {url.split('://')[0]}://... is not supported: give a folder or s3://bucket/prefix")
    return FolderBucket(Path(url))


class FolderBucket(Bucket):
    """A bucket in a folder. Writers lock `.lock`; half-written files are hidden, and locked while their writer lives.

    `swap` compares and renames under that lock, so it is atomic between processes of one machine, and over NFS
    as far as its flock reaches.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.base = str(self.folder)

    def path(self, key: str) -> Path:
        """The file of a key; raises BucketError for a key that leads elsewhere."""
        parts = PurePosixPath(key).parts
        if not parts or key.startswith("/") or "\0" in key or any(part.startswith(".") for part in parts):
            raise BucketError(f"{key!r} is not a key of {self.base}")
        return self.folder.joinpath(*parts)

    def list(self, prefix: str = "") -> list[str]:
        found = []
        with self._explained("list", prefix):
            for root, folders, files in os.walk(self.folder, onerror=_raise_unless_gone):
                folders[:] = [name for name in folders if not name.startswith(".")]
                place = Path(root).relative_to(self.folder)
                found += [(place / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(key for key in found if key.startswith(prefix))

    def size(self, key: str) -> int:
        with self._explained("read", key):
            return self.path(key).stat().st_size

    def read(self, key: str) -> bytes:
        with self._explained("read", key):
            return self.path(key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        with self._explained("write", key), self._part(key) as part:
            part.write(data)
            with self._lock():
                self._show(part, key)

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        with self._explained("swap", key), self._part(key) as part:
            part.write(data)
            with self._lock():
                path = self.path(key)
                current = path.read_bytes() if path.exists() else None
                if current == data:
                    return
                if current != expected:
                    raise Conflict(f"{self.url(key)} was changed by somebody else in between")
                self._show(part, key)

    def upload(self, local: Path, key: str, progress: Progress | None = None) -> str:
        digest = hashlib.sha256()
        with local.open("rb") as source, self._explained("upload", key), self._part(key) as part:
            total = os.fstat(source.fileno()).st_size
            while block := source.read(BLOCK_BYTES):
                part.write(block)
                digest.update(block)
                if progress:
                    progress(part.tell(), total)
            with self._lock():
                if self.path(key).exists():
                    raise Conflict(f"{self.url(key)} exists already")
                self._show(part, key)
        return digest.hexdigest()

    def blocks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with self._explained("read", key):
            source = self.path(key).open("rb")
        with source:
            source.seek(start)
            while start < end:
                with self._explained("read", key):
                    block = source.read(min(BLOCK_BYTES, end - start))
                if not block:
                    raise BucketError(f"{self.url(key)} ended at byte {start} of {end}")
                start += len(block)
                yield block

    def delete(self, key: str) -> None:
        with self._explained("delete", key):
            self.path(key).unlink(missing_ok=True)

    def sweep(self, prefix: str, dead: Callable[[str], bool]) -> None:
        if not self.folder.is_dir():
            return
        with self._explained("sweep", prefix), self._lock():
            for part in self.folder.rglob(f".*{PART}"):
                if part.relative_to(self.folder).with_name(part.name[1:]).as_posix().startswith(prefix):
                    self._remove_unlocked(part)

    def _remove_unlocked(self, part: Path) -> None:
        try:
            with part.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
        except (BlockingIOError, FileNotFoundError):
            # Its writer lives, or ended in between.
            return

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _part(self, key: str) -> Iterator[BinaryIO]:
        """A new locked file beside `key`, gone on leaving unless `_show` renamed it."""
        path = self.path(key)
        _make_folder(path.parent)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
        with self._lock():
            file = part.open("xb")
            fcntl.flock(file, fcntl.LOCK_EX)
        with file:
            try:
                yield file
            finally:
                part.unlink(missing_ok=True)

    def _show(self, part: BinaryIO, key: str) -> None:
        part.flush()
        os.fsync(part.fileno())
        path = self.path(key)
        os.replace(part.name, path)
        fsync_folder(path.parent)

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        """Turn the system's errors into the bucket's."""
        try:
            with room_on_disk(self.folder):
                yield
        except BucketError:
            raise
        except FileNotFoundError as error:
            raise ObjectNotFound(f"cannot {verb} {self.url(key)}: it does not exist") from error
        except OSError as error:
            raise BucketError(f"cannot {verb} {self.url(key)}: {error.strerror or error}") from error


@contextmanager
def room_on_disk(path: Path) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or isinstance(error, DiskFull):
            raise
        raise DiskFull(f"no room left on the disk of {path}: free some space or choose another folder") from error


@contextmanager
def _written(local: Path) -> Iterator[None]:
    """Turn what a local file's disk says into DiskFull or BucketError."""
    try:
        with room_on_disk(local):
            yield
    except BucketError:
        raise
    except OSError as error:
        raise BucketError(f"cannot write {local}: {error.strerror or error}") from error


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)
