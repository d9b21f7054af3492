"""Work on bands of rows in threads, a bounded number of them ahead of whoever takes the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from storage.layout import SHARD

Result = TypeVar("Result")

WORKERS = 2
"""Bands at work at once; one more may wait. One that is encoded takes about 250 MB for 209 leads of a global 0.25
degree grid."""


def in_threads(work: Callable[[range], Result], ny: int) -> Iterator[Result]:
    """work(rows) of each band of `ny` rows, in order: SHARD rows each, fewer in the last. Raises what `work` raises."""
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for row in range(0, ny, SHARD):
                pending.append(pool.submit(work, range(row, min(row + SHARD, ny))))
                if len(pending) > WORKERS:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
