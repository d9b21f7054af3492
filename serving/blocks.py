"""The blocks of an answer that hold data points, and their fields."""

from __future__ import annotations

from functools import lru_cache

from serving.day_fields import DAILY, DAY_NIGHT
from serving.fields import CURRENTLY, HOURLY, MINUTELY, TOLD_ONLY, Field
from serving.options import ForecastOptions

BLOCK_FIELDS: dict[str, tuple[Field, ...]] = {
    "currently": CURRENTLY,
    "minutely": MINUTELY,
    "hourly": HOURLY,
    "day_night": DAY_NIGHT,
    "daily": DAILY,
}
"""Block -> its fields, in the order in which both are written."""


def told_fields(block: str, options: ForecastOptions) -> list[Field]:
    """The fields that a block of an answer has."""
    past = options.at is None or options.tmextra
    return [field for field in BLOCK_FIELDS[block] if field.is_told(options.version, options.extra, past)]


@lru_cache(maxsize=256)
def untold_of(options: ForecastOptions) -> frozenset[str]:
    """The columns of TOLD_ONLY that no field of an answer tells."""
    blocks = [block for block in BLOCK_FIELDS if options.wants(block)]
    return TOLD_ONLY.difference(field.column for block in blocks for field in told_fields(block, options))
