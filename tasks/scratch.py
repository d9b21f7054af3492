"""Decoded fields on disk: int16 steps, laid out so that a band of rows of all messages is one read.

Band after band, message after message within it. Only the kernel's page cache grows with the run, and that is given
back under pressure. The file has no name: it is gone with the process, however that ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.layout import SHARD
from storage.sizes import size_in_words
from tasks.room import room


class Scratch:
    """Room for int16 [message, rows, columns] in `folder`, taken at once; raises DiskFull where there is none.

    `write` may be called from any thread or process.
    """

    def __init__(self, folder: Path, messages: int, rows: int, columns: int) -> None:
        self.messages, self.rows, self.columns = messages, rows, columns
        size = 2 * messages * rows * columns
        self._what = f"{size_in_words(size)} of decoded fields ({messages} of {rows} x {columns} points)"
        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - open as long as the object
        try:
            with room(self._full):
                os.posix_fallocate(self._file.fileno(), 0, size)
        except OSError:
            self._file.close()
            raise

    def write(self, message: int, steps: NDArray[np.int16]) -> None:
        """Keep one field, int16 [rows, columns]."""
        if steps.shape != (self.rows, self.columns):
            raise ValueError(f"a field of {steps.shape} in a scratch of {(self.rows, self.columns)}")
        for row in range(0, self.rows, SHARD):
            band = np.ascontiguousarray(steps[row : row + SHARD], np.int16)
            offset = 2 * self.start(message, row)
            rest = band.data.cast("B")
            while rest:
                # Even room that was taken beforehand can be missing where files are copied on write.
                with room(self._full):
                    done = os.pwrite(self._file.fileno(), rest, offset)
                rest, offset = rest[done:], offset + done

    @cached_property
    def steps(self) -> NDArray[np.int16]:
        """All that was written, mapped into memory: see `start`."""
        return np.frombuffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ), np.int16)

    def start(self, message: int, row: int) -> int:
        """Where in `steps` a row of a message begins; those that follow it in its band of SHARD rows come after it."""
        band = row // SHARD * SHARD
        height = min(SHARD, self.rows - band)
        return self.columns * (self.messages * band + message * height + row - band)

    def _full(self, error: OSError) -> str:
        return (
            f"{self._folder} has no room for {self._what}; make room, choose another work folder, "
            "or ask for fewer leads or a smaller box"
        )

    def close(self) -> None:
        """Give the room back; a second time is fine."""
        self.__dict__.pop("steps", None)
        self._file.close()
