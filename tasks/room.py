"""The lack of room, in the words of ingest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage.disk import FULL
from tasks.errors import DiskFull


@contextmanager
def room(told: Callable[[OSError], str]) -> Iterator[None]:
    """Turn what the system says of a full disk into DiskFull, which says what `told` makes of it."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFull(told(error)) from error
