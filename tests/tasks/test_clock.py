from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from time import monotonic

import pytest

from deployments.simulator.clock import JumpingClock
from tasks.clock import Clock, FastClock, parse_clock

START = datetime(2026, 4, 20, 3, 30, tzinfo=UTC)


def test_a_fast_clock_is_the_same_wherever_it_is_read() -> None:
    clock = FastClock(START, 60.0, monotonic() - 10.0)
    assert clock.now() >= START.replace(minute=40)
    again = parse_clock(str(clock))
    assert (again.start, again.speed, again.began) == (clock.start, clock.speed, pytest.approx(clock.began, abs=1e-3))


@pytest.mark.parametrize("text", ["", "now", "2026-04-20T03:30:00,60", "2026-04-20T03:30:00,fast,0"])
def test_a_clock_that_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read the clock"):
        parse_clock(text)


@pytest.mark.parametrize(
    "clock", [Clock(), FastClock(START), JumpingClock(START)], ids=lambda clock: type(clock).__name__
)
def test_who_is_woken_does_not_sleep_on(clock: Clock) -> None:
    async def woken() -> None:
        wake = asyncio.Event()
        wake.set()
        await clock.sleep(1e6, wake)

    asyncio.run(asyncio.wait_for(woken(), 60))


def test_a_fast_clock_sleeps_so_much_less() -> None:
    asyncio.run(asyncio.wait_for(FastClock(START, 1e9).sleep(1e6), 60))


def test_no_time_passes_on_a_jumping_clock_but_what_is_waited_for() -> None:
    clock = JumpingClock(START)
    assert clock.now() == clock.now() == START
    asyncio.run(clock.sleep(600.0))
    assert clock.now() == START.replace(minute=40)


def test_of_several_sleepers_each_wakes_at_its_own_time_on_a_jumping_clock() -> None:
    clock = JumpingClock(START, sleepers=2)
    woken: list[tuple[str, float]] = []

    async def sleep(name: str, *pauses: float) -> None:
        for pause in pauses:
            await clock.sleep(pause)
            woken.append((name, (clock.now() - START).total_seconds()))

    async def both() -> None:
        often = asyncio.create_task(sleep("often", 5, 5, 5))
        seldom = asyncio.create_task(sleep("seldom", 12, 100))
        await often
        seldom.cancel()
        await asyncio.gather(seldom, return_exceptions=True)

    asyncio.run(asyncio.wait_for(both(), 60))
    assert woken == [("often", 5), ("often", 10), ("seldom", 12), ("often", 15)]
