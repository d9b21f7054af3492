"""The work folder of one model: one ingest at a time, leftovers of killed runs swept away.

<work>/<model>/.lock                     held by whoever ingests the model
<work>/<model>/<init_time>/staged/       verified messages, kept until the run is published: a retry uses them again
<work>/<model>/<init_time>/scratch/      decoded fields and the store being written, swept at both ends
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from flows.errors import Busy, RequestError
from storage.disk import room_on_disk
from storage.errors import DiskFull


@dataclass(frozen=True)
class Dock:
    """Folders of one run on this machine."""

    folder: Path

    @property
    def staged(self) -> Path:
        return self.folder / "staged"

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def store(self) -> Path:
        return self.scratch / "run.zarr.zip"


_held: set[Path] = set()
_guard = Lock()


@contextmanager
def locked(work: Path, model: str) -> Iterator[Path]:
    """Hold `<work>/<model>`, which is created; raises Busy when somebody else does, RequestError, DiskFull.

    The kernel lets go of the lock when its holder dies, however it dies.
    """
    folder = work / model
    with _usable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _alone_in_process(folder):
        with _usable(folder):
            # Unbuffered: a buffer would meet a full disk a second time when it is closed.
            file = (folder / ".lock").open("a+b", buffering=0)
        with file:
            try:
                # A record lock is the process's own. Forked children would share one by flock, and hold it for the
                # moment by which they outlive a killed parent.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                file.seek(0)
                raise _busy(folder, file.read().decode().strip() or "unknown") from None
            with _usable(folder):
                file.truncate(0)
                file.write(str(os.getpid()).encode())
            yield folder


@contextmanager
def _alone_in_process(folder: Path) -> Iterator[None]:
    """Raises Busy where another thread holds the folder: record locks know processes only."""
    place = folder.resolve()
    with _guard:
        if place in _held:
            raise _busy(folder, str(os.getpid()))
        _held.add(place)
    try:
        yield
    finally:
        _held.discard(place)


def _busy(folder: Path, holder: str) -> Busy:
    return Busy(
        f"{folder.name} is being ingested already by process {holder} in {folder}; wait for it, or give this one "
        "another --work folder"
    )


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """Say in words what the system has against a work folder."""
    try:
        with room_on_disk(folder):
            yield
    except DiskFull:
        raise
    except OSError as error:
        raise RequestError(
            f"the work folder {folder} cannot be used: {error.strerror or error}; choose another with --work"
        ) from error


@contextmanager
def docked(folder: Path, init_time: datetime, more_follows: bool = False) -> Iterator[Dock]:
    """Folders for one run under a locked `folder`. Other runs' leftovers go; all goes when the block succeeds.

    Staged messages stay where `more_follows` of the run.

    Raises RequestError, DiskFull.
    """
    dock = Dock(folder / _name(init_time))
    with _usable(folder):
        for leftover in folder.iterdir():
            if leftover.is_dir() and leftover != dock.folder:
                shutil.rmtree(leftover)
        _clear(dock.scratch)
        dock.staged.mkdir(parents=True, exist_ok=True)
        dock.scratch.mkdir()
    try:
        yield dock
    finally:
        _clear(dock.scratch)
    if not more_follows:
        _clear(dock.folder)


def sweep(folder: Path, published: datetime) -> None:
    """Remove what an ingest left of runs before the published one, which nobody goes on with; `folder` is locked.

    Raises RequestError, DiskFull.
    """
    with _usable(folder):
        for leftover in folder.iterdir():
            if leftover.is_dir() and leftover.name < _name(published):
                shutil.rmtree(leftover)


def _name(init_time: datetime) -> str:
    return f"{init_time:%Y%m%dT%H%MZ}"


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
