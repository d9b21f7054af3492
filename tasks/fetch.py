"""The wanted messages of leads, from whichever mirror delivers them, each verified, in one blob a lead."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tasks.blob import Blob
from tasks.errors import (
    Absent,
    Interrupted,
    InventoryError,
    MessageError,
    MirrorError,
    NoMirrorLeft,
    OutOfTime,
    Throttled,
)
from tasks.haul import LeadHaul
from tasks.heartbeat import beating
from tasks.index import Target
from tasks.mirrors import Patience, Place, Places, now, open_places
from tasks.wanted import Mirror, Product, StagedMessage, Wanted

REQUESTS_AT_ONCE = 8
"""Per call, of which there are two. A bucket that takes 50 ms to the first byte and gives 12 MB/s a connection gave
13, 26, 49, 88 MB/s to 2, 4, 8, 16 requests: two calls of 8 fill a line of 800 Mbit/s, and are no crowd on a server
that bears 500 connections of all its clients (data.ecmwf.int)."""
LEADS_AT_ONCE = 4
"""While the index of one lead is read the messages of others arrive: 49 MB/s instead of 37 with one lead."""


@dataclass(frozen=True)
class LeadOrder:
    """One lead (hours) of a run to bring into `folder`; mirrors in the order of preference."""

    model: str
    init_time: datetime
    lead: int
    products: tuple[Product, ...]
    wanted: tuple[Wanted, ...]
    mirrors: tuple[Mirror, ...]
    folder: Path

    def __str__(self) -> str:
        return f"{self.model} {self.init_time:%Y-%m-%dT%HZ} lead {self.lead}"


@dataclass(frozen=True)
class LeadResult:
    """One lead, staged.

    `bytes`: received of messages and of what lies between them. `mirrors`: names of those that delivered.
    `missing`: variables that the lead does not have. `problems`: in words, what went wrong on the way.
    `absent`: what the mirrors said of a lead that is not there yet, and of which nothing is staged.
    """

    lead: int
    messages: tuple[StagedMessage, ...]
    bytes: int
    mirrors: tuple[str, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]
    absent: str = ""


class NotYet(NoMirrorLeft):
    """No mirror has the lead, and at least one has said so."""


def fetch_leads(
    orders: Sequence[LeadOrder],
    patience: Patience | None = None,
    alive: Callable[[], None] = lambda: None,
    arriving: bool = False,
) -> Iterator[LeadResult]:
    """Each lead as soon as it is staged, in whatever order they come.

    A lead without a wanted variable is a result that says so; a lead that no mirror could deliver raises
    NoMirrorLeft, after the leads under way have come. Raises DiskFull at once.
    `arriving`: who asks will ask again for a lead that some mirror says it does not have, so that is a result too, at
    once, with `absent` set; without, such a lead is waited for here as long as `patience` has it.
    Runs an event loop of its own in the calling thread, while the caller waits for the next result. `alive` is called
    over and over meanwhile: what it raises ends the fetch.
    """
    if not orders:
        return
    with asyncio.Runner() as runner:
        results = _results(orders, patience or Patience(), arriving)

        async def following() -> LeadResult | None:
            return await beating(anext(results, None), alive)

        async def end() -> None:
            await results.aclose()

        try:
            while (result := runner.run(following())) is not None:
                yield result
        finally:
            runner.run(end())


async def _results(orders: Sequence[LeadOrder], patience: Patience, arriving: bool) -> AsyncGenerator[LeadResult, None]:
    waiting, running, failed = deque(orders), set[asyncio.Task[LeadResult]](), list[NoMirrorLeft]()
    mirrors = [mirror for order in orders for mirror in order.mirrors]
    async with open_places(mirrors, patience, REQUESTS_AT_ONCE) as places:
        try:
            while running or (waiting and not failed):
                while waiting and not failed and len(running) < LEADS_AT_ONCE:
                    running.add(asyncio.create_task(_fetch(waiting.popleft(), places, arriving)))
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in running if task.done()]:
                    running.remove(task)
                    try:
                        result = task.result()
                    except NoMirrorLeft as error:
                        failed.append(error)
                    else:
                        yield result
            if failed:
                raise failed[0]
        finally:
            await _cancel(running)


async def _cancel(tasks: set[asyncio.Task[LeadResult]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _fetch(order: LeadOrder, places: Places, arriving: bool) -> LeadResult:
    """One lead: all its products, into one blob."""
    deadline = now() + places.patience.lead
    try:
        with Blob(order.folder / f"f{order.lead:03d}.grib2") as blob:
            haul = LeadHaul(blob, places, deadline)
            for product in order.products:
                wanted = tuple(row for row in order.wanted if row.product == product.name)
                if wanted:
                    await _product(order, product, Target(order.init_time, order.lead, wanted), haul, arriving)
    except NotYet as error:
        return LeadResult(order.lead, (), haul.bytes, (), (), tuple(haul.problems), str(error))
    messages = tuple(haul.staged.values())
    return LeadResult(
        lead=order.lead,
        messages=messages,
        bytes=haul.bytes,
        mirrors=tuple(dict.fromkeys(message.mirror for message in messages)),
        missing=tuple(row.name for row in order.wanted if row.name not in haul.staged),
        problems=tuple(haul.problems),
    )


async def _product(order: LeadOrder, product: Product, target: Target, haul: LeadHaul, arriving: bool) -> None:
    """Ask the mirrors in turn, and again while one of them may yet deliver; raises NoMirrorLeft at the deadline.

    Where it is `arriving`, raises NotYet as soon as all were asked and one of them does not have it.

    What every mirror that answers lacks, the lead lacks. A file that holds optional variables only may fail, and is
    waited for no longer than a file that is not there yet.
    """
    begun, attempt, patience = now(), 0, haul.places.patience
    optional = not any(row.required for row in target.wanted)
    appears_until = begun + (0.0 if optional else patience.not_yet)
    recovers_until = min(haul.deadline, begun + patience.not_yet) if optional else haul.deadline
    failures: dict[Place, Exception] = {}
    while True:
        answered = False
        for place in haul.places.in_order(order.mirrors):
            try:
                if not await haul.load(place, product, target):
                    return
                answered = True
                failures.pop(place, None)
            except OutOfTime as error:
                failures.setdefault(place, error)
            except (MirrorError, InventoryError, MessageError) as error:
                failures[place] = error
                haul.note(f"{place.mirror.name}: {error}")
        again = now() + (delay := patience.delay(attempt))
        attempt += 1
        remote = [error for place, error in failures.items() if not place.mirror.is_folder]
        if arriving and not optional and not answered and any(isinstance(error, Absent) for error in remote):
            raise NotYet(_said(order, failures))
        may_recover = again < recovers_until and any(isinstance(error, Throttled | Interrupted) for error in remote)
        may_appear = again < appears_until and any(isinstance(error, Absent) for error in remote) and not answered
        if may_recover or may_appear:
            await asyncio.sleep(delay)
        elif optional or answered:
            return
        else:
            raise NoMirrorLeft(_said(order, failures))


def _said(order: LeadOrder, failures: Mapping[Place, Exception]) -> str:
    said = "; ".join(f"{place.mirror.name}: {error}" for place, error in failures.items())
    return (
        f"{order}: no mirror delivers it. {said}. Try again later, name another --mirror, or leave the lead out with "
        "--leads"
    )
