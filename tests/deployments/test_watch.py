"""The watch over a model whose runs arrive on a server, on a clock that jumps. Its mirror holds indexes only."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from deployments.simulator.clock import JumpingClock
from deployments.simulator.server import Fault, Server, serve
from deployments.watch.goals import NOTHING, Goal, goals
from deployments.watch.pace import DENSE, EARLY, OPENS, SPARSE, pause
from deployments.watch.tellers import TellFailed
from deployments.watch.watch import LONGEST_RETRY, RETRY, Watch
from storage.manifest import manifest_key
from tasks.wanted import Mirror
from tests.deployments.tower import INIT_TIMES, LEADS, MODEL, RUN, Stop, Tower, Worker, begun, minutes_of


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror of INIT_TIMES without any data. Not to be written."""
    folder = tmp_path_factory.mktemp("indexes")
    product = MODEL.products[0]
    for init_time in INIT_TIMES:
        for lead in LEADS:
            window = f"{lead} hour fcst" if lead else "anl"
            path = folder / product.index_path(init_time, lead)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"1:0:d={init_time:%Y%m%d%H}:TMP:2 m above ground:{window}:\n")
    return folder


@pytest.fixture
def tower(tmp_path: Path, indexes: Path) -> Tower:
    return Tower(tmp_path, indexes, JumpingClock(RUN))


def test_each_stage_is_told_once_within_seconds_of_its_sign(tower: Tower) -> None:
    begun(tower)
    with tower.serving() as server:
        heard = tower.watch(server, act=tower.publish, until=700)
        asked = len(server.asked)
    # 2 h is expected 20 minutes after 0 h, 6 h half an hour after 3 h: their heralds are 1 h and 3 h.
    assert [what for what, _ in heard] == ["20T00 2", "20T00 6", "20T06 2", "20T06 6"]
    signs = [minutes_of(0, 1), minutes_of(0, 3), minutes_of(6, 1), minutes_of(6, 3)]
    for (_, told), sign in zip(heard, signs, strict=True):
        assert sign <= told <= sign + 1.2 * DENSE / 60 + 0.01
    # Ten minutes before each of the four and none but sparse looks at other times.
    dense = 4 * EARLY.total_seconds() / DENSE / 0.8 + 2 * 4 * 10
    assert asked < 2.5 * dense
    assert [line for line in tower.said if " is on " in line] == [
        f"gfs 2026-04-{what}"
        for what in (
            "20T00Z leads 0-2: lead 1 is on mirror1",
            "20T00Z leads 0-3,6: lead 3 is on mirror1",
            "20T06Z leads 0-2: lead 1 is on mirror1",
            "20T06Z leads 0-3,6: lead 3 is on mirror1",
        )
    ]


def test_who_begins_late_tells_the_newest_and_longest_only(tower: Tower) -> None:
    tower.clock.jump(600 * 60)
    with tower.serving() as server:
        assert [what for what, _ in tower.watch(server, act=tower.publish, until=630)] == ["20T06 2", "20T06 6"]


def test_killed_before_anybody_published_it_tells_again_and_killed_after_it_does_not(tower: Tower) -> None:
    def kill(goal: Goal) -> None:
        raise Stop

    def publish_and_die(goal: Goal) -> None:
        tower.publish(goal)
        raise Stop

    begun(tower)
    with tower.serving() as server:
        first = tower.watch(server, act=kill, until=1000)
        second = tower.watch(server, act=publish_and_die, until=1000)
        third = tower.watch(server, act=tower.publish, until=300)
    assert [what for what, _ in first] == [what for what, _ in second] == ["20T00 2"]
    assert second[0][1] - first[0][1] < 0.1
    assert [what for what, _ in third] == ["20T00 6"]


def test_what_was_told_and_is_not_published_is_told_again_less_and_less(tower: Tower) -> None:
    begun(tower)
    with tower.serving() as server:
        heard = tower.watch(server, act=lambda goal: None, until=minutes_of(0, 3) + 170)
    told = [minutes for what, minutes in heard if what == "20T00 6"]
    gaps = [later - sooner for sooner, later in pairwise(told)]
    assert gaps == pytest.approx([15, 30, 60, 60])


def test_what_another_published_is_not_told(tower: Tower) -> None:
    begun(tower)
    with tower.serving() as server:
        assert tower.watch(server, act=tower.publish, until=225) == []
        begun(tower, RUN)
        assert tower.watch(server, act=tower.publish, until=400) == []


def test_a_server_that_cannot_be_told_is_tried_until_it_answers(tower: Tower) -> None:
    begun(tower)
    answers_at = minutes_of(0, 3) + 60

    def fail(goal: Goal) -> None:
        if (tower.clock.now() - RUN) / timedelta(minutes=1) < answers_at:
            raise TellFailed("the Prefect server is gone")
        tower.publish(goal)

    with tower.serving() as server:
        heard = tower.watch(server, act=fail, until=answers_at + 10)
    assert heard[-1][0] == "20T00 6"
    assert answers_at <= heard[-1][1] <= answers_at + LONGEST_RETRY / 60 + 2
    first, second, *_ = (minutes for what, minutes in heard if what == "20T00 6")
    assert second - first <= 2 * RETRY / 60
    assert any(line.endswith("the Prefect server is gone") for line in tower.said)


def test_a_bucket_that_cannot_be_read_is_said_once_and_what_arrived_is_told_when_it_can(tower: Tower) -> None:
    tower.bucket.write(manifest_key("gfs"), b"garbage")
    with tower.serving() as server:
        tower.clock.jump(300 * 60)
        assert tower.watch(server, act=tower.publish, until=320) == []
        assert len([line for line in tower.said if "not a valid manifest" in line]) == 1
        begun(tower)
        assert [what for what, _ in tower.watch(server, act=tower.publish, until=330)] == ["20T00 6"]


def test_a_run_that_never_comes_is_said_and_the_next_is_told(tower: Tower) -> None:
    begun(tower)
    with tower.serving(Fault("gfs.20260420/00/*", status=404)) as server:
        heard = tower.watch(server, act=tower.publish, until=minutes_of(6, 3) + 1)
    assert [what for what, _ in heard] == ["20T06 2", "20T06 6"]
    late = [line for line in tower.said if "overdue" in line]
    assert late == [
        "gfs 2026-04-20T00Z leads 0-2: overdue, lead 1 is on no mirror; looking goes on",
        "gfs 2026-04-20T00Z leads 0-3,6: overdue, lead 3 is on no mirror; looking goes on",
    ]


def test_after_an_outage_of_two_days_the_newest_run_is_told_without_a_hand(tower: Tower) -> None:
    begun(tower)
    back = RUN + timedelta(days=2, minutes=7)
    place = tower.folder / "mirror"
    place.mkdir()
    looks = 0

    def recover() -> None:
        nonlocal looks
        looks += 1
        if tower.clock.now() >= back and not any(place.iterdir()):
            # Of the runs after that of the 21st 18Z nothing is there yet.
            shutil.copytree(tower.mirror, place, ignore=shutil.ignore_patterns("gfs.2026042[2-9]"), dirs_exist_ok=True)

    heard = tower.watch(place, act=tower.publish, until=2 * 1440 + 30, tick=recover)
    assert heard[0][0] == "21T18 6"
    assert 2 * 1440 + 7 <= heard[0][1] <= 2 * 1440 + 7 + SPARSE / 60 * 1.3
    # Not every five seconds for two days.
    assert looks < 2 * 86400 / DENSE / 2


def test_one_mirror_that_fails_delays_nothing(tower: Tower) -> None:
    tower.clock = JumpingClock(RUN, sleepers=2)
    begun(tower)
    with tower.serving() as good, serve(tower.mirror, [Fault("*", status=503)]) as failing:
        heard = tower.watch(failing, good, act=tower.publish, until=1000)
    assert [what for what, _ in heard[:2]] == ["20T00 2", "20T00 6"]
    assert "is on mirror2" in "".join(tower.said)


def test_a_notice_is_looked_after_at_once_and_not_believed(tower: Tower) -> None:
    """On a clock that stands still an hour and more before anybody would look."""
    begun(tower)
    product = MODEL.products[0]
    asleep: list[None] = []

    class Still(JumpingClock):
        async def sleep(self, seconds: float, wake: asyncio.Event | None = None) -> None:
            asleep.append(None)
            assert wake is not None
            await wake.wait()

    def kill(goal: Goal) -> None:
        raise Stop

    async def run(server: Server) -> list[tuple[str, float]]:
        clock = Still(RUN + timedelta(minutes=100))
        worker = Worker(clock, kill)
        watch = Watch(MODEL, [Mirror("mirror1", server.url)], tower.bucket, worker, clock, tower.said.append)
        running = asyncio.create_task(watch.run())

        async def slept(times: int) -> None:
            while len(asleep) < times:
                await asyncio.sleep(0)

        await slept(1)
        assert server.asked == []
        watch.hear("gfs.20260420/00/atmos/gfs.t00z.pgrb2.0p25.f001.not.idx")
        watch.hear(product.index_path(RUN, 1))
        await slept(2)
        assert len(server.asked) == 1
        server.faults = ()
        watch.hear(product.data_path(RUN, 1))
        with pytest.raises(Stop):
            await running
        return worker.heard

    with serve(tower.mirror, [Fault("*", status=404)]) as server:
        assert asyncio.run(asyncio.wait_for(run(server), 60)) == [("20T00 2", 100.0)]


def test_what_is_looked_for_next_is_said(tower: Tower) -> None:
    begun(tower)
    with tower.serving() as server:
        tower.watch(server, act=tower.publish, until=300)
    assert [line for line in tower.said if "expected" in line or "nothing" in line] == [
        "gfs 2026-04-20T00Z leads 0-2: lead 1 is expected at 03:50Z",
        "gfs 2026-04-20T00Z leads 0-3,6: lead 3 is expected at 04:10Z",
        "gfs: nothing is missing",
    ]


def test_a_hole_where_the_herald_should_be_hides_no_run(tower: Tower) -> None:
    begun(tower)
    with tower.serving(Fault("*00/atmos/*.f003.idx", status=404)) as server:
        heard = tower.watch(server, act=tower.publish, until=300)
    assert [what for what, _ in heard] == ["20T00 2", "20T00 6"]
    assert minutes_of(0, 6) <= heard[1][1] <= minutes_of(0, 6) + 1


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        (-timedelta(days=1), SPARSE),
        (-OPENS, SPARSE),
        (-EARLY - timedelta(seconds=90), 90.0),
        (-EARLY - timedelta(seconds=1), DENSE),
        (-EARLY, DENSE),
        (timedelta(0), DENSE),
        (timedelta(minutes=5), DENSE),
        (timedelta(minutes=30), 30.0),
        (timedelta(hours=2), 120.0),
        (timedelta(days=2), SPARSE),
    ],
)
def test_looks_are_dense_around_the_time_and_sparse_otherwise(after: timedelta, seconds: float) -> None:
    assert pause(RUN + after, RUN) == pytest.approx(seconds)


def test_goals_are_what_is_not_published_newest_and_longest_first() -> None:
    now = RUN + timedelta(hours=7)

    def named(published: tuple[datetime, int]) -> list[str]:
        return [f"{goal.init_time:%H} {goal.leads[-1]} {goal.sign}" for goal in goals(MODEL, now, published)]

    assert named(NOTHING) == ["06 6 3", "06 2 1", "00 6 3", "00 2 1", "18 6 3", "18 2 1"]
    assert named((RUN, 3)) == ["06 6 3", "06 2 1", "00 6 3"]
    assert named((RUN + timedelta(hours=6), 5)) == []
    first, *_ = goals(MODEL, now, NOTHING)
    assert first.payload() == {"init_time": "2026-04-20T06:00Z", "leads": "0-3,6", "complete": True}
    assert not goals(MODEL, now, NOTHING)[1].complete
