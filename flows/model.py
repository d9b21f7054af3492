"""Model: the frozen declaration that every flow is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from storage.schema import Freshness
from tasks.wanted import Mirror, Product, Wanted

HEAD_START = 5
"""Minutes before the last lead of a stage is expected at which work on the others begins: about what starting a flow
run and fetching them takes."""


class UnknownModel(LookupError):
    """No flow declares a model of this name."""


@dataclass(frozen=True)
class Cycle:
    """The runs that start at one of `hours` UTC, and the leads (hours) they publish."""

    hours: tuple[int, ...]
    leads: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """One producer's product on one grid: where it lies, what we want of it, when it is due.

    For estimates only: `bytes_per_message`, the mean length of a wanted message; `points` of the grid; `by_eccodes`,
    whether its messages are packed so that only ecCodes decodes them, which takes scratch.

    `arrival`: (lead in hours, minutes after the init time at which it lands), rising, straight lines between them;
    without, all leads are expected at once, a cycle before `freshness.due_after`. `grace`: minutes beyond that for
    which a lead is waited for. `stages`: leads (hours) up to which a run is published before it is complete.

    `retention`: runs that began up to so many hours before the published one stay in the bucket; 0: it and the one
    before it, which stay whatever happens.
    """

    name: str
    title: str
    cycles: tuple[Cycle, ...]
    products: tuple[Product, ...]
    mirrors: tuple[Mirror, ...]
    wanted: tuple[Wanted, ...]
    freshness: Freshness
    attribution: str
    licence: str
    bytes_per_message: int
    points: int
    by_eccodes: bool = False
    retention: int = 0
    arrival: tuple[tuple[int, int], ...] = ()
    grace: int = 60
    stages: tuple[int, ...] = ()

    def leads(self, init_time: datetime) -> tuple[int, ...]:
        """The leads (hours) of a run; raises ValueError where the model has no run at that hour."""
        for cycle in self.cycles:
            if init_time.hour in cycle.hours and not init_time.minute:
                return cycle.leads
        hours = sorted(hour for cycle in self.cycles for hour in cycle.hours)
        raise ValueError(
            f"{self.name} has no run at {init_time:%Y-%m-%dT%H:%MZ}; runs start at "
            + ", ".join(f"{hour:02d}Z" for hour in hours)
        )

    def stages_of(self, init_time: datetime) -> list[tuple[int, ...]]:
        """The leads (hours) of each publication of a run, each holding the one before; the last are all leads."""
        leads = self.leads(init_time)
        ends = sorted({stage for stage in self.stages if leads[0] <= stage < leads[-1]} | {leads[-1]})
        return [tuple(lead for lead in leads if lead <= end) for end in ends]

    def arrives(self, init_time: datetime, lead: int) -> datetime:
        """When a lead (hours) is expected to land."""
        if self.arrival:
            leads, minutes = zip(*self.arrival, strict=True)
            return init_time + timedelta(minutes=float(np.interp(lead, leads, minutes)))
        cycle = 24 * 60 // sum(len(cycle.hours) for cycle in self.cycles)
        return init_time + timedelta(minutes=self.freshness.due_after - cycle)

    def deadline(self, init_time: datetime, lead: int) -> datetime:
        """Until when a lead (hours) is waited for."""
        return self.arrives(init_time, lead) + timedelta(minutes=self.grace)

    def herald(self, init_time: datetime, leads: Sequence[int], before: Sequence[int] = ()) -> int:
        """The lead (hours) whose arrival says that the last of `leads` will follow within HEAD_START.

        It is the last one itself where nobody knows when leads land. `before`: leads of the stage before, none of which
        it is.
        """
        if not self.arrival:
            return leads[-1]
        new = [lead for lead in leads if not before or lead > before[-1]]
        start = self.arrives(init_time, leads[-1]) - timedelta(minutes=HEAD_START)
        early = [lead for lead in new if self.arrives(init_time, lead) <= start]
        return early[-1] if early else new[0]

    @property
    def last_lead(self) -> int:
        """The last lead (hours) of the model's longest run."""
        return max(cycle.leads[-1] for cycle in self.cycles)

    def init_times(self, now: datetime, count: int) -> list[datetime]:
        """The `count` newest nominal init times not after `now`, newest first."""
        hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        found: list[datetime] = []
        while len(found) < count:
            if any(hour.hour in cycle.hours for cycle in self.cycles):
                found.append(hour)
            hour -= timedelta(hours=1)
        return found

    def product(self, name: str) -> Product:
        return next(product for product in self.products if product.name == name)
