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

from flows.errors import Busy


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


@contextmanager
def locked(work: Path, model: str) -> Iterator[Path]:
    """Hold `<work>/<model>`, which is created; raises Busy when another process does.

    The kernel lets go of the lock when its holder dies, however it dies.
    """
    folder = work / model
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Busy(
                f"{model} is being ingested already by process {file.read().strip() or 'unknown'} in {folder}; "
                "wait for it, or give this one another --work folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield folder


@contextmanager
def docked(folder: Path, init_time: datetime) -> Iterator[Dock]:
    """Folders for one run under a locked `folder`. Other runs' leftovers go; all goes when the block succeeds."""
    dock = Dock(folder / f"{init_time:%Y%m%dT%H%MZ}")
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
    _clear(dock.folder)


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
