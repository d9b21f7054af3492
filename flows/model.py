"""Model: the frozen declaration that every flow is made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from storage.grids import Grid
from storage.schema import Freshness, Whole
from tasks.entry import Target
from tasks.wanted import Mirror, Product, Slot, Wanted

if TYPE_CHECKING:
    from tasks.works import Joint

HEAD_START = 5
"""Minutes before the last lead of a stage is expected at which work on the others begins: about what starting a flow
run and fetching them takes."""


class UnknownModel(LookupError):
    """No flow declares a model of this name."""


@dataclass(frozen=True)
class Cycle:
    """The runs that start at one of `hours` UTC, at one of `minutes` past, and the leads (hours) they publish."""

    hours: tuple[int, ...]
    leads: tuple[int, ...]
    minutes: tuple[int, ...] = (0,)

    def starts(self, time: datetime) -> bool:
        """Whether a run starts at a time."""
        return time.hour in self.hours and time.minute in self.minutes

    @property
    def runs(self) -> int:
        """How many a day."""
        return len(self.hours) * len(self.minutes)


@dataclass(frozen=True)
class Model:
    """One producer's product on one grid: where it lies, what we want of it, when it is due.

    `joints`: what is made of several of `wanted`, which are not stored themselves. `storm`: the one of `wanted` in
    which storms are found, a rate of precipitation at one moment; their distance and bearing are stored beside it.

    For estimates only: `bytes_per_message`, the mean length of a wanted message; `bytes_per_value`, of a store, of all
    values that are not missing; `short_packed`, of a short store for each of these; `grid`, of all of them;
    `by_eccodes`, whether they are packed so that only ecCodes decodes them, which takes scratch.

    `arrival`: (lead in hours, minutes after the init time at which it lands), rising, straight lines between them;
    without, all leads are expected at once, a cycle before `freshness.due_after`. `grace`: minutes beyond that for
    which a lead is waited for. `stages`: leads (hours) up to which a run is published before it is complete.

    `retention`: hours of the past that are kept: short stores (`history`) of the runs that began up to so long before
    the published one; 0: none. Whole are kept the published run and the one before it. `apart`: hours that lie between
    runs of which short stores are kept, at least; of models that run more often.

    `traits`: what readers of its stores should know of the kind of model (`storage.schema.AI`).

    `static`: what is the same in every run, kept once, from the first lead of one (`flows/static.py`).
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
    bytes_per_value: float
    grid: Grid
    joints: tuple[Joint, ...] = ()
    storm: str | None = None
    by_eccodes: bool = False
    short_packed: float = 0.8
    retention: int = 48
    apart: int = 0
    arrival: tuple[tuple[int, int], ...] = ()
    grace: int = 60
    stages: tuple[int, ...] = ()
    traits: tuple[str, ...] = ()
    static: tuple[Wanted, ...] = ()

    def leads(self, init_time: datetime) -> tuple[int, ...]:
        """The leads (hours) of a run; raises ValueError where the model has no run at that hour."""
        for cycle in self.cycles:
            if cycle.starts(init_time):
                return cycle.leads
        starts = sorted({f"{hour:02d}:{minute:02d}Z" for hour, minute in self._starts()})
        raise ValueError(
            f"{self.name} has no run at {init_time:%Y-%m-%dT%H:%MZ}; runs start at "
            + ", ".join(start.replace(":00Z", "Z") for start in starts)
        )

    def _starts(self) -> set[tuple[int, int]]:
        """(hour, minute) of all runs of a day."""
        return {(hour, minute) for cycle in self.cycles for hour in cycle.hours for minute in cycle.minutes}

    def history(self, init_time: datetime) -> int:
        """The last lead, in minutes, of what is kept of a run when others have followed it.

        It is at least an hour after the next run of which something is kept begins: hours of zones that are half an
        hour off, and lines between leads, reach across.
        """
        leads = next((cycle.leads for cycle in self.cycles if cycle.starts(init_time)), self.cycles[0].leads)
        begun = init_time.hour * 60 + init_time.minute
        starts = sorted(60 * hour + minute for hour, minute in self._starts())
        gap = next((start for start in starts if start > begun), starts[0] + 1440) - begun
        gap = max(gap, 60 * self.apart)
        return 60 * next((lead for lead in leads if 60 * lead >= gap + 60), leads[-1])

    def short(self, init_time: datetime, kept: Iterable[datetime]) -> int | None:
        """`history` of a run beside runs of which short stores are `kept`; None where one is too close, or none is."""
        apart = timedelta(hours=self.apart)
        close = any(init_time - apart < other < init_time for other in kept)
        return self.history(init_time) if self.retention and not close else None

    def slots(self, init_time: datetime, lead: int) -> list[Slot]:
        """What a run should have at a lead (hours), one message of each."""
        targets = [Target.of(product, init_time, lead, self.wanted) for product in self.products]
        return [slot for target in targets for _, slot in target.slots()]

    def times(self, leads: Iterable[int]) -> tuple[int, ...]:
        """The times, in minutes after init_time, that the files of some leads (hours) hold."""
        return tuple(sorted({time for lead in leads for product in self.products for time in product.times(lead)}))

    def outputs_of(self, name: str) -> tuple[str, ...]:
        """The variables that a wanted one goes into: mostly itself."""
        return next((joint.makes for joint in self.joints if name in joint.of), (name,))

    def inputs_of(self, name: str) -> tuple[str, ...]:
        """The wanted variables that a stored one is made of: mostly itself."""
        return next((joint.of for joint in self.joints if name in joint.makes), (name,))

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
        cycle = 24 * 60 // sum(cycle.runs for cycle in self.cycles)
        return init_time + timedelta(minutes=self.freshness.due_after - cycle)

    def deadline(self, init_time: datetime, lead: int) -> datetime:
        """Until when a lead (hours) is waited for."""
        return self.arrives(init_time, lead) + timedelta(minutes=self.grace)

    def whole(self, init_time: datetime) -> Whole:
        """What a run comes to, and by when."""
        leads = self.leads(init_time)
        return Whole(
            len(self.times(leads)), round((self.deadline(init_time, leads[-1]) - init_time) / timedelta(minutes=1))
        )

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
    def keeps_whole(self) -> tuple[str, ...]:
        """The wanted variables whose whole maps are needed, whatever box is kept: storms beyond it are told of."""
        return (self.storm,) if self.storm else ()

    @property
    def points(self) -> int:
        return self.grid.ny * self.grid.nx

    @property
    def last_lead(self) -> int:
        """The last lead (hours) of the model's longest run."""
        return max(cycle.leads[-1] for cycle in self.cycles)

    def init_times(self, now: datetime, count: int) -> list[datetime]:
        """The `count` newest nominal init times not after `now`, newest first."""
        now = now.astimezone(UTC)
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        starts = [timedelta(hours=hour, minutes=minute) for hour, minute in sorted(self._starts(), reverse=True)]
        days = (day - timedelta(days=back) for back in itertools.count())
        runs = (day + start for day in days for start in starts)
        return list(itertools.islice((run for run in runs if run <= now), count))

    def product(self, name: str) -> Product:
        return next(product for product in self.products if product.name == name)
