from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import Absent, Interrupted, MirrorError, OutOfTime, Throttled
from tasks.mirrors import Patience, Place, Places, now
from tasks.transport import FolderTransport
from tasks.wanted import Mirror

FAR = 1e9


def place(name: str, per_minute: int | None = None) -> Place:

    return Place(Mirror(name, f"/{name}", per_minute), FolderTransport(Path("/")))


class Answers:
    """A request that fails with each of the errors in turn, then succeeds."""

    def __init__(self, *errors: MirrorError) -> None:
        self.errors = list(errors)
        self.count = 0

    async def __call__(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "got"


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def test_backoff_grows_to_a_limit_and_is_jittered() -> None:
    patience = Patience(first_delay=1.0, longest_delay=8.0)
    for attempt, limit in enumerate((1, 2, 4, 8, 8, 8)):
        delays = [patience.delay(attempt) for _ in range(200)]
        assert 0 <= min(delays) < limit / 4
        assert limit * 3 / 4 < max(delays) <= limit


def test_what_passes_is_tried_again_and_what_does_not_is_not(hasty: Patience) -> None:
    async def scenario() -> None:
        only = place("a")
        places = Places([only], hasty, 2)
        passing = Answers(Throttled("429"), Interrupted("reset"))
        assert await places.persist(only, now() + FAR, 0, passing) == "got"
        assert passing.count == 3
        assert places.meter.retries == {"a": 2}
        lasting = Answers(Absent("404"))
        with pytest.raises(Absent):
            await places.persist(only, now() + FAR, 0, lasting)
        assert lasting.count == 1
        assert places.meter.retries == {"a": 2}
        assert not only.is_aside

    run(scenario())


def test_a_mirror_that_fails_all_tries_is_asked_last(hasty: Patience) -> None:
    async def scenario() -> None:
        bad, good = place("bad"), place("good")
        places = Places([bad, good], hasty, 2)
        mirrors = (bad.mirror, good.mirror)
        assert places.in_order(mirrors) == [bad, good]
        with pytest.raises(Interrupted):
            await places.persist(bad, now() + FAR, 0, Answers(*[Interrupted("reset")] * 9))
        assert places.in_order(mirrors) == [good, bad]
        once = Answers(Interrupted("reset"))
        with pytest.raises(Interrupted):
            await places.persist(bad, now() + FAR, 0, once)
        assert once.count == 1

    run(scenario())


def test_a_long_retry_after_is_not_waited_for_while_another_mirror_is_left(hasty: Patience) -> None:
    async def scenario() -> None:
        busy, other = place("busy"), place("other")
        places = Places([busy, other], hasty, 2)
        with pytest.raises(Throttled):
            await places.persist(busy, now() + FAR, 0, Answers(Throttled("429", 3000.0)))
        assert busy.aside_until > now() + 2000

    run(scenario())


def test_a_retry_after_is_waited_for_and_not_beyond_the_deadline(hasty: Patience) -> None:
    async def scenario() -> None:
        only = place("a")
        places = Places([only], hasty, 2)
        begun = now()
        assert await places.persist(only, begun + FAR, 0, Answers(Throttled("429", 0.02))) == "got"
        assert now() - begun >= 0.02
        with pytest.raises(Throttled):
            await places.persist(only, now() + 10, 0, Answers(Throttled("429", 11.0)))

    run(scenario())


def test_a_deadline_cuts_a_request_and_what_happened_before_is_told(hasty: Patience) -> None:
    async def scenario() -> None:
        only = place("a")
        places = Places([only], hasty, 2)
        forever = asyncio.Event().wait
        with pytest.raises(OutOfTime):
            await places.persist(only, now() + 0.01, 0, forever)

        first = Answers(Throttled("HTTP 503"))

        async def then_forever() -> None:
            if first.errors:
                await first()
            await forever()

        with pytest.raises(Throttled, match="HTTP 503"):
            await places.persist(only, now() + 0.05, 0, then_forever)
        hurried = replace(hasty, connect=0.0, stall=0.01, bytes_per_second=1e9, tries=1)
        with pytest.raises(Interrupted, match="for 7 bytes") as raised:
            await Places([only], hurried, 2).persist(only, now() + FAR, 7, forever)
        assert type(raised.value) is Interrupted

    run(scenario())


def test_requests_at_once_are_bounded(hasty: Patience) -> None:
    async def scenario() -> int:
        only = place("a")
        places = Places([only], hasty, 3)
        running = most = 0

        async def request() -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            running -= 1

        await asyncio.gather(*[places.persist(only, now() + FAR, 0, request) for _ in range(20)])
        return most

    assert run(scenario()) == 3


def test_a_mirror_that_bears_little_is_asked_evenly() -> None:
    async def scenario() -> list[float]:
        slow = place("nomads", per_minute=12_000)
        turns = []
        for _ in range(4):
            await slow.turn()
            turns.append(now())
        return turns

    turns = run(scenario())
    # Two groups of leads share what the mirror bears: 6000 a minute each, one every 10 ms.
    assert turns[-1] - turns[0] >= 0.03
