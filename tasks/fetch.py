"""The wanted messages of leads, from whichever mirror delivers them, each verified, in one blob a lead or member."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from storage.grids import Box
from storage.logs import about
from tasks.ask import LeadOrder, NotYet, ask
from tasks.blob import Blob
from tasks.entry import Target
from tasks.errors import NoMirrorLeft
from tasks.haul import LeadHaul
from tasks.heartbeat import beating
from tasks.meter import Meter
from tasks.mirrors import Patience, Places, now, open_places
from tasks.wanted import Product, StagedMessage

REQUESTS_AT_ONCE = 8
"""Per call, of which there are two. A bucket that takes 50 ms to the first byte and gives 12 MB/s a connection gave
13, 26, 49, 88 MB/s to 2, 4, 8, 16 requests: two calls of 8 fill a line of 800 Mbit/s, and are no crowd on a server
that bears 500 connections of all its clients (data.ecmwf.int)."""
LEADS_AT_ONCE = 4
"""While the index of one lead is read the messages of others arrive: 49 MB/s instead of 37 with one lead."""


@dataclass(frozen=True)
class LeadResult:
    """One lead, staged.

    `bytes`: received of messages and of what lies between them. `mirrors`: names of those that delivered.
    `missing`: variables that the lead does not have. `problems`: in words, what went wrong on the way.
    `absent`: what the mirrors said of a lead that is not there yet, and of which nothing is staged. `late`: optional
    products of which no mirror has the lead's file, and one at least says that it may yet come.
    """

    lead: int
    messages: tuple[StagedMessage, ...]
    bytes: int
    mirrors: tuple[str, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]
    absent: str = ""
    late: tuple[str, ...] = ()


def fetch_leads(
    orders: Sequence[LeadOrder],
    patience: Patience | None = None,
    alive: Callable[[], None] = lambda: None,
    arriving: bool = False,
    meter: Meter | None = None,
) -> Iterator[LeadResult]:
    """Each lead as soon as it is staged, in whatever order they come.

    A lead without a wanted variable is a result that says so; a lead that no mirror could deliver raises
    NoMirrorLeft, after the leads under way have come. Raises DiskFull at once.
    `arriving`: who asks will ask again for a lead that some mirror says it does not have, so that is a result too, at
    once, with `absent` set; without, such a lead is waited for here as long as `patience` has it.
    Runs an event loop of its own in the calling thread, while the caller waits for the next result. `alive` is called
    over and over meanwhile: what it raises ends the fetch. `meter` counts, also of leads that do not come.
    """
    if not orders:
        return
    with asyncio.Runner() as runner:
        results = _results(orders, patience or Patience(), arriving, meter)

        async def following() -> LeadResult | None:
            return await beating(anext(results, None), alive)

        async def end() -> None:
            await results.aclose()

        try:
            while (result := runner.run(following())) is not None:
                yield result
        finally:
            runner.run(end())


async def _results(
    orders: Sequence[LeadOrder], patience: Patience, arriving: bool, meter: Meter | None
) -> AsyncGenerator[LeadResult, None]:
    waiting, running, failed = deque(orders), set[asyncio.Task[LeadResult]](), list[NoMirrorLeft]()
    mirrors = [mirror for order in orders for mirror in order.mirrors]
    async with open_places(mirrors, patience, REQUESTS_AT_ONCE, meter) as places:
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
                # One lead that no waiting brings is enough.
                raise next((error for error in failed if not error.passing), failed[0])
        finally:
            await _cancel(running)


async def _cancel(tasks: set[asyncio.Task[LeadResult]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _fetch(order: LeadOrder, places: Places, arriving: bool) -> LeadResult:
    """One lead: all its products, into one blob, or into one for each member that has a file of its own."""
    deadline = now() + places.patience.lead
    hauls: list[LeadHaul] = []
    late: list[str] = []
    try:
        with about(model=order.model, init_time=order.init_time, lead=order.lead):
            shared = [product for product in order.products if not product.files]
            if any(_target(order, product).slots() for product in shared):
                with _open(order, places, deadline, hauls) as haul:
                    for product in shared:
                        target = _target(order, product)
                        if target.slots() and not await ask(order, product, target, haul, arriving):
                            late.append(product.name)
            for product in order.products:
                if product.files and _target(order, product).slots():
                    await _members(order, product, places, deadline, hauls, arriving)
    except NotYet as error:
        spent, problems = sum(haul.bytes for haul in hauls), [problem for haul in hauls for problem in haul.problems]
        return LeadResult(order.lead, (), spent, (), (), tuple(dict.fromkeys(problems)), str(error))
    staged = {slot: message for haul in hauls for slot, message in haul.staged.items()}
    if order.box and staged:
        # While it is cut down the messages of other leads arrive.
        clipped = await asyncio.to_thread(_clip, order.box, order.whole, tuple(staged.values()))
        staged = dict(zip(staged, clipped, strict=True))
    missing = [row.name for product in order.products for row in _target(order, product).missing(staged)]
    return LeadResult(
        lead=order.lead,
        messages=tuple(staged.values()),
        bytes=sum(haul.bytes for haul in hauls),
        mirrors=tuple(dict.fromkeys(message.mirror for message in staged.values())),
        missing=tuple(missing),
        problems=tuple(dict.fromkeys(problem for haul in hauls for problem in haul.problems)),
        late=tuple(late),
    )


def _clip(box: Box, whole: tuple[str, ...], messages: Sequence[StagedMessage]) -> tuple[StagedMessage, ...]:
    # With the decoders come their compilers: 90 MB that whoever keeps whole maps does not pay while they arrive.
    from tasks.clip import clipper

    return clipper(box, whole).clip(messages)


@contextmanager
def _open(
    order: LeadOrder, places: Places, deadline: float, hauls: list[LeadHaul], file: str = ""
) -> Iterator[LeadHaul]:
    """A haul into a blob of its own, added to `hauls`. `file`: the member's, where there are several."""
    with Blob(order.folder / f"f{order.lead:03d}{file and '.' + file}.grib2") as blob:
        hauls.append(LeadHaul(blob, places, deadline))
        yield hauls[-1]


async def _members(
    order: LeadOrder, product: Product, places: Places, deadline: float, hauls: list[LeadHaul], arriving: bool
) -> None:
    """The files of all members, side by side. One that no mirror delivers makes a smaller ensemble.

    Those that no mirror has yet are waited for as `Patience.not_yet` has it; while the lead is `arriving` only once any
    has come. A member that was waited for in vain is asked for once at the leads that follow, until it comes again.
    Raises NoMirrorLeft where too few come, NotYet where none has come yet.
    """
    own: list[LeadHaul] = []
    files = dict(zip(product.apart(), product.files, strict=True))

    async def bring(file: Product, arriving: bool) -> NoMirrorLeft | None:
        try:
            with _open(order, places, deadline, own, files[file]) as haul:
                await ask(order, file, _target(order, file), haul, arriving)
        except NoMirrorLeft as error:
            # Its blob is gone.
            haul.staged.clear()
            return error
        return None

    try:
        lacking = await _all({file: bring(file, True) for file in files})
        waited = {file: error for file, error in lacking.items() if isinstance(error, NotYet)}
        if arriving and len(waited) == len(files):
            raise next(iter(waited.values()))
        lacking |= await _all({file: bring(file, False) for file in waited if file.path not in places.overdue})
        places.overdue |= {file.path for file in waited if lacking[file]}
        places.overdue -= {file.path for file in files if not lacking[file]}
    finally:
        hauls += own
    failed = {file: error for file, error in lacking.items() if error}
    if not failed:
        return
    words = f"{len(files) - len(failed)} of {len(files)} members came"
    staged = {slot for haul in own for slot in haul.staged}
    if any(row.required for row in _target(order, product).missing(staged)):
        first = next(iter(failed.values()))
        said = f"{order}: {words}, at least {product.at_least} are needed. {first}"
        raise (NotYet if arriving else NoMirrorLeft)(said, first.passing)
    own[0].problems.append(f"lead {order.lead}: {words}, not {', '.join(files[file] for file in failed)}")


async def _all(
    work: Mapping[Product, Coroutine[None, None, NoMirrorLeft | None]],
) -> dict[Product, NoMirrorLeft | None]:
    """What each came to; the first other error ends them all."""
    tasks = [asyncio.create_task(one) for one in work.values()]
    try:
        return dict(zip(work, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _target(order: LeadOrder, product: Product) -> Target:
    return Target.of(product, order.init_time, order.lead, order.wanted)
