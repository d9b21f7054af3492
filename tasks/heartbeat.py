"""Waiting for asynchronous work and looking up now and then: whoever gives it up need not wait for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Result = TypeVar("Result")

HEARTBEAT = 0.2
"""Seconds between two calls of `beat`, about what Ctrl-C may take to be heard."""


async def beating(work: Awaitable[Result], beat: Callable[[], None]) -> Result:
    """The work's result. `beat` is called over and over until it is there: what it raises ends the work."""
    coming = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({coming}, timeout=HEARTBEAT))[0]:
            beat()
    except BaseException:
        coming.cancel()
        await asyncio.wait({coming})
        raise
    return coming.result()
