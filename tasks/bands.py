"""The bands of rows that a run is worked through in, and threads that share the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from storage.layout import BLOCK

Item = TypeVar("Item")
Result = TypeVar("Result")


def workers() -> int:
    """Threads that can work at once on this machine."""
    return len(os.sched_getaffinity(0))


def strips_of(rows: range) -> Iterator[range]:
    """The rows in strips of BLOCK: few enough that 209 leads of them stay in a core's cache."""
    for row in range(rows.start, rows.stop, BLOCK):
        yield range(row, min(row + BLOCK, rows.stop))


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """work(item) of each item, in order. Raises the first error; what has not begun by then never does."""
    with ThreadPoolExecutor(workers()) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)
