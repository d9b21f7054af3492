"""A clock for simulated days: no time passes on it but what somebody waits for, and that at once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from threading import Lock

from tasks.clock import Clock


class JumpingClock(Clock):
    """Stands at `time` until somebody sleeps, and jumps by that much then. Computing takes no time on it.

    Of several who sleep side by side each makes it jump, so it is never slower than time. For any thread.
    """

    def __init__(self, time: datetime) -> None:
        self._time = time
        self._lock = Lock()

    def now(self) -> datetime:
        return self._time

    async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
        if wake is None or not wake.is_set():
            self.jump(seconds)
        # Whoever else is about to act does so first.
        await asyncio.sleep(0)

    def jump(self, seconds: float) -> None:
        with self._lock:
            self._time += timedelta(seconds=seconds)
