"""The long form: every fault of processes, again and again, of each model, with and without Prefect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic

from deployments.chaos.fault import Fault
from deployments.chaos.outcome import Outcome
from deployments.chaos.processes.kills import DECODERS, KILLS
from deployments.chaos.processes.play import play
from deployments.chaos.processes.prefects import FLOWS, office, server_faults
from deployments.chaos.processes.watches import WATCHES
from deployments.chaos.processes.workers import teach, worker_faults
from deployments.chaos.processes.world import World, running
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from serving.rungs import lowest

Faults = Sequence[Fault[World]]


def play_processes(
    folder: Path, rounds: int, seed: int, advance: Callable[[int, int], None]
) -> tuple[list[Fault[World]], list[Outcome]]:
    """Every fault `rounds` times in worlds below `folder`: the faults, and an outcome for each time.

    Faults of single processes are played with both models, those of Prefect with IFS. `advance(done, total)`.
    """
    faults: list[Fault[World]] = []
    outcomes: list[Outcome] = []
    parts: list[Callable[[ExitStack], tuple[World, Faults]]] = [
        lambda stack: (stack.enter_context(running(folder / "gfs", GFS)), KILLS),
        lambda stack: (stack.enter_context(running(folder / "ifs", IFS)), (*KILLS, *DECODERS, *WATCHES)),
        lambda stack: _under_prefect(stack, folder / "prefect"),
    ]
    for number, part in enumerate(parts):
        with ExitStack() as stack:
            world, those = part(stack)
            faults += [fault for fault in those if fault.name not in {known.name for known in faults}]
            turns = [(fault, seed + turn) for fault in those for turn in range(rounds)]
            for done, (fault, chance) in enumerate(turns):
                advance(number * 1000 + 1000 * done // len(turns), 1000 * len(parts))
                outcomes.append(_played(world, fault, chance))
    advance(1000 * len(parts), 1000 * len(parts))
    return faults, outcomes


def _under_prefect(stack: ExitStack, folder: Path) -> tuple[World, Faults]:
    opened = stack.enter_context(office(folder / "server"))
    world = stack.enter_context(running(folder / "world", IFS, opened.env))
    teach(opened, world)
    return world, (*FLOWS, *worker_faults(opened), *server_faults(opened))


def _played(world: World, fault: Fault[World], seed: int) -> Outcome:
    """The outcome also where the world does not heal: then it says so, and the next fault is played."""
    begun = monotonic()
    try:
        return play(world, fault, seed)
    except (RuntimeError, TimeoutError) as error:
        return Outcome((fault.name,), seed, breaches=(str(error),), seconds=monotonic() - begun)


def merged(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """One outcome a fault, of all the times that it was played."""
    for names in dict.fromkeys(outcome.faults for outcome in outcomes):
        those = [outcome for outcome in outcomes if outcome.faults == names]
        healed = [outcome.healed for outcome in those if outcome.healed is not None]
        yield replace(
            those[0],
            answers=sum(outcome.answers for outcome in those),
            refused=sum(outcome.refused for outcome in those),
            rung=lowest(outcome.rung for outcome in those),
            told=tuple(kind for outcome in those for kind in outcome.told),
            notices=sum(outcome.notices for outcome in those),
            ingests=sum(outcome.ingests for outcome in those),
            failed=sum(outcome.failed for outcome in those),
            healed=max(healed) if len(healed) == len(those) else None,
            breaches=tuple(text for outcome in those for text in outcome.breaches),
            seconds=sum(outcome.seconds for outcome in those),
        )
