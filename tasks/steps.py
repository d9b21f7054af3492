"""The int16 step of each variable, known before its first band is written.

Where the catalogue's step holds all that nature allows, no value need be seen. The others (rain, pressure at the
surface) are derived once for their range alone, which decodes their messages a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from storage.layout import STEPS, step_for
from storage.schema import StoredVariable
from storage.variables import Variable
from tasks.bands import in_threads, strips_of
from tasks.derive import derive
from tasks.fields import Fields, rows_of
from tasks.parts import Part


def plan_steps(parts: Sequence[Part], fields: Fields) -> tuple[StoredVariable, ...]:
    """How each part is stored, in their order. Raises DecodeError."""
    wide = [part for part in parts if not fits(part.course.variable)]
    ranges = derived_ranges(wide, fields)
    planned = []
    for part in parts:
        variable = part.course.variable
        low, high = ranges.get(part.name, (variable.valid_min, variable.valid_max))
        scale, offset, widened = step_for(variable, low, high)
        planned.append(StoredVariable(variable, scale, offset, part.course.intervals, widened))
    return tuple(planned)


def fits(variable: Variable) -> bool:
    """Whether int16 holds the variable's valid range in steps of its precision."""
    return (variable.valid_max - variable.valid_min) / variable.precision <= STEPS


def derived_ranges(parts: Sequence[Part], fields: Fields) -> dict[str, tuple[float, float]]:
    """Variable -> the lowest and the highest value that the store will hold, in its units; NaN where it holds none."""

    def of_part(part: Part) -> tuple[float, float]:
        low, high = np.nan, np.nan
        for strip in strips_of(range(fields.grid.ny)):
            derived, _ = derive(part.course, rows_of(fields, part.numbers, strip))
            found = _extremes(derived.reshape(-1))
            low, high = np.fmin(low, found[0]), np.fmax(high, found[1])
        return float(low), float(high)

    return dict(zip([part.name for part in parts], in_threads(of_part, parts), strict=True))


@numba.njit(nogil=True, cache=True)
def _extremes(values: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest and the highest value that is not missing; NaN where all are."""
    low, high = np.inf, -np.inf
    for value in values:
        low = value if value < low else low
        high = value if value > high else high
    return (low, high) if low <= high else (np.nan, np.nan)
