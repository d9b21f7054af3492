"""What tells without opening anything that a model's folder of stores has changed."""

from __future__ import annotations

import os
from pathlib import Path

from storage.manifest import HISTORY, NAME, SUFFIX
from storage.record import NAME as RECORD
from storage.static import NAME as STATIC

Mark = tuple[tuple[str, *tuple[int, ...]], ...]


def look_of(status: os.stat_result) -> tuple[int, ...]:
    """What tells one file from another that took its name."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def mark_of(folder: Path) -> Mark:
    """What tells that a model's folder has changed: its manifest, stores, record by name, inode, size and time.

    Nothing where there is but a record: no run of the model was ever here.
    """
    try:
        with os.scandir(folder) as entries:
            files = [entry for entry in entries if _counts(entry.name)]
            stats = [(entry.name, entry.stat()) for entry in files]
    except (FileNotFoundError, NotADirectoryError):
        # No folder, or a file that went in between: the next look tells.
        return ()
    except OSError as error:
        return ((str(error), 0, 0, 0),)
    if all(name in (RECORD, HISTORY, STATIC) for name, _ in stats):
        return ()
    return tuple(sorted((name, *look_of(stat)) for name, stat in stats))


def _counts(name: str) -> bool:
    # Of the folder of short stores its own time tells: they come and go by rename.
    return name in (NAME, RECORD, HISTORY, STATIC) or (name.endswith(SUFFIX) and not name.startswith("."))
