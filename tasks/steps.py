"""The int16 step of each variable, known before its first band is written.

Where the catalogue's step holds all that nature allows, no value need be seen. The others (rain, pressure at the
surface) are derived once for their range alone, which decodes their messages a second time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from storage.layout import STEPS, step_for
from storage.schema import StoredVariable
from storage.variables import Variable
from tasks.bands import in_threads, strips_of
from tasks.fields import Fields
from tasks.works import Work


def plan_steps(works: Sequence[Work], fields: Fields) -> tuple[StoredVariable, ...]:
    """How each output is stored, in their order. Raises DecodeError."""
    wide = [work for work in works if not all(fits(output.variable) for output in work.outputs)]
    ranges = derived_ranges(wide, fields)
    planned = []
    for output in (output for work in works for output in work.outputs):
        variable = output.variable
        whole = variable.valid_min, variable.valid_max
        scale, offset, widened = step_for(variable, *(whole if fits(variable) else ranges[output.name]))
        planned.append(StoredVariable(variable, scale, offset, output.intervals, widened))
    return tuple(planned)


def fits(variable: Variable) -> bool:
    """Whether int16 holds the variable's valid range in steps of its precision."""
    return (variable.valid_max - variable.valid_min) / variable.precision <= STEPS


def derived_ranges(works: Sequence[Work], fields: Fields) -> dict[str, tuple[float, float]]:
    """Variable -> the lowest and the highest value that the store will hold, in its units; NaN where it holds none."""

    def of_work(work: Work) -> dict[str, tuple[float, float]]:
        ranges = {output.name: (math.nan, math.nan) for output in work.outputs}
        for strip in strips_of(range(fields.grid.ny)):
            for made in work.do(fields, strip):
                low, high = _extremes(np.ascontiguousarray(made.values).reshape(-1))
                before = ranges[made.output.name]
                ranges[made.output.name] = float(np.fmin(before[0], low)), float(np.fmax(before[1], high))
        return ranges

    return {name: found for ranges in in_threads(of_work, works) for name, found in ranges.items()}


@numba.njit(nogil=True, cache=True)
def _extremes(values: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest and the highest value that is not missing; NaN where all are."""
    low, high = np.inf, -np.inf
    for value in values:
        low = value if value < low else low
        high = value if value > high else high
    return (low, high) if low <= high else (np.nan, np.nan)
