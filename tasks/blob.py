"""The messages of one lead in one file, which has its name only when all of them are there."""

from __future__ import annotations

import errno
import mmap
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tasks.room import room

PROMISELESS = (errno.EOPNOTSUPP, errno.ENODEV, errno.EINVAL)
"""What a file system or a device says that cannot promise room; a write then finds out."""


class Blob:
    """`with Blob(path) as blob:` fills `<path>.part`, and renames it unless the block raises.

    Messages are written where they will stay, in pieces and side by side: `reserve` gives each a place, `write` puts
    its bytes there, `keep` says that it is whole and wanted. What is not kept nothing refers to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._end = 0
        self._written = 0

    def __enter__(self) -> Blob:
        with room(self._full):
            self._part.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a full disk shows where the message was written.
            self._file = self._part.open("w+b", buffering=0)
        return self

    def reserve(self, lengths: Sequence[int | None]) -> list[int]:
        """Offsets for messages of at most so many bytes, behind those kept; raises DiskFull where there is no room.

        Only the last length may be None: that message grows as it comes. Places that were reserved before and whose
        messages are not kept are given up: nobody may write there any more.
        """
        offsets, end = [], self._end
        for length in lengths:
            offsets.append(end)
            end += length or 0
        with room(self._full):
            if end > sys.maxsize:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            if end > self._end:
                try:
                    os.posix_fallocate(self._file.fileno(), self._end, end - self._end)
                except OSError as error:
                    if error.errno not in PROMISELESS:
                        raise
        return offsets

    def write(self, offset: int, block: bytes | memoryview) -> None:
        """Put a part of a message into its place; raises DiskFull."""
        rest = memoryview(block)
        with room(self._full):
            while rest:
                count = os.pwrite(self._file.fileno(), rest, offset)
                rest, offset = rest[count:], offset + count
                self._written += count

    def view(self, offset: int, length: int) -> memoryview:
        """What lies there, mapped and not copied; unmapped when the last view of it is gone."""
        start = offset - offset % mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(self._file.fileno(), offset + length - start, access=mmap.ACCESS_READ, offset=start)
        return memoryview(mapped)[offset - start :]

    def keep(self, offset: int, length: int) -> None:
        """The message that lies there will be referred to."""
        self._end = max(self._end, offset + length)

    def _full(self, error: OSError) -> str:
        return (
            f"no room in {self._part.parent} for {self.path.name}, of which {self._written} bytes are written: "
            f"{error.strerror}; make room, or choose another --work folder"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.truncate(self._end)
        finally:
            self._file.close()
        if kind is None:
            self._part.rename(self.path)
        else:
            self._part.unlink(missing_ok=True)
