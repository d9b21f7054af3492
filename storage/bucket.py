"""Where runs are published: a local folder or s3://bucket/prefix, the same verbs for both.

An object becomes visible whole or not at all, and never changes in place except through `swap`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

from storage.disk import writing
from storage.errors import BucketError

Progress = Callable[[int, int], None]

BLOCK_BYTES = 8 << 20
SWAPS = 200
"""Tries of one change: somebody else may be faster often, and a store may tell for a while what was there before."""


def tries() -> Iterator[bool]:
    """One for each try of a read, a change and a swap; True for the last one, after which a Conflict is told.

    A store that answers every swap with a conflict ends the trying, too.
    """
    return (number == SWAPS - 1 for number in range(SWAPS))


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
        """Put a file under a new key and return the sha256 of what was sent; raises Conflict where the key exists.

        The file belongs to the bucket then: it may be removed, but no longer be written to.
        """

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
        with writing(local), local.open("ab") as out:
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
    from storage.folder import FolderBucket

    return FolderBucket(Path(url))
