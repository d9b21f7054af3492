"""What became of the faults of processes, as a section of docs/fault-matrix.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deployments.chaos.fault import Fault
from deployments.chaos.outcome import Outcome
from deployments.chaos.processes.long import merged
from deployments.chaos.table import breaches, singles


def section(faults: Sequence[Fault[Any]], outcomes: Sequence[Outcome], rounds: int, seed: int) -> list[str]:
    """Its lines."""
    answers = sum(outcome.answers for outcome in outcomes)
    wrong = breaches(outcomes)
    return [
        "## Processes killed",
        "",
        f"{len(outcomes)} times a process was killed or lost: each fault {rounds} times with each model that has it",
        f"(seed {seed}). Meanwhile a client asked the API {answers} times and read every manifest. An answer must",
        "be a 200, of one publication alone; the store that a manifest names must verify; no manifest goes back or",
        "vanishes; when the next look has healed it no process, lock or file is left behind, and no message that was",
        "staged has been fetched twice.",
        "",
        *singles(faults, {outcome.faults[0]: outcome for outcome in merged(outcomes)}),
        "",
        *(["What was not as it must be:", "", *wrong] if wrong else ["Nothing was not as it must be."]),
    ]
