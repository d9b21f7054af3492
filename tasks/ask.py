"""One file of a lead, asked of mirrors in turn until one delivers what is wanted of it, or none may any more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage.grids import Box
from storage.run_time import run_time
from tasks.entry import Target
from tasks.errors import (
    Absent,
    Interrupted,
    InventoryError,
    MessageError,
    MirrorError,
    NoMirrorLeft,
    OutOfTime,
    Throttled,
)
from tasks.haul import LeadHaul
from tasks.mirrors import Place, now
from tasks.wanted import Mirror, Product, Wanted


@dataclass(frozen=True)
class LeadOrder:
    """One lead (hours) of a run to bring into `folder`; mirrors in the order of preference.

    `box`: what is kept of its maps, but for the variables `whole`.
    """

    model: str
    init_time: datetime
    lead: int
    products: tuple[Product, ...]
    wanted: tuple[Wanted, ...]
    mirrors: tuple[Mirror, ...]
    folder: Path
    box: Box | None = None
    whole: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.model} {run_time(self.init_time)} lead {self.lead}"


class NotYet(NoMirrorLeft):
    """No mirror has the lead, and at least one has said so."""


async def ask(order: LeadOrder, product: Product, target: Target, haul: LeadHaul, arriving: bool) -> bool:
    """Ask the mirrors in turn, and again while one of them may yet deliver; raises NoMirrorLeft at the deadline.

    False where no mirror has the file, which is optional, and one at least says that it is not there.

    Where it is `arriving`, raises NotYet as soon as all were asked and one of them does not have it.

    What every mirror that answers lacks, the lead lacks. One whose file is wrong, or that refuses it, is not asked
    again: no waiting mends that. A file that holds optional variables only may fail, and is
    waited for no longer than a file that is not there yet.
    """
    begun, attempt, patience = now(), 0, haul.places.patience
    optional = not any(row.required for row in target.wanted)
    appears_until = begun + (0.0 if optional else patience.not_yet)
    recovers_until = min(haul.deadline, begun + patience.not_yet) if optional else haul.deadline
    failures: dict[Place, Exception] = {}
    answered = False
    while True:
        for place in haul.places.in_order(order.mirrors):
            if not _may_pass(failures.get(place)):
                continue
            try:
                if not await haul.load(place, product, target):
                    return True
                answered = True
                failures.pop(place, None)
            except OutOfTime as error:
                failures.setdefault(place, error)
            except (MirrorError, InventoryError, MessageError) as error:
                failures[place] = error
                haul.note(place, str(error))
        again = now() + (delay := patience.delay(attempt))
        attempt += 1
        remote = [error for place, error in failures.items() if not place.mirror.is_folder]
        if arriving and not optional and not answered and any(isinstance(error, Absent) for error in remote):
            raise NotYet(_said(order, failures))
        may_recover = again < recovers_until and any(isinstance(error, Throttled | Interrupted) for error in remote)
        may_appear = again < appears_until and any(isinstance(error, Absent) for error in remote) and not answered
        if may_recover or may_appear:
            for place, failure in failures.items():
                haul.places.meter.retries[place.mirror.name] += isinstance(failure, Throttled | Interrupted)
            await asyncio.sleep(delay)
        elif optional or answered:
            return answered or not any(isinstance(error, Absent) for error in remote)
        else:
            raise NoMirrorLeft(_said(order, failures), any(map(_may_pass, remote)))


def _may_pass(failure: Exception | None) -> bool:
    """Whether asking a mirror again may help after this."""
    return failure is None or (isinstance(failure, MirrorError) and failure.passing)


def _said(order: LeadOrder, failures: Mapping[Place, Exception]) -> str:
    said = "; ".join(f"{place.mirror.name}: {error}" for place, error in failures.items())
    return (
        f"{order}: no mirror delivers it. {said}. Try again later, name another --mirror, or leave the lead out with "
        "--leads"
    )
