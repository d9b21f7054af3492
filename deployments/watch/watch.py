"""The watch over one model: looks out for what is not published, and tells who works on it.

It keeps nothing: what was told and not published is told again, and what was published is told by the bucket's
manifest. Killed and started again at any moment it tells what is still to be done, at worst once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deployments.watch.apart import apart
from deployments.watch.goals import NOTHING, Goal, Order, goals
from deployments.watch.pace import DENSE, OPENS, SPARSE, pause
from deployments.watch.tellers import Teller, TellFailed
from flows.model import Model
from storage.bucket import Bucket
from storage.errors import StorageError
from storage.logs import about
from storage.manifest import read_manifest
from tasks.arrival import PATIENCE, Lookout, Seen, Sought
from tasks.clock import Clock
from tasks.mirrors import open_places
from tasks.wanted import Mirror

RETRY, LONGEST_RETRY = 60.0, 300.0
"""Seconds after which is tried again what failed."""
LONGEST = 3600.0
"""Seconds after which somebody who was told and publishes nothing is told again at the latest."""
HINT = timedelta(minutes=2)
"""How long a hint that was not confirmed is minded."""


@dataclass
class Told:
    """How often somebody was told of a goal or could not be, and not before when again."""

    times: int
    failures: int
    again: datetime


class Watch:
    """`say` gets lines for people, each beginning with the model's name.

    `looked`: when it last decided what to look for, also where that was nothing: at most ten minutes ago while it
    lives, longer while it waits for an ingest of its own. `told_total`, `tell_failures_total`: how often somebody was
    told, and could not be.
    """

    def __init__(
        self,
        model: Model,
        mirrors: Sequence[Mirror],
        bucket: Bucket,
        teller: Teller,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self.model, self._mirrors, self._bucket = model, mirrors, bucket
        self._teller, self._clock = teller, clock
        self._tell_people = say
        self._published: Order = NOTHING
        self._told: dict[Order, Told] = {}
        self._hinted: dict[Order, datetime] = {}
        self._late: set[Order] = set()
        self._problem = self._outlook = ""
        self.looked: datetime | None = None
        self.told_total = self.tell_failures_total = 0
        self._began = clock.now()
        self._lookout: Lookout | None = None

    def _say(self, text: str) -> None:
        name = self.model.name
        with about(model=name):
            self._tell_people(text if text.startswith(f"{name} ") else f"{name}: {text}")

    async def run(self, once: bool = False) -> None:
        """Look out until it is cancelled; `once`: tell what is there now and return. Raises TellFailed if `once`."""
        if not await self._learn() and once:
            raise TellFailed(f"{self.model.name}: what is published in {self._bucket.base} cannot be read")
        async with open_places(self._mirrors, PATIENCE, max(len(self._mirrors), 1)) as places:
            product = self.model.products[0]
            lookout = Lookout(places, self._mirrors, product, self._clock, self._say, idle=self._idle)
            self._lookout = lookout
            while True:
                if not once and (outlook := self.outlook()) != self._outlook:
                    self._outlook = outlook
                    self._say(outlook)
                seen = await lookout.first(self._sought, self._clock.now() if once else None)
                if seen is None:
                    return
                await self._tell(seen, once)
                if once:
                    return

    def hear(self, key: str) -> None:
        """An object is said to have come: where it belongs to what is looked for, look now."""
        product, now = self.model.products[0], self._clock.now()
        for goal in self._open():
            for sought in goal.sought(now):
                if key.endswith((product.data_path(*sought), product.index_path(*sought))) and self._lookout:
                    self._hinted[goal.order] = now
                    self._lookout.bell.ring()

    def outlook(self) -> str:
        """What is looked for next, in words."""
        now = self._clock.now()
        found = sorted(self._open(), key=lambda goal: (abs(goal.expected - now), goal.order))
        if not found:
            return "nothing is missing"
        return f"{found[0]}: lead {found[0].sign} is expected at {found[0].expected:%H:%MZ}"

    def _open(self) -> list[Goal]:
        """What is to be told: not what is published, nor what somebody was told a short while ago."""
        now = self._clock.now()
        busy = max((order for order, told in self._told.items() if now < told.again), default=NOTHING)
        return [goal for goal in goals(self.model, now, self._published) if goal.order > busy]

    def _sought(self) -> dict[Sought, float]:
        self.looked = now = self._clock.now()
        self._hinted = {order: heard for order, heard in self._hinted.items() if now < heard + HINT}
        sought: dict[Sought, float] = {}
        for goal in self._open():
            if goal.order in self._hinted or now >= goal.expected - OPENS:
                wait = DENSE if goal.order in self._hinted else pause(now, goal.expected)
                sought |= {one: wait for one in goal.sought(now) if one not in sought}
            if self._began <= goal.overdue <= now and goal.order not in self._late and goal.order not in self._told:
                self._late.add(goal.order)
                self._say(f"{goal}: overdue, lead {goal.sign} is on no mirror; looking goes on")
        return sought

    def _idle(self) -> float:
        """Seconds to sleep where nothing is sought: until somebody is to be told again, or a while."""
        now = self._clock.now()
        waits = [(told.again - now).total_seconds() for told in self._told.values() if now < told.again]
        return min([SPARSE, *waits])

    async def _tell(self, seen: Seen, once: bool) -> None:
        now = self._clock.now()
        goal = next((one for one in self._open() if seen.sought in one.sought(now)), None)
        if goal is None:
            return
        self._hinted.pop(goal.order, None)
        known = await self._learn()
        now = self._clock.now()
        told = self._told.setdefault(goal.order, Told(0, 0, now))
        if not known:
            told.again = now + timedelta(seconds=RETRY)
            return
        if goal.order <= self._published:
            return
        again = ", told again as it is not published" if told.times else ""
        self._say(f"{goal}: lead {seen.sought.lead} is on {seen.mirror.name}{again}")
        try:
            await self._teller.tell(goal, now)
        except TellFailed as error:
            self.tell_failures_total += 1
            self._say(f"{goal}: {error}")
            if once:
                raise
            told.failures += 1
            wait = min(LONGEST_RETRY, RETRY * 2.0 ** (told.failures - 1))
        else:
            self.told_total += 1
            told.times += 1
            wait = min(LONGEST, self._teller.patience * 2.0 ** (told.times - 1))
        told.again = self._clock.now() + timedelta(seconds=wait)
        await self._learn()

    async def _learn(self) -> bool:
        """Read what is published; returns whether that could be done. What is published by then needs no telling."""
        try:
            manifest = await apart(lambda: read_manifest(self._bucket, self.model.name))
        except StorageError as error:
            if str(error) != self._problem:
                self._say(f"{error}; asked again later")
            self._problem = str(error)
            return False
        self._problem = ""
        self._published = (manifest.init_time, manifest.leads) if manifest else NOTHING
        self._told = {order: told for order, told in self._told.items() if order > self._published}
        self._late = {order for order in self._late if order > self._published}
        return True
