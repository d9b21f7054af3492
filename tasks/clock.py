"""The time of day and waiting for some of it to pass: what looks for arriving files is told its clock."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic


class Clock:
    """The machine's own time, which may be set meanwhile."""

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        """Return when so many seconds of this clock have passed, or `wake` is set."""
        await self._rest(seconds, wake)

    async def _rest(self, seconds: float, wake: asyncio.Event | None) -> None:
        if wake is None:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wake.wait()


class FastClock(Clock):
    """A clock that stood at `start` when `began` (seconds of the monotonic clock; now) and runs `speed` times as fast.

    One start and one speed make one time in several processes of a machine.
    """

    def __init__(self, start: datetime, speed: float = 1.0, began: float | None = None) -> None:
        self.start, self.speed = start, speed
        self.began = monotonic() if began is None else began

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(monotonic() - self.began) * self.speed)

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        await self._rest(seconds / self.speed, wake)

    def __str__(self) -> str:
        """What `parse_clock` reads: time, speed, moment."""
        return f"{self.start:%Y-%m-%dT%H:%M:%S},{self.speed:g},{self.began:.3f}"


def parse_clock(text: str) -> FastClock:
    """The clock that prints so; raises ValueError."""
    try:
        start, speed, began = text.split(",")
        return FastClock(datetime.fromisoformat(start).replace(tzinfo=UTC), float(speed), float(began))
    except ValueError as error:
        raise ValueError(f"cannot read the clock {text!r}: write 2026-04-20T03:30:00,60,MONOTONIC") from error
