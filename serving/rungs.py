"""The ladder of fallbacks: on which rung a model's part of an answer stands."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Rung(StrEnum):
    """Where a model's numbers come from, the best first."""

    NEWEST = "newest"
    PREVIOUS_RUN = "previous-run"
    LAST_GOOD = "last-good"
    NEXT_MODEL = "next-model"
    NONE = "none"


_HEIGHTS = {rung: height for height, rung in enumerate(Rung)}

MEANINGS = {
    Rung.NEWEST: "its newest run",
    Rung.PREVIOUS_RUN: "its newest run, and what that lacks from the run before it",
    Rung.LAST_GOOD: "its last good run: a newer one is overdue or cannot be used",
    Rung.NEXT_MODEL: "another model, for some or all of what it should tell",
    Rung.NONE: "no run of any model is left",
}


def lower(one: Rung, other: Rung) -> Rung:
    """The lower one of two rungs."""
    return max(one, other, key=_HEIGHTS.__getitem__)


def lowest(rungs: Iterable[Rung]) -> Rung:
    """The lowest of some rungs, NEWEST where there are none."""
    return max(rungs, key=_HEIGHTS.__getitem__, default=Rung.NEWEST)
