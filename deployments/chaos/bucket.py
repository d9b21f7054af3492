"""A bucket that refuses, throttles, or tells of yesterday."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from random import Random

from storage.bucket import Progress
from storage.errors import BucketError, ObjectNotFound
from storage.folder import FolderBucket

SHARE = 0.3
"""Of its calls a throttled bucket refuses so many, after all the tries of its client."""
LAG = 2
"""So many reads of a key tell what was there before it changed last."""


class Mood(StrEnum):
    """What is wrong with it."""

    REFUSING = "refusing"
    THROTTLING = "throttling"
    LAGGING = "lagging"


class MoodyBucket(FolderBucket):
    """A bucket in a folder, with moods that may be set while it is used. `random` chooses who is throttled."""

    def __init__(self, folder: Path, random: Random) -> None:
        super().__init__(folder)
        self.moods: set[Mood] = set()
        self._random = random
        self._before: dict[str, tuple[bytes | None, int]] = {}

    def list(self, prefix: str = "") -> list[str]:
        self._meet("list", prefix)
        return super().list(prefix)

    def size(self, key: str) -> int:
        self._meet("read", key)
        return super().size(key)

    def read(self, key: str) -> bytes:
        self._meet("read", key)
        before, left = self._before.get(key, (None, 0))
        if not left or Mood.LAGGING not in self.moods:
            return super().read(key)
        self._before[key] = before, left - 1
        if before is None:
            raise ObjectNotFound(f"cannot read {self.url(key)}: it does not exist")
        return before

    def write(self, key: str, data: bytes) -> None:
        self._meet("write", key)
        self._changes(key, lambda: super(MoodyBucket, self).write(key, data))

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        self._meet("swap", key)
        self._changes(key, lambda: super(MoodyBucket, self).swap(key, data, expected))

    def upload(self, local: Path, key: str, progress: Progress | None = None) -> str:
        self._meet("upload", key)
        return super().upload(local, key, progress)

    def blocks(self, key: str, start: int, end: int) -> Iterator[bytes]:
        self._meet("read", key)
        return super().blocks(key, start, end)

    def delete(self, key: str) -> None:
        self._meet("delete", key)
        super().delete(key)

    def sweep(self, prefix: str, dead: Callable[[str], bool]) -> None:
        self._meet("sweep", prefix)
        super().sweep(prefix, dead)

    def _changes(self, key: str, change: Callable[[], None]) -> None:
        path = self.path(key)
        before = path.read_bytes() if path.exists() else None
        change()
        self._before[key] = before, LAG

    def _meet(self, verb: str, key: str) -> None:
        if Mood.REFUSING in self.moods:
            raise BucketError(f"cannot {verb} {self.url(key)}: access denied")
        if Mood.THROTTLING in self.moods and self._random.random() < SHARE:
            raise BucketError(f"cannot {verb} {self.url(key)}: slow down")


class FrozenBucket(MoodyBucket):
    """A bucket seen through what keeps copies of small objects: lists and reads are of the moment it was frozen."""

    def __init__(self, folder: Path, random: Random) -> None:
        super().__init__(folder, random)
        self._kept: dict[str, bytes | None] | None = None

    def freeze(self) -> None:
        plain = FolderBucket(self.folder)
        self._kept = {key: plain.read(key) if key.endswith(".json") else None for key in plain.list()}

    def thaw(self) -> None:
        self._kept = None

    def list(self, prefix: str = "") -> list[str]:
        there = super().list(prefix)
        return there if self._kept is None else sorted(key for key in self._kept if key.startswith(prefix))

    def read(self, key: str) -> bytes:
        kept = (self._kept or {}).get(key)
        return super().read(key) if kept is None else kept
