"""Mirrors: each of three, and all of them, down, slow, wrong or lying."""

from __future__ import annotations

from deployments.chaos.fault import Fault, Group, Step
from deployments.chaos.scenario import DAY
from deployments.chaos.site import MIRRORS
from deployments.chaos.upstream import Deed
from deployments.chaos.world import WHOLE, World
from deployments.simulator.faults import FaultKind
from deployments.simulator.server import Fault as Trouble
from serving.rungs import Rung
from tasks.incidents import Kind

SIX = DAY.replace(hour=6)
FOR_LONG = 30.0
"""Seconds; longer than anybody waits."""

TROUBLES = {
    "down": ("breaks every connection off", Trouble("*", reset_after=0)),
    "slow": ("takes every request and does not answer", Trouble("*", latency=FOR_LONG)),
}
DEEDS = {
    "wrong": ("delivers the messages of an earlier run", Deed(FaultKind.OTHER_RUN, SIX)),
    "lying": ("has indexes that mix up temperature and dew point", Deed(FaultKind.MISLABELLED, SIX)),
}
NOTHING_COMES = frozenset({Kind.LATE})
NOTHING_NEW = frozenset({Kind.SYNC, Kind.PARTIAL})
"""What is not published cannot be missing among what is served, nor lack anything."""
OLD = frozenset({Rung.LAST_GOOD, Rung.NEXT_MODEL, Rung.PREVIOUS_RUN})


def rows() -> list[Fault[World]]:
    found: list[Fault[World]] = []
    for number, name in enumerate(MIRRORS):
        found += [_row(f"{name}-{what}", f"the {name} mirror", what, frozenset({number})) for what in TROUBLES | DEEDS]
    return found + [_row(f"all-{what}", "each mirror", what, WHOLE) for what in TROUBLES | DEEDS]


def _row(name: str, who: str, what: str, mirrors: frozenset[int]) -> Fault[World]:
    words = (TROUBLES.get(what) or DEEDS[what])[0]

    def begin(world: World) -> None:
        if what in TROUBLES:
            world.trouble(name, TROUBLES[what][1], mirrors)
        else:
            world.spoil(name, DEEDS[what][1], mirrors)

    # A lying index is found out, and its file scanned.
    hurts = mirrors == WHOLE and what != "lying"
    return Fault(
        name,
        Group.OUTAGE if mirrors == WHOLE else Group.MIRROR,
        f"{who} {words}",
        begin,
        lambda world: world.mend(name),
        told=NOTHING_COMES if hurts else frozenset(),
        may=frozenset({Kind.FAILED}) if hurts else frozenset(),
        rungs=OLD if hurts else frozenset(),
        hides=NOTHING_NEW if hurts else frozenset(),
        stops=(Step.FETCH if what in TROUBLES else Step.WRITE) if hurts else Step.END,
    )
