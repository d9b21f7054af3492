"""Outcome: what became of one run of the matrix, seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from serving.rungs import Rung
from tasks.incidents import Kind


class Verdict(StrEnum):
    """One word of a run. `symbol` of the table of pairs."""

    HELD = "held"
    BROKE = "broke"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """One fault, or several at once, from the beginning until the world had healed.

    `answers`: how often the API was asked for a forecast; `refused`: how often it answered 503, which it may once
    nothing is within its limit. `rung`: the lowest it stood on. `told`: kinds of incidents that people heard of, as
    they began; `notices`: how many messages that took. `ingests`: how many published; `failed`: how many raised.
    `healed`: minutes of the world's clock from the fault's end until the newest runs were served again; None: never.
    `breaches`: what was not as it must be, in words. `skipped`: why it could not be run here.
    """

    faults: tuple[str, ...]
    seed: int
    answers: int = 0
    refused: int = 0
    rung: Rung = Rung.NEWEST
    told: tuple[Kind, ...] = ()
    notices: int = 0
    ingests: int = 0
    failed: int = 0
    healed: int | None = None
    breaches: tuple[str, ...] = ()
    skipped: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        if self.skipped:
            return Verdict.SKIPPED
        return Verdict.BROKE if self.breaches else Verdict.HELD
