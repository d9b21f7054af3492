"""A file that is read by pread, from any thread, for as long as anybody holds it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from storage.errors import CorruptStore, StoreError


class Descriptor:
    """A file opened for pread. It is closed with the last reference to it, and not before.

    So a thread that took a reference reads this file whatever others do: the number cannot have been given to
    another file meanwhile.
    """

    __slots__ = ("number", "path", "size")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = -1
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self.number)
        if not stat.S_ISREG(status.st_mode):
            raise StoreError("is not a file")
        self.size = status.st_size

    def read(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`, fewer where the file ends; raises CorruptStore on a failing disk."""
        try:
            return os.pread(self.number, length, offset)
        except OSError as error:
            raise CorruptStore(f"{self.path} cannot be read at byte {offset}: {error.strerror}") from error

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)
