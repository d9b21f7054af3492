"""The messages of one lead in one file, which has its name only when all of them are there."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from tasks.room import room


class Blob:
    """`with Blob(path) as blob:` appends to `<path>.part`, and renames it unless the block raises."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._end = 0

    def __enter__(self) -> Blob:
        with room(self._full):
            self._part.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a full disk shows where the message was written.
            self._file = self._part.open("wb", buffering=0)
        return self

    def append(self, message: bytes) -> int:
        """The offset at which the message now lies; raises DiskFull."""
        offset = self._end
        rest = memoryview(message)
        with room(self._full):
            while rest:
                rest = rest[self._file.write(rest) :]
        self._end += len(message)
        return offset

    def _full(self, error: OSError) -> str:
        return (
            f"no room in {self._part.parent} for {self.path.name}, of which {self._end} bytes are written: "
            f"{error.strerror}; make room, or choose another --work folder"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._part.rename(self.path)
        else:
            self._part.unlink(missing_ok=True)
