"""The int16 step of each variable, known before its first band is written.

What the messages say of themselves bounds what is derived from them, and mostly the catalogue's step holds that. The
total of a long run bounds its short amounts badly: where the bound asks for a wider step, all is derived once for its
range alone, which costs one more reading of those variables' scratch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from storage.layout import step_for
from storage.schema import StoredVariable
from tasks.bands import in_threads
from tasks.derive import derive
from tasks.fields import Fields
from tasks.parts import Part


def plan_steps(parts: Sequence[Part], fields: Fields) -> tuple[StoredVariable, ...]:
    """How each part is stored, in their order."""
    steps = {part.name: step_for(part.course.variable, *part.course.bounds()) for part in parts}
    wide = [part for part in parts if steps[part.name][2]]
    if wide:
        ranges = derived_ranges(wide, fields)
        steps |= {part.name: step_for(part.course.variable, *ranges[part.name]) for part in wide}
    return tuple(
        StoredVariable(part.course.variable, scale, offset, part.course.intervals, widened)
        for part in parts
        for scale, offset, widened in [steps[part.name]]
    )


def derived_ranges(parts: Sequence[Part], fields: Fields) -> dict[str, tuple[float, float]]:
    """Variable -> the lowest and the highest value that the store will hold, in its units; NaN where it holds none."""

    def of_band(rows: range) -> list[tuple[float, float]]:
        band = fields.band(rows)
        return [_extremes(derive(part.course, band.values(part.numbers))[0]) for part in parts]

    bands = np.array(list(in_threads(of_band, fields.grid.ny)))
    lows, highs = np.fmin.reduce(bands[..., 0]), np.fmax.reduce(bands[..., 1])
    return {part.name: (float(low), float(high)) for part, low, high in zip(parts, lows, highs, strict=True)}


def _extremes(values: NDArray[np.float32]) -> tuple[float, float]:
    return float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
