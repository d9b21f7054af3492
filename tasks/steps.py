"""The int16 step of each variable, known before its first band is written."""

from __future__ import annotations

from collections.abc import Sequence

from storage.layout import step_for
from storage.schema import StoredVariable
from tasks.parts import Part


def plan_steps(parts: Sequence[Part]) -> tuple[StoredVariable, ...]:
    """How each part is stored, in their order."""
    return tuple(
        StoredVariable(part.course.variable, scale, offset, part.course.intervals, widened)
        for part in parts
        for scale, offset, widened in [step_for(part.course.variable, *part.course.bounds())]
    )
