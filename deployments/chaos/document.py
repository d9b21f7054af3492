"""docs/fault-matrix.md: what was played, when and with which seed, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from deployments.chaos import table
from deployments.chaos.fault import Fault
from deployments.chaos.outage import Hour
from deployments.chaos.outcome import Outcome, Verdict
from deployments.chaos.world import World

INTRODUCTION = """\
Every fault alone, every two at once, and outages of days, played in a world of two models on a few cells:
three mirrors over HTTP, the real flows, bucket, sync, API and incidents, and a receiver that people are told through,
all on one simulated clock. A day begins with the 00Z runs of GFS and IFS published and served. Faults begin at 09:00,
before the 06Z runs land, and end at 15:30, when both models are late. At 18:00 the 12Z runs are whole upstream: by
then, or 80 minutes later at the latest, all must be well."""

LAWS = """\
At every moment, from outside:

- the API answers 200 while any run that is here reaches beyond now, and a 503 says that it stands on no rung;
- every hour of an answer says what the first run of its flags that reaches it says, read with ecCodes from the files
  upstream: of all models together, and of each alone. Runs are simulated so that no two say the same;
- what is late is never said to be the newest; `/health` tells what the folder of stores tells;
- no manifest, in the bucket or among the stores, goes back or vanishes, and what it names verifies to the last byte;
- no lower rung is stood on than the row of the fault allows.

At the end:

- people heard of every incident once and of its end once, of the kinds that the row demands and of no other;
- the newest runs are published and served, no incident is open, no letter is owed;
- no file is left behind in the work folder, the bucket and the stores."""

COMMAND = """\
`make chaos` plays it all and writes this file; `python -m deployments.chaos --only FAULT,FAULT` a part of it. The
tests play a seeded sample of pairs in which every fault is (`tests/deployments/test_fault_matrix.py`). Faults of real
processes, killed with SIGKILL at random moments, and of the Prefect server are `deployments/chaos/processes`."""


@dataclass(frozen=True)
class Played:
    """What is written down."""

    faults: Sequence[Fault[World]]
    singles: Sequence[Outcome]
    pairs: Sequence[Outcome]
    outages: Sequence[tuple[str, Sequence[Hour], Outcome]]
    seed: int
    day: date
    seconds: float
    more: Sequence[str] = field(default_factory=tuple)


def document(played: Played) -> str:
    """The whole file. `more`: lines of other sections, at its end."""
    alone = {one.faults[0]: one for one in played.singles}
    square = {frozenset(one.faults): one for one in played.pairs}
    everything = [*played.singles, *played.pairs, *(outcome for _, _, outcome in played.outages)]
    counts = {verdict: sum(one.verdict is verdict for one in everything) for verdict in Verdict}
    lines = [
        "# The fault matrix",
        "",
        INTRODUCTION,
        "",
        LAWS,
        "",
        COMMAND,
        "",
        f"Played on {played.day:%Y-%m-%d} with seed {played.seed}, in {played.seconds / 60:.0f} minutes: "
        f"{len(played.singles)} faults alone, {len(played.pairs)} pairs, {len(played.outages)} outages. "
        + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        + ".",
        "",
        "## Each fault alone",
        "",
        *table.singles(played.faults, alone),
    ]
    if square:
        lines += ["", "## Two at once", "", "Columns are numbered as rows are. What is blank was not played.", ""]
        lines += [*table.legend(), "", *table.pairs(played.faults, square)]
    for title, hours, _ in played.outages:
        lines += ["", f"## {title}", "", *_hours(hours)]
    if wrong := table.breaches(everything):
        lines += ["", "## What was not as it must be", "", *wrong]
    return "\n".join([*lines, *played.more]) + "\n"


def _hours(hours: Sequence[Hour]) -> list[str]:
    lines = ["| hours since it began | API | rung | GFS | IFS | people hear |", "|---|---|---|---|---|---|"]
    for hour in hours:
        ages = " | ".join(hour.ages[model] for model in ("gfs", "ifs"))
        lines.append(f"| {hour.since:g} | {hour.status} | {hour.rung} | {ages} | {', '.join(hour.heard)} |")
    return lines
