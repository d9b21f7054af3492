"""Looking out for leads that are to arrive: every mirror is asked on its own, the first that has one counts.

A mirror that stalls, fails or lies is asked less and less often, and holds up no other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tasks.clock import Clock
from tasks.entry import Target
from tasks.errors import Absent, InventoryError, MirrorError, Refused, Throttled
from tasks.index import read_index
from tasks.mirrors import Patience, Place, Places, now
from tasks.wanted import Mirror, Product

PATIENCE = Patience(stall=10.0, tries=1)
"""One try a look: the next one is the retry."""
LONGEST_REST = 600.0
"""Seconds, about, that a mirror which keeps failing is left alone."""
SHARE = 0.1
"""Of the requests that a mirror bears, what looking out may take: the rest is for fetching."""
LIES = 100
"""False indexes remembered: who looks out for months forgets them all now and then."""
JITTER = 0.2
"""So that many who look for the same file do not ask together."""


class Sought(NamedTuple):
    """A lead (hours) of a run."""

    init_time: datetime
    lead: int


@dataclass(frozen=True)
class Seen:
    """A mirror has the index of a lead, and it is that run's."""

    sought: Sought
    mirror: Mirror


Seeking = Callable[[], Mapping[Sought, float]]
"""What is sought now, what matters most first, and after how many seconds to look for each again."""


class Bell:
    """Ends the sleep of whoever looks out, also of those who were just about to sleep."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def ring(self) -> None:
        self.rung.set()
        self.rung = asyncio.Event()


@dataclass
class Lookout:
    """Who looks for leads of one product. `tell` hears of mirrors that begin to fail or recover, `bell` ends a sleep.

    `idle`: how many seconds to sleep where nothing is sought.
    """

    places: Places
    mirrors: Sequence[Mirror]
    product: Product
    clock: Clock
    tell: Callable[[str], None] = lambda text: None
    bell: Bell = field(default_factory=Bell)
    idle: Callable[[], float] = lambda: LONGEST_REST
    _failures: dict[Mirror, int] = field(default_factory=dict)
    _rests: dict[Mirror, datetime] = field(default_factory=dict)
    _lies: dict[tuple[Mirror, str], str] = field(default_factory=dict)

    async def first(self, sought: Seeking, until: datetime | None = None) -> Seen | None:
        """The first of what is sought that any mirror has; None where there is nothing by `until`.

        Each mirror is asked at least once for everything. Runs until it is cancelled where `until` is None.
        """
        looks = [
            asyncio.create_task(self._look_out(place, sought, until)) for place in self.places.in_order(self.mirrors)
        ]
        try:
            for look in asyncio.as_completed(looks):
                if (seen := await look) is not None:
                    return seen
            return None
        finally:
            for task in looks:
                task.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _look_out(self, place: Place, sought: Seeking, until: datetime | None) -> Seen | None:
        due: dict[Sought, datetime] = {}
        while True:
            rung, wanted = self.bell.rung, sought()
            for one, pause in wanted.items():
                if self._rest_of(place.mirror):
                    break
                if one not in due or self.clock.now() >= due[one]:
                    if await self._there(place, one, pause):
                        return Seen(await self._best(place, wanted, one), place.mirror)
                    due[one] = self.clock.now() + self._pause(place.mirror, pause, len(wanted))
            now = self.clock.now()
            left = None if until is None else (until - now).total_seconds()
            if left is not None and left <= 0:
                return None
            next_look = min((due.get(one, now) for one in wanted), default=now + timedelta(seconds=self.idle()))
            delay = max((next_look - now).total_seconds(), self._rest_of(place.mirror), 0.0)
            await self.clock.sleep(delay if left is None else min(delay, left), rung)
            if rung.is_set():
                due.clear()

    async def _best(self, place: Place, wanted: Mapping[Sought, float], seen: Sought) -> Sought:
        """What matters more than what was seen is looked for now, even where it was not due yet."""
        for one, pause in wanted.items():
            if one == seen or await self._there(place, one, pause):
                return one
        return seen

    def _pause(self, mirror: Mirror, pause: float, requests: int) -> timedelta:
        bears = 60.0 / (SHARE * mirror.per_minute) if mirror.per_minute else 0.0
        return timedelta(seconds=max(pause, bears * requests) * random.uniform(1 - JITTER, 1 + JITTER))

    def _rest_of(self, mirror: Mirror) -> float:
        """Seconds for which a mirror that failed is still left alone, whoever rings."""
        until = self._rests.get(mirror)
        return max(0.0, (until - self.clock.now()).total_seconds()) if until else 0.0

    async def _there(self, place: Place, one: Sought, pause: float) -> bool:
        path = self.product.index_path(*one)
        known = self._lies.get((place.mirror, path))
        deadline = now() + PATIENCE.connect + PATIENCE.stall
        try:
            mark = await self.places.persist(place, deadline, 0, lambda: place.transport.look(path, known))
            if mark == known:
                # What was no index of this run has not changed.
                return False
            content = await self.places.persist(place, deadline, 0, lambda: place.transport.read(path))
            try:
                read_index(self.product.kind, content, Target.of(self.product, *one), place.transport.url(path))
            except InventoryError:
                if len(self._lies) >= LIES:
                    self._lies.clear()
                self._lies[place.mirror, path] = mark
                raise
        except (Absent, Refused):
            # Who may not list a bucket of S3 is refused what is not there.
            self._recovered(place.mirror)
            return False
        except (MirrorError, InventoryError) as error:
            self._failed(place.mirror, error, pause)
            return False
        self._recovered(place.mirror)
        return True

    def _failed(self, mirror: Mirror, error: Exception, pause: float) -> None:
        failures = self._failures[mirror] = self._failures.get(mirror, 0) + 1
        if failures == 1:
            self.tell(f"{mirror.name}: {error}; it is asked less often")
        asked = error.retry_after if isinstance(error, Throttled) else 0.0
        rest = min(LONGEST_REST, max(pause, 1.0) * 2.0**failures) * random.uniform(0.5, 1.0)
        self._rests[mirror] = self.clock.now() + timedelta(seconds=max(rest, asked))

    def _recovered(self, mirror: Mirror) -> None:
        if self._failures.pop(mirror, None):
            self._rests.pop(mirror, None)
            self.tell(f"{mirror.name}: answers again")
