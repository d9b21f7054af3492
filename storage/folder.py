"""A bucket in a folder of this machine."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from storage.bucket import BLOCK_BYTES, Bucket, Progress
from storage.disk import PART, fsync_folder, make_folder, room_on_disk
from storage.errors import BucketError, Conflict, ObjectNotFound


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
        digest, done = hashlib.sha256(), 0
        with local.open("rb") as source, self._explained("upload", key), self._part(key, local) as part:
            total = os.fstat(source.fileno()).st_size
            linked = os.path.sameopenfile(source.fileno(), part.fileno())
            while block := source.read(BLOCK_BYTES):
                if not linked:
                    part.write(block)
                digest.update(block)
                done += len(block)
                if progress:
                    progress(done, total)
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
    def _part(self, key: str, local: Path | None = None) -> Iterator[BinaryIO]:
        """A new locked file beside `key`, gone on leaving unless `_show` renamed it.

        It is `local` itself under a second name where that lies on the same disk, else empty.
        """
        path = self.path(key)
        make_folder(path.parent)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
        with self._lock():
            linked = local is not None and _link(local, part)
            file = part.open("r+b" if linked else "xb")
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


def _link(local: Path, part: Path) -> bool:
    """Whether a second name could be given to a file: not across disks, and not on every file system."""
    try:
        os.link(local, part)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            return False
        raise
    return True


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
