"""Outcomes as Markdown: a row a fault, and all pairs in one square of symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployments.chaos.fault import Fault
from deployments.chaos.outcome import Outcome, Verdict
from serving.rungs import Rung

SYMBOLS = {
    Rung.NEWEST: "·",
    Rung.PREVIOUS_RUN: "p",
    Rung.LAST_GOOD: "l",
    Rung.NEXT_MODEL: "m",
    Rung.NONE: "0",
}
"""Of a pair that held: the lowest rung that the API stood on."""
BROKE, SKIPPED, NOT_RUN = "**X**", "s", " "

HEAD = ("fault", "what happens", "API", "lowest rung", "people are told", "ingests", "healed after", "outcome")


def singles(faults: Sequence[Fault[Any]], outcomes: Mapping[str, Outcome]) -> list[str]:
    """The lines of a table with a row for every fault, run or not. `outcomes` by the fault's name."""
    lines = [_row(HEAD), _row(["---"] * len(HEAD))]
    for fault in faults:
        outcome = outcomes.get(fault.name)
        told = ["not run"] + [""] * (len(HEAD) - 3) if outcome is None else _cells(outcome)
        lines.append(_row([f"`{fault.name}`", fault.title, *told][: len(HEAD)]))
    return lines


def pairs(faults: Sequence[Fault[Any]], outcomes: Mapping[frozenset[str], Outcome]) -> list[str]:
    """The lines of a square: below the diagonal each two faults' symbol. Columns are numbered as the rows are."""
    numbers = [str(number) for number, _ in enumerate(faults, 1)]
    lines = [_row(["", "fault", *numbers[:-1]]), _row(["---"] * (len(faults) + 1))]
    for row, fault in enumerate(faults):
        symbols = [symbol_of(outcomes.get(frozenset({fault.name, other.name}))) for other in faults[:row]]
        rest = [""] * (len(faults) - 1 - row)
        lines.append(_row([numbers[row], f"`{fault.name}`", *symbols, *rest]))
    return lines


def symbol_of(outcome: Outcome | None) -> str:
    """One sign for an outcome, None where it was not run."""
    if outcome is None:
        return NOT_RUN
    match outcome.verdict:
        case Verdict.BROKE:
            return BROKE
        case Verdict.SKIPPED:
            return SKIPPED
    return SYMBOLS[outcome.rung]


def legend() -> list[str]:
    """What each sign means."""
    lines = [f"- `{symbol}` held; the lowest rung of the API was {rung}" for rung, symbol in SYMBOLS.items()]
    return [*lines, f"- {BROKE} something was not as it must be", f"- `{SKIPPED}` could not be run on that machine"]


def breaches(outcomes: Sequence[Outcome]) -> list[str]:
    """What was not as it must be, a line each."""
    return [f"- {' + '.join(one.faults)} (seed {one.seed}): {text}" for one in outcomes for text in one.breaches]


def _cells(outcome: Outcome) -> list[str]:
    if outcome.skipped:
        return [outcome.skipped, "", "", "", "", str(outcome.verdict)]
    answered = f"{outcome.answers - outcome.refused} x 200" + (f", {outcome.refused} x 503" if outcome.refused else "")
    told = ", ".join(dict.fromkeys(map(str, outcome.told))) or "nothing"
    ingests = f"{outcome.ingests} published" + (f", {outcome.failed} failed" if outcome.failed else "")
    healed = "never" if outcome.healed is None else f"{outcome.healed} min"
    return [answered, str(outcome.rung), told, ingests, healed, str(outcome.verdict)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
