"""Which scenarios are played: every fault alone, every two, or a seeded few of those in which every fault is once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from random import Random

from deployments.chaos.fault import Fault
from deployments.chaos.faults import FAULTS
from deployments.chaos.outcome import Outcome
from deployments.chaos.scenario import Stage, play
from deployments.chaos.world import World

Scenario = tuple[Fault[World], ...]


def named(names: Sequence[str]) -> tuple[Fault[World], ...]:
    """The faults of these names, all where there are none; raises LookupError, which lists them."""
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in known]:
        raise LookupError(f"there is no fault {', '.join(unknown)}; faults: {', '.join(known)}")
    return tuple(known[name] for name in names) or FAULTS


def singles(faults: Sequence[Fault[World]]) -> list[Scenario]:
    return [(fault,) for fault in faults]


def pairs(faults: Sequence[Fault[World]]) -> list[Scenario]:
    return list(combinations(faults, 2))


def sample(faults: Sequence[Fault[World]], count: int, seed: int) -> list[Scenario]:
    """At least `count` pairs, and so many that each fault is in one; the same seed gives the same."""
    chance, order = Random(seed), list(faults)
    chance.shuffle(order)
    chosen = [frozenset(order[place : place + 2]) for place in range(0, len(order) - 1, 2)]
    if len(order) % 2:
        chosen.append(frozenset((order[0], order[-1])))
    others = [pair for pair in map(frozenset, pairs(faults)) if pair not in chosen]
    chosen += chance.sample(others, min(len(others), max(0, count - len(chosen))))
    return [tuple(sorted(pair, key=faults.index)) for pair in chosen]


def play_all(
    stage: Stage, scenarios: Sequence[Scenario], place: Path, seed: int, advance: Callable[[int, int], None]
) -> list[Outcome]:
    """One after the other, each in a new world below `place`, which is removed again."""
    outcomes = []
    for done, scenario in enumerate(scenarios, 1):
        folder = place / f"world-{done}"
        outcomes.append(play(stage, scenario, folder, seed))
        shutil.rmtree(folder)
        advance(done, len(scenarios))
    return outcomes
