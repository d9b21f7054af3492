"""The world's time, and what the machine takes it for."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from tasks.clock import Clock

COARSE = timedelta(minutes=10)
"""Whoever waits, waits so long at least: an hour of looking out is a few looks."""


class TrueClock(Clock):
    """Stands still but for `advance`, and for whoever waits: that takes no time of anybody's."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time

    def advance(self, time: datetime) -> None:
        """Go on to a time; it may be later already."""
        self.time = max(self.time, time)

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        if wake is None or not wake.is_set():
            self.time += max(timedelta(seconds=seconds), COARSE)
        await asyncio.sleep(0)


class MachineClock(Clock):
    """What our machines believe: the true time and what they are wrong by."""

    def __init__(self, true: TrueClock) -> None:
        self.true = true
        self.wrong = timedelta(0)

    def now(self) -> datetime:
        return self.true.now() + self.wrong

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        await self.true.sleep(seconds, wake)
