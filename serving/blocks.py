"""The blocks of an answer that hold data points, and their fields."""

from __future__ import annotations

from serving.day_fields import DAILY, DAY_NIGHT
from serving.fields import CURRENTLY, HOURLY, MINUTELY, Field

BLOCK_FIELDS: dict[str, tuple[Field, ...]] = {
    "currently": CURRENTLY,
    "minutely": MINUTELY,
    "hourly": HOURLY,
    "day_night": DAY_NIGHT,
    "daily": DAILY,
}
"""Block -> its fields, in the order in which both are written."""
