"""Model: the frozen declaration that every flow is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.schema import Freshness
from tasks.wanted import Mirror, Product, Wanted


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
