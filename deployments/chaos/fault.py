"""Fault: one row of the table, and what may be seen of it from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar

from serving.rungs import Rung
from tasks.incidents import Kind

W = TypeVar("W")


class Group(StrEnum):
    """What a fault befalls."""

    MIRROR = "mirror"
    LEAD = "lead"
    MESSAGE = "message"
    CLOCK = "clock"
    DISK = "disk"
    KILL = "kill"
    PREFECT = "prefect"
    BUCKET = "bucket"
    TWINS = "twins"
    CHANNEL = "channel"
    OUTAGE = "outage"


class Step(IntEnum):
    """How far an ingest comes."""

    SEARCH = 0
    FETCH = 1
    WRITE = 2
    PUBLISH = 3
    END = 4


@dataclass(frozen=True)
class Fault(Generic[W]):
    """Something that goes wrong in a world W when it begins, until it ends; and what is allowed to follow.

    `told`: kinds of incidents that people must be told of. `may`: kinds that they may be told of besides. `rungs`:
    where the API may stand while it lasts, besides on its newest runs. `hides`: kinds that nobody sees meanwhile, or
    that cannot come about, whatever another fault does. `needs`: the step of an ingest in which it strikes. `stops`:
    the step that no ingest of a new run is sure to reach meanwhile. `small`: folders (work, bucket, stores) that must
    lie on small disks.
    """

    name: str
    group: Group
    title: str
    begin: Callable[[W], None]
    end: Callable[[W], None]
    told: frozenset[Kind] = frozenset()
    may: frozenset[Kind] = frozenset()
    rungs: frozenset[Rung] = frozenset()
    hides: frozenset[Kind] = frozenset()
    needs: Step = Step.SEARCH
    stops: Step = Step.END
    small: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Allowed:
    """What may follow of faults that last together. `told`: of these kinds people must hear."""

    told: frozenset[Kind] = frozenset()
    may: frozenset[Kind] = frozenset()
    rungs: frozenset[Rung] = field(default_factory=lambda: frozenset({Rung.NEWEST}))


def together(faults: Sequence[Fault[W]]) -> Allowed:
    """What one fault allows, several do. What another one of them hides, or keeps from striking, need not be told."""
    told = frozenset(
        kind
        for fault in faults
        for kind in fault.told
        if not any(kind in other.hides or other.stops <= fault.needs for other in faults if other is not fault)
    )
    may = frozenset(kind for fault in faults for kind in fault.told | fault.may)
    rungs = frozenset({Rung.NEWEST, *(rung for fault in faults for rung in fault.rungs)})
    return Allowed(told, may, rungs)
