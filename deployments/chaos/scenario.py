"""One way through a day: a healthy morning, faults that begin and end, and an evening in which all must be well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

from deployments.chaos.deeds import Attempt, Came, bring, look, sync
from deployments.chaos.disk import NoSmallDisk
from deployments.chaos.fault import Fault, together
from deployments.chaos.hearing import breaches_of, kinds_of
from deployments.chaos.laws import Laws
from deployments.chaos.outcome import Outcome
from deployments.chaos.remains import ails, remains
from deployments.chaos.site import Site
from deployments.chaos.truth import Truth
from deployments.chaos.world import World, open_world
from serving.rungs import lowest

DAY = datetime(2026, 4, 20, tzinfo=UTC)
HEALING = 4
"""Rounds after the last one of a day in which a world may still heal."""
PAUSE = timedelta(minutes=20)
"""Between those."""


def at(clock: str) -> datetime:
    """A time of DAY: 09:50."""
    hour, minute = map(int, clock.split(":"))
    return DAY + timedelta(hours=hour, minutes=minute)


@dataclass(frozen=True)
class Day:
    """When what happens. Runs are brought at `rounds`, and what is there is looked at; faults last from `begin` to
    `end`. Worlds begin at `start`, with the runs of `published` in their buckets and stores.
    """

    start: datetime
    published: tuple[datetime, ...]
    begin: datetime
    end: datetime
    rounds: tuple[datetime, ...]


# GFS's 06Z lands by 09:48, IFS' by 11:55; GFS is late at 12:40, IFS at 15:00; GFS's 12Z lands by 15:48, IFS' by 17:55.
USUAL = Day(
    start=at("08:30"),
    published=(DAY - timedelta(hours=6), DAY),
    begin=at("09:00"),
    end=at("15:30"),
    rounds=tuple(map(at, ("08:40", "09:50", "12:00", "12:50", "15:10", "16:00", "18:00"))),
)
RUNS = (*USUAL.published, at("06:00"), at("12:00"))


@dataclass(frozen=True)
class Stage:
    """What scenarios are played on. `like`: a world with the runs of the day's morning published."""

    site: Site
    truth: Truth
    like: Path
    day: Day = USUAL


def play(stage: Stage, faults: Sequence[Fault[World]], place: Path, seed: int) -> Outcome:
    """One scenario in a new world below `place`."""
    names = tuple(fault.name for fault in faults)
    small = frozenset(folder for fault in faults for folder in fault.small)
    begun = monotonic()
    try:
        with open_world(stage.site, place, stage.day.start, seed, small, stage.like) as world:
            return _play(stage, faults, names, world, seed, begun)
    except NoSmallDisk as error:
        return Outcome(names, seed, skipped=str(error), seconds=monotonic() - begun)


def _play(
    stage: Stage, faults: Sequence[Fault[World]], names: tuple[str, ...], world: World, seed: int, begun: float
) -> Outcome:
    day, laws, allowed = stage.day, Laws(world, stage.truth), together(faults)
    attempts: list[Attempt] = []
    events = sorted({*day.rounds, day.begin, day.end})
    spare = [day.rounds[-1] + number * PAUSE for number in range(1, HEALING + 1)]
    healed: datetime | None = None
    while events or (spare and ails(world)):
        moment = events.pop(0) if events else spare.pop(0)
        world.true.advance(moment)
        if moment == day.begin:
            for fault in faults:
                fault.begin(world)
        elif moment == day.end:
            for fault in faults:
                fault.end(world)
        else:
            attempts += _round(world)
        answer = laws.hold("+".join(names) or "no fault")
        if day.begin <= moment < day.end and answer.rung not in allowed.rungs:
            laws.breaches.append(f"{moment:%dT%H:%M}: the API stands on {answer.rung}")
        if moment > day.end and healed is None and not ails(world):
            healed = moment
    breaches = [*laws.breaches, *breaches_of(world.site.sink.heard, allowed), *ails(world), *remains(world)]
    return Outcome(
        names,
        seed,
        answers=len(laws.answers),
        refused=sum(answer.status != 200 for answer in laws.answers),
        rung=lowest(answer.rung for answer in laws.answers),
        told=tuple(kinds_of(world.site.sink.heard)),
        notices=len(world.site.sink.heard),
        ingests=sum(attempt.came is Came.PUBLISHED for attempt in attempts),
        failed=sum(attempt.came in (Came.FAILED, Came.KILLED) for attempt in attempts),
        healed=None if healed is None else int((healed - day.end).total_seconds() // 60),
        breaches=tuple(breaches),
        seconds=monotonic() - begun,
    )


def _round(world: World) -> list[Attempt]:
    """What goes on every few minutes."""
    attempts = [attempt for model in world.models for attempt in bring(world, model)]
    sync(world)
    look(world)
    return attempts
