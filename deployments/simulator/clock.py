"""A clock for simulated days: no time passes on it but what somebody waits for, and that at once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from tasks.clock import Clock


class JumpingClock(Clock):
    """Stands at `time` until `sleepers` tasks sleep, and jumps then to when the first of them wakes.

    Computing takes no time on it. With fewer sleepers than there are tasks it may be ahead of who is at work.
    """

    def __init__(self, time: datetime, sleepers: int = 1) -> None:
        self._time, self._sleepers = time, sleepers
        self._asleep: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._time

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        if wake is not None and wake.is_set():
            return
        future = asyncio.get_running_loop().create_future()
        self._asleep.append((self._time + timedelta(seconds=seconds), future))
        try:
            if len(self._asleep) >= self._sleepers:
                self._wake_first()
            await future
        finally:
            self._asleep = [one for one in self._asleep if one[1] is not future]
        # Whoever else is about to act does so first.
        await asyncio.sleep(0)

    def _wake_first(self) -> None:
        self._time = max(self._time, min(until for until, _ in self._asleep))
        for until, future in self._asleep:
            if until <= self._time and not future.done():
                future.set_result(None)
        self._asleep = [one for one in self._asleep if not one[1].done()]

    def jump(self, seconds: float) -> None:
        self._time += timedelta(seconds=seconds)
