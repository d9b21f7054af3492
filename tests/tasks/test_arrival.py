"""Looking out for leads on mirrors of the toy run, on a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments.simulator.clock import JumpingClock
from deployments.simulator.server import Fault, serve
from tasks.arrival import LONGEST_REST, PATIENCE, Lookout, Seen, Sought
from tasks.clock import Clock
from tasks.mirrors import open_places
from tasks.wanted import Mirror

PAUSE = 5.0


@dataclass
class Watch:
    """Who looks out: `clock` and what was told on the way."""

    toy: SimpleNamespace
    clock: JumpingClock
    told: list[str] = field(default_factory=list)
    pause: float = PAUSE

    def first(
        self, *mirrors: Mirror | str | Path, leads: Sequence[int] = (2,), minutes: float | None = 0.0, times: int = 1
    ) -> list[Seen | None]:
        """What is seen first of some leads of the toy run, so many times over, `minutes` at most each time."""
        places = [
            mirror if isinstance(mirror, Mirror) else Mirror(f"mirror{number}", str(mirror))
            for number, mirror in enumerate(mirrors, 1)
        ]
        sought = {Sought(self.toy.run, lead): self.pause for lead in leads}

        async def look() -> list[Seen | None]:
            async with open_places(places, PATIENCE, len(places)) as opened:
                lookout = Lookout(opened, places, self.toy.main, self.clock, self.told.append)
                return [await lookout.first(lambda: sought, self._until(minutes)) for _ in range(times)]

        return asyncio.run(asyncio.wait_for(look(), 60))

    def _until(self, minutes: float | None) -> object:
        return None if minutes is None else self.clock.now() + timedelta(minutes=minutes)


@pytest.fixture
def watch(toy: SimpleNamespace) -> Watch:
    return Watch(toy, JumpingClock(toy.run))


def leads_of(seen: list[Seen | None]) -> list[tuple[int, str] | None]:
    return [one and (one.sought.lead, one.mirror.name) for one in seen]


def test_what_is_there_is_seen_in_the_order_of_what_is_sought(watch: Watch, bucket: Path) -> None:
    assert leads_of(watch.first(bucket, leads=(7, 3, 2))) == [(3, "mirror1")]
    with serve(bucket) as server:
        assert leads_of(watch.first(server.url, leads=(7, 3, 2))) == [(3, "mirror1")]
    assert watch.clock.now() == watch.toy.run


def test_what_is_not_there_is_looked_for_until_the_end_and_no_longer(watch: Watch, bucket: Path) -> None:
    with serve(bucket) as server:
        assert watch.first(server.url, leads=(7,), minutes=1.0) == [None]
        assert watch.clock.now() == watch.toy.run + timedelta(minutes=1)
        # One look every pause, give or take the jitter.
        assert 60 / PAUSE / 1.2 <= len(server.asked) <= 60 / PAUSE / 0.8 + 2
    assert watch.told == []


def test_what_is_there_is_seen_on_the_machines_own_clock(bucket: Path, toy: SimpleNamespace) -> None:
    async def look() -> Seen | None:
        mirror = Mirror("mirror1", str(bucket))
        async with open_places([mirror], PATIENCE, 1) as places:
            clock = Clock()
            lookout = Lookout(places, [mirror], toy.main, clock)
            return await lookout.first(lambda: {Sought(toy.run, 2): 5.0}, clock.now())

    assert leads_of([asyncio.run(asyncio.wait_for(look(), 60))]) == [(2, "mirror1")]


def test_nothing_sought_asks_nobody(watch: Watch, bucket: Path) -> None:
    with serve(bucket) as server:
        assert watch.first(server.url, leads=()) == [None]
        assert server.asked == []


@pytest.mark.parametrize("status", [404, 403])
def test_a_file_that_appears_is_seen_at_the_next_look(watch: Watch, bucket: Path, status: int) -> None:
    with serve(bucket, [Fault("*main.f002.idx", status=status, times=30)]) as server:
        assert leads_of(watch.first(server.url, minutes=None)) == [(2, "mirror1")]
        assert len(server.asked) == 30 + 2
    assert watch.told == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("*", status=503, headers=(("Retry-After", "86400"),)),
        Fault("*", status=302, headers=(("Location", "/robots"),)),
        Fault("*", stall_after=0),
        Fault("*", latency=1e6),
        Fault("*", reset_after=0),
    ],
    ids=["failing", "bot wall", "stalling", "silent", "resetting"],
)
def test_a_mirror_that_does_not_deliver_holds_up_no_other(watch: Watch, bucket: Path, fault: Fault) -> None:
    with serve(bucket, [fault]) as bad, serve(bucket, [Fault("*", status=404, times=3)]) as good:
        assert leads_of(watch.first(bad.url, good.url, minutes=None)) == [(2, "mirror2")]


@pytest.mark.parametrize("lie", ["<html>come back later</html>", "", "of another run"])
def test_a_lie_is_no_sighting_and_is_not_read_again_until_it_changes(
    watch: Watch, bucket: Path, tmp_path: Path, toy: SimpleNamespace, lie: str
) -> None:
    index = bucket / toy.main.index_path(toy.run, 2)
    truth = index.read_text()
    index.write_text(truth.replace("2026042006", "2026042000") if lie == "of another run" else lie)
    with serve(bucket) as server:
        assert watch.first(server.url, minutes=10.0) == [None]
        assert len([one for one in server.asked if one.range is None]) <= 1
        (told,) = watch.told
        assert told.startswith(f"mirror1: {server.url}")
        index.write_text(truth)
        assert leads_of(watch.first(server.url)) == [(2, "mirror1")]


def test_a_mirror_that_keeps_failing_is_asked_less_and_less_and_told_once(watch: Watch, bucket: Path) -> None:
    with serve(bucket, [Fault("*", status=500)]) as server:
        assert watch.first(server.url, minutes=600.0) == [None]
        asked = len(server.asked)
        assert 600 * 60 / LONGEST_REST <= asked <= 2 * 600 * 60 / LONGEST_REST + 10
    (told,) = watch.told
    assert "HTTP 500; it is asked less often" in told


def test_a_mirror_that_recovers_is_told_and_asked_as_before(watch: Watch, bucket: Path) -> None:
    with serve(bucket, [Fault("*", status=500, times=3), Fault("*", status=404, times=20)]) as server:
        assert leads_of(watch.first(server.url, minutes=None)) == [(2, "mirror1")]
    assert len(watch.told) == 2
    assert watch.told[1] == "mirror1: answers again"


def test_what_is_sought_less_is_looked_for_less(watch: Watch, bucket: Path) -> None:
    sought = {Sought(watch.toy.run, 7): 5.0, Sought(watch.toy.run, 8): 300.0}

    async def look(url: str) -> None:
        mirror = Mirror("mirror1", url)
        async with open_places([mirror], PATIENCE, 1) as places:
            lookout = Lookout(places, [mirror], watch.toy.main, watch.clock)
            assert await lookout.first(lambda: sought, watch.clock.now() + timedelta(minutes=10)) is None

    with serve(bucket) as server:
        asyncio.run(asyncio.wait_for(look(server.url), 60))
        asked = [path.removesuffix(".idx")[-1] for path in server.paths()]
    assert 100 <= asked.count("7") <= 155
    assert 2 <= asked.count("8") <= 4


def test_a_limit_a_minute_leaves_room_for_fetching(watch: Watch, bucket: Path) -> None:
    watch.pause = 1e-4
    with serve(bucket) as server:
        nomads = Mirror("nomads", server.url, per_minute=60_000)
        assert watch.first(nomads, leads=(7,), minutes=1 / 60) == [None]
        # A tenth of a thousand a second.
        assert 50 <= len(server.asked) <= 100 / 0.8 + 2


def test_a_bell_ends_the_sleep(watch: Watch, bucket: Path, toy: SimpleNamespace) -> None:
    """On a clock on which nobody would wake by himself."""

    async def look() -> tuple[Seen | None, int]:
        looked: list[None] = []

        class Still(JumpingClock):
            async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
                looked.append(None)
                assert wake is not None
                await wake.wait()

        mirror = Mirror("mirror1", str(bucket))
        index = bucket / toy.main.index_path(toy.run, 2)
        truth = index.read_text()
        index.unlink()
        async with open_places([mirror], PATIENCE, 1) as places:
            lookout = Lookout(places, [mirror], toy.main, Still(toy.run))
            looking = asyncio.create_task(lookout.first(lambda: {Sought(toy.run, 2): PAUSE}))
            while not looked:
                await asyncio.sleep(0)
            index.write_text(truth)
            lookout.bell.ring()
            return await looking, len(looked)

    seen, looked = asyncio.run(asyncio.wait_for(look(), 60))
    assert leads_of([seen]) == [(2, "mirror1")]
    assert looked == 1
