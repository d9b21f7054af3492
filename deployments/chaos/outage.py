"""Days in which nothing comes from upstream: which rung at which hour, and who hears of it when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic

from deployments.chaos.deeds import Attempt, Came, bring, look, sync
from deployments.chaos.fault import Allowed
from deployments.chaos.hearing import OVER, breaches_of, facts_of, kinds_of
from deployments.chaos.laws import Laws
from deployments.chaos.outcome import Outcome
from deployments.chaos.remains import ails, remains
from deployments.chaos.scenario import DAY, Stage
from deployments.chaos.world import WHOLE, World, open_world
from deployments.simulator.server import Fault as Trouble
from serving.rungs import Rung, lowest
from tasks.incidents import Kind

BEGIN = DAY + timedelta(hours=5)
"""The 00Z run of GFS has landed, that of IFS has not."""
DAYS = (2, 6)
LONG_RUNS = (DAY - timedelta(hours=6), DAY, *(DAY + timedelta(days=days) for days in DAYS))
RECOVERED = timedelta(hours=3)
"""After outages that end at BEGIN's hour the next run of IFS has landed too."""
DOWN = Trouble("*", reset_after=0)


@dataclass(frozen=True)
class Hour:
    """What changed, hours after the outage began. `ages`: of each model in a word; `heard`: `gfs late over`."""

    since: float
    status: int
    rung: Rung
    ages: dict[str, str]
    heard: tuple[str, ...]


def play_outage(stage: Stage, days: int, step: timedelta, place: Path, seed: int) -> tuple[list[Hour], Outcome]:
    """All mirrors down for so many days, looked at every `step`; the hours at which something changed."""
    begun, end = monotonic(), BEGIN + timedelta(days=days)
    with open_world(stage.site, place, BEGIN - timedelta(minutes=30), seed) as world:
        laws, attempts = Laws(world, stage.truth), _round(world)
        world.trouble("outage", DOWN, WHOLE)
        hours: list[Hour] = []
        while world.true.now() < end + RECOVERED:
            # Whoever waits for a lead may have waited beyond it.
            world.true.advance(BEGIN + step * ((world.true.now() - BEGIN) // step + 1))
            if world.true.now() >= end:
                world.mend("outage")
            attempts += _round(world)
            hours.append(_hour(world, laws, len(facts_of(world.site.sink.heard)), hours))
        return _changes(hours), _outcome(world, laws, attempts, days, seed, begun)


def _outcome(world: World, laws: Laws, attempts: list[Attempt], days: int, seed: int, begun: float) -> Outcome:
    heard = world.site.sink.heard
    stale = {Kind.STALE} if days > 5 else set()
    allowed = Allowed(frozenset({Kind.LATE} | stale), frozenset({Kind.FAILED}))
    breaches = [*laws.breaches, *breaches_of(heard, allowed), *ails(world), *remains(world)]
    healed = int((world.true.now() - BEGIN - timedelta(days=days)).total_seconds() // 60)
    return Outcome(
        (f"outage-of-{days}-days",),
        seed,
        answers=len(laws.answers),
        refused=sum(answer.status != 200 for answer in laws.answers),
        rung=lowest(answer.rung for answer in laws.answers),
        told=tuple(kinds_of(heard)),
        notices=len(heard),
        ingests=sum(attempt.came is Came.PUBLISHED for attempt in attempts),
        failed=sum(attempt.came is Came.FAILED for attempt in attempts),
        healed=None if ails(world) else healed,
        breaches=tuple(breaches),
        seconds=monotonic() - begun,
    )


def _round(world: World) -> list[Attempt]:
    attempts = [attempt for model in world.models for attempt in bring(world, model)]
    sync(world)
    look(world)
    return attempts


def _hour(world: World, laws: Laws, heard: int, before: list[Hour]) -> Hour:
    answer = laws.hold("outage")
    known = sum(len(hour.heard) for hour in before)
    new = facts_of(world.site.sink.heard)[known:heard]
    told = (f"{fact['model']} {fact['kind']}" + (" over" if fact["state"] == OVER else "") for fact in new)
    return Hour(
        since=(world.true.now() - BEGIN) / timedelta(hours=1),
        status=answer.status,
        rung=answer.rung,
        ages={model["model"]: model["state"] for model in answer.health["models"]},
        heard=tuple(told),
    )


def _changes(hours: list[Hour]) -> list[Hour]:
    """Those that differ from the one before, or in which people heard something."""
    pairs = zip([None, *hours], hours, strict=False)
    return [
        hour
        for before, hour in pairs
        if before is None
        or hour.heard
        or (before.status, before.rung, before.ages) != (hour.status, hour.rung, hour.ages)
    ]
