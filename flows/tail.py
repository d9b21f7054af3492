"""Waiting for the leads of a run that have not arrived yet, however many they are, in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from flows.crew import Advance, Crew, Piece
from flows.leads import leads_in_words
from flows.model import Model
from flows.search import Found
from storage.run_time import run_time
from tasks.arrival import PATIENCE, Lookout, Sought
from tasks.clock import Clock
from tasks.heartbeat import beating
from tasks.mirrors import open_places
from tasks.wanted import Product

PAUSE = 5.0
"""Seconds between two looks. GFS publishes a lead about every 28 s while it publishes."""


def wait_for(
    model: Model,
    found: Found,
    missing: Sequence[int],
    until: datetime,
    crew: Crew,
    clock: Clock,
    product: Product | None = None,
) -> int | None:
    """One of the missing leads (hours), the last that is there by then; None where none is by `until`.

    `product`: whose files are missing; without, the model's first.
    """
    words = f"{len(missing)} of {len(found.leads)} leads ({leads_in_words(missing)})"
    words += f" of {product.name} files" if product else ""
    crew.say(
        f"{model.name} {run_time(found.init_time)}: waiting for {words} until {until:%H:%MZ}; no mirror has them yet"
    )
    looked_at = product or model.products[0]

    def wait(advance: Advance) -> int | None:
        return asyncio.run(beating(_first(looked_at, found, missing, until, clock), lambda: advance(0, 1)))

    (seen,) = crew.spread("wait", [Piece(f"wait for f{missing[0]:03d}", 1, wait)])
    return seen


async def _first(product: Product, found: Found, missing: Sequence[int], until: datetime, clock: Clock) -> int | None:
    # A file whose index was there before it needs time too.
    await clock.sleep(PAUSE)
    sought = {Sought(found.init_time, lead): PAUSE for lead in probes(missing)}
    async with open_places(found.mirrors, PATIENCE, len(found.mirrors)) as places:
        lookout = Lookout(places, found.mirrors, product, clock)
        seen = await lookout.first(lambda: sought, until)
    return seen.sought.lead if seen else None


def probes(missing: Sequence[int]) -> list[int]:
    """Few leads that tell how far a run has come, the last first: at steps that double."""
    steps = {2**power - 1 for power in range(len(missing).bit_length())} | {len(missing) - 1}
    return [missing[step] for step in sorted(steps, reverse=True)]
