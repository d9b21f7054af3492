"""What a local disk can do to a write: be full, and forget a rename in a power cut."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import BucketError, DiskFull, StorageError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No room: on the disk, in one's share of it, or in one file."""
PART = ".part"
"""How the name of a file ends that is not whole yet."""


@contextmanager
def room_on_disk(path: Path) -> Iterator[None]:
    """Turn what the system says of a full disk into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFull(f"no room left on the disk of {path}: free some space or choose another folder") from error


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what the local disk says while `place` is written into DiskFull, or BucketError naming the file."""
    try:
        with room_on_disk(place):
            yield
    except StorageError:
        raise
    except OSError as error:
        raise BucketError(f"cannot write {error.filename or place}: {error.strerror or error}") from error


def reserve(descriptor: int, start: int, end: int) -> bool:
    """Take the room of a file's bytes beforehand; False where there is not so much, which writing will tell.

    The file is `end` bytes long then: whoever reserves more than is written truncates it. On ext4 a write into reserved
    room takes a fifth of the CPU of one that must look for it (0.15 and 0.2 to 1.4 s/GB, Linux 6.18, 2026-11).
    """
    try:
        os.posix_fallocate(descriptor, start, end - start)
    except OSError as error:
        if error.errno in FULL:
            # What was taken of it before the room ended is given back.
            os.ftruncate(descriptor, start)
        return False
    return True


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """A folder and those above it, which a power cut will not take away again."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)
