"""The halves of local days: the day from 04:00 until 17:00 on the wall, the night from then until 04:00."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.daily import DayHours
from serving.day_fields import DAY_NIGHT
from serving.span_icons import fill_span_icons
from serving.statistics import fill_statistics, make_table

_TABLE = make_table(DAY_NIGHT)
EVERY = np.arange(len(DAY_NIGHT))
_ROW = {field.name: row for row, field in enumerate(DAY_NIGHT)}


def summarise_halves(
    columns: NDArray[np.float64], hours: DayHours, pirate: bool = False, fields: NDArray[np.int64] = EVERY
) -> NDArray[np.float64]:
    """[field, half] in SI, rows as DAY_NIGHT. columns: [column, hour] beginning with `hours`; pirate: which icons;
    fields: the rows that are made, the others are missing."""
    windows = hours.windows_of_halves
    out = np.full((len(DAY_NIGHT), len(hours.halves)), np.nan)
    fill_statistics(columns, hours.starts, hours.ends, windows, _TABLE, fields, out)
    fill_span_icons(columns, windows, hours.parts, 2, True, pirate, out[_ROW["icon"]])
    out[_ROW["time"]] = hours.halves
    return out
