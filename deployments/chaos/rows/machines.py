"""Our own machines: clocks, disks, killed processes, two flows at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from deployments.chaos.fault import Fault, Group, Step
from deployments.chaos.killing import Point
from deployments.chaos.rows.mirrors import NOTHING_COMES, NOTHING_NEW, OLD
from deployments.chaos.world import World
from tasks.incidents import Kind

BROUGHT = frozenset({Kind.FAILED, Kind.CRASHED})


def rows() -> list[Fault[World]]:
    return [
        _clock("clock-ahead", "the machine's clock goes 5 hours ahead", 5),
        _clock("clock-behind", "the machine's clock goes back 5 hours", -5, NOTHING_COMES),
        replace(
            _clock("clock-far-behind", "the machine's clock goes back 15 hours", -15, NOTHING_COMES | NOTHING_NEW),
            stops=Step.FETCH,
        ),
        _disk("disk-full-staging", "the work disk fills up while messages come", "work", Step.FETCH),
        _disk("disk-full-writing", "the work disk fills up while the store is written", "work", Step.WRITE),
        _disk("disk-full-publishing", "the bucket's disk fills up before a run is published", "bucket", Step.PUBLISH),
        Fault(
            "disk-full-syncing",
            Group.DISK,
            "the disk of the stores is full",
            lambda world: world.fill("stores"),
            lambda world: world.relieve("stores"),
            told=frozenset({Kind.SYNC, Kind.DISK}),
            rungs=OLD,
            small=frozenset({"stores"}),
        ),
        _kill("flow-killed-fetching", "kill -9 of each model's flow while messages come", Point.FETCH),
        _kill("flow-killed-writing", "kill -9 of each model's flow while its store is written", Point.WRITE),
        _kill("flow-killed-publishing", "kill -9 of each model's flow amid its upload", Point.PUBLISH),
        _kill("flow-killed-published", "kill -9 of each model's flow when it has published", Point.PUBLISHED),
        Fault(
            "sync-killed",
            Group.KILL,
            "kill -9 of the sync amid a download",
            lambda world: world.kills.add(("sync", Point.SYNC)),
            lambda world: world.kills.discard(("sync", Point.SYNC)),
            may=frozenset({Kind.SYNC}),
        ),
        Fault("twins", Group.TWINS, "two machines bring each model at once", _begin_twins, _end_twins, may=BROUGHT),
    ]


def _clock(name: str, title: str, hours: int, hides: frozenset[Kind] = frozenset()) -> Fault[World]:
    def begin(world: World) -> None:
        world.machine.wrong += timedelta(hours=hours)

    def end(world: World) -> None:
        world.machine.wrong -= timedelta(hours=hours)

    return Fault(
        name, Group.CLOCK, title, begin, end, may=BROUGHT | NOTHING_COMES | {Kind.SYNC}, rungs=OLD, hides=hides
    )


def _disk(name: str, title: str, folder: str, step: Step) -> Fault[World]:
    moment = step.name.lower()
    fills: dict[int, Callable[[], None]] = {}

    def begin(world: World) -> None:
        fills[id(world)] = lambda: world.fill(folder)
        world.moments[moment].append(fills[id(world)])

    def end(world: World) -> None:
        world.moments[moment].remove(fills.pop(id(world)))
        world.relieve(folder)

    # Where the bucket itself is full nothing can be written down there.
    told = frozenset({Kind.BUCKET}) if folder == "bucket" else NOTHING_COMES | {Kind.DISK}
    return Fault(
        name,
        Group.DISK,
        title,
        begin,
        end,
        told=told,
        may=BROUGHT | NOTHING_COMES | {Kind.DISK},
        rungs=OLD,
        hides=frozenset(Kind) if folder == "bucket" else NOTHING_NEW,
        small=frozenset({folder}),
        needs=step,
        stops=Step(step + 1),
    )


def _kill(name: str, title: str, point: Point) -> Fault[World]:
    def begin(world: World) -> None:
        world.kills.update((model.name, point) for model in world.models)

    def end(world: World) -> None:
        world.kills.difference_update((model.name, point) for model in world.models)

    return Fault(name, Group.KILL, title, begin, end, may=BROUGHT)


def _begin_twins(world: World) -> None:
    world.twins = True
    world.machines = ["", "other"]


def _end_twins(world: World) -> None:
    world.twins = False
