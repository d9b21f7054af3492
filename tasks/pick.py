"""Which of several messages of one variable and lead to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tasks.wanted import Bucket, Wanted

Item = TypeVar("Item")


def best(wanted: Wanted, items: Sequence[Item], interval: Callable[[Item], tuple[int, int]]) -> Item:
    """The item whose (start, end) interval suits `wanted` best; the first of equals.

    NCEP publishes an amount both as the current bucket (6-7 h) and as the run's total (0-7 h): the bucket keeps more
    of a light rain's digits. Where the model gives totals only, the total is the longer one.
    """
    sign = 1 if wanted.bucket is Bucket.SINCE_START else -1
    return min(items, key=lambda item: sign * interval(item)[0])
