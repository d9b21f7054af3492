"""Files that are the same on every mirror, and wrong: leads that are missing, messages, indexes."""

from __future__ import annotations

from dataclasses import replace

from deployments.chaos.fault import Fault, Group, Step
from deployments.chaos.rows.mirrors import NOTHING_COMES, NOTHING_NEW, OLD, SIX
from deployments.chaos.upstream import LEADS, Deed
from deployments.chaos.world import WHOLE, World
from deployments.simulator.faults import FaultKind
from tasks.incidents import Kind


def rows() -> list[Fault[World]]:
    return [
        _row("first-lead-missing", "the first lead is missing everywhere", Group.LEAD, FaultKind.MISSING, LEADS[0]),
        _row("middle-lead-missing", "a lead in the middle is missing everywhere", Group.LEAD, FaultKind.MISSING, 12),
        replace(
            _row("tail-lead-missing", "the last lead is missing everywhere", Group.LEAD, FaultKind.MISSING, LEADS[-1]),
            # GFS is published up to its first stage then.
            told=NOTHING_COMES | {Kind.PARTIAL},
            hides=frozenset(),
            stops=Step.END,
        ),
        _row("message-truncated", "a file ends amid a message", Group.MESSAGE, FaultKind.TRUNCATED, 3),
        _row("message-corrupt", "a message has inverted bytes", Group.MESSAGE, FaultKind.CORRUPT, 6),
        _row("message-of-another-run", "a lead is of another run", Group.MESSAGE, FaultKind.OTHER_RUN, 18),
        _row("message-mislabelled", "an index mixes up two variables", Group.MESSAGE, FaultKind.MISLABELLED, 18, False),
        _row("index-stale", "an index is older than its file", Group.MESSAGE, FaultKind.STALE_INDEX, 24, False),
    ]


def _row(name: str, title: str, group: Group, kind: FaultKind, lead: int, hurts: bool = True) -> Fault[World]:
    return Fault(
        name,
        group,
        title,
        lambda world: world.spoil(name, Deed(kind, SIX, (lead,)), WHOLE),
        lambda world: world.mend(name),
        told=NOTHING_COMES if hurts else frozenset(),
        may=frozenset({Kind.FAILED}) if hurts else frozenset(),
        rungs=OLD if hurts else frozenset(),
        hides=NOTHING_NEW if hurts else frozenset(),
        stops=Step.WRITE if hurts else Step.END,
    )
