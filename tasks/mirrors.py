"""Patience with mirrors: backoff, deadlines, and which mirror to ask first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tasks.errors import Interrupted, MirrorError, OutOfTime, Throttled
from tasks.meter import Meter
from tasks.transport import Transport, open_session, open_transport
from tasks.wanted import Mirror

Result = TypeVar("Result")

CALLS_AT_ONCE = 2
"""Groups of leads are fetched by two threads, which share what a mirror bears."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds.

    `connect`: a connection. `stall`: the next bytes. `bytes_per_second`: a request slower than this is given up.
    `tries`: requests on one mirror before the next is asked. `first_delay`, `longest_delay`: exponential backoff with
    full jitter between tries. `lead`: one lead, all mirrors. `not_yet`: a file that no mirror has, from when it was
    first asked for. `aside`: how long a mirror that failed is asked last.
    """

    connect: float = 10.0
    stall: float = 20.0
    bytes_per_second: float = 20_000.0
    tries: int = 4
    first_delay: float = 0.5
    longest_delay: float = 20.0
    lead: float = 600.0
    not_yet: float = 120.0
    aside: float = 60.0

    def delay(self, attempt: int) -> float:
        """Seconds before try number `attempt` + 1: full jitter keeps many clients from coming back together."""
        return random.uniform(0.0, min(self.longest_delay, self.first_delay * 2.0**attempt))


def now() -> float:
    """The loop's clock, which deadlines are on."""
    return asyncio.get_running_loop().time()


@dataclass(eq=False)
class Place:
    """A mirror in use, and until when it is better left alone.

    `lacks`: required variables that its files were scanned for in vain, however often its indexes omit them.
    """

    mirror: Mirror
    transport: Transport
    aside_until: float = 0.0
    lacks: set[str] = field(default_factory=set)
    _next: float = 0.0

    @property
    def is_aside(self) -> bool:
        return self.aside_until > now()

    async def turn(self) -> None:
        """Wait until the mirror bears one more request."""
        if self.mirror.per_minute is not None:
            start = max(now(), self._next)
            self._next = start + 60.0 * CALLS_AT_ONCE / self.mirror.per_minute
            await asyncio.sleep(start - now())

    def put_aside(self, seconds: float) -> None:
        self.aside_until = max(self.aside_until, now() + seconds)


class Places:
    """The mirrors of one call. What one lead learns about a mirror the others need not learn again.

    `overdue`: files of members, by their path without a lead, that no mirror had however long they were waited for.
    """

    def __init__(self, places: Iterable[Place], patience: Patience, requests: int, meter: Meter | None = None) -> None:
        self.patience = patience
        self.meter = meter or Meter()
        self.overdue: set[str] = set()
        self._places = {place.mirror: place for place in places}
        self._slots = asyncio.Semaphore(requests)

    def in_order(self, mirrors: Sequence[Mirror]) -> list[Place]:
        """The given order, but mirrors that failed lately come last."""
        return sorted((self._places[mirror] for mirror in mirrors), key=lambda place: place.is_aside)

    async def persist(
        self, place: Place, deadline: float, size: int, request: Callable[[], Awaitable[Result]]
    ) -> Result:
        """The request's result, trying again while the mirror is throttled or breaks off.

        Gives up, and puts the mirror aside, after `tries`, where the deadline would pass, or where a mirror that
        asks for more than a moment is not the only one.
        """
        attempt = 0
        last: MirrorError | None = None
        while True:
            try:
                await place.turn()
                async with self._slots:
                    return await self._timed(place, deadline, size, request)
            except OutOfTime as error:
                # What happened before tells more than that there is no time to try again.
                raise last or error from error
            except (Throttled, Interrupted) as error:
                last = error
                asked = error.retry_after if isinstance(error, Throttled) else 0.0
                # All who were told the same number come back when it is over: apart from each other.
                delay = asked + self.patience.delay(attempt)
                attempt += 1
                others = any(other is not place and not other.is_aside for other in self._places.values())
                if (
                    attempt >= self.patience.tries
                    or now() + delay >= deadline
                    or (others and (place.is_aside or asked > self.patience.longest_delay))
                ):
                    place.put_aside(max(self.patience.aside, asked))
                    raise
            self.meter.retries[place.mirror.name] += 1
            await asyncio.sleep(delay)

    async def _timed(
        self, place: Place, deadline: float, size: int, request: Callable[[], Awaitable[Result]]
    ) -> Result:
        begun = now()
        slow = begun + self.patience.connect + self.patience.stall + size / self.patience.bytes_per_second
        try:
            async with asyncio.timeout_at(min(slow, deadline)):
                return await request()
        except TimeoutError as error:
            said = f"{place.transport.url('')} took over {now() - begun:.0f} s for {size} bytes"
            raise (OutOfTime if deadline <= slow else Interrupted)(said) from error


@asynccontextmanager
async def open_places(
    mirrors: Iterable[Mirror], patience: Patience, requests: int, meter: Meter | None = None
) -> AsyncIterator[Places]:
    """The mirrors behind one connection pool, at most `requests` at once. `meter` counts what they give and refuse."""
    async with open_session(requests, patience.connect, patience.stall) as session:
        places = [Place(mirror, open_transport(mirror, session)) for mirror in dict.fromkeys(mirrors)]
        yield Places(places, patience, requests, meter)
