"""The watches over all models, and the notices, side by side until the process is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence

from deployments.watch.notices import Notices
from deployments.watch.watch import RETRY, Watch
from tasks.clock import Clock

log = logging.getLogger(__name__)


async def watch_all(watches: Sequence[Watch], notices: Notices | None, clock: Clock) -> None:
    """For ever. Returns on SIGTERM or Ctrl-C, when the children have ended. A bug in one watch ends no other."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    tasks = [asyncio.create_task(_lasting(watch.run, watch.model.name, clock)) for watch in watches]
    if notices is not None:
        tasks.append(asyncio.create_task(_lasting(notices.listen, "notices", clock)))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _lasting(work: Callable[[], Awaitable[None]], name: str, clock: Clock) -> None:
    """Over and over, whatever it raises."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("the watch over %s met a bug; it begins anew", name)
        await clock.sleep(RETRY)
