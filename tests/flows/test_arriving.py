"""Runs that arrive while they are ingested, on a clock that jumps."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from deployments.simulator.server import Fault, Server, serve
from flows.lookout import look_at
from flows.report import Outcome
from flows.tail import PAUSE, probes
from storage.bucket import open_bucket
from storage.reader import Store
from storage.schema import Whole
from tasks.errors import NoMirrorLeft, NoRunFound
from tests.flows.port import LEADS, RUN, Killed, Port


def data(server: Server) -> list[str]:
    """The last parts of the paths of data files that were asked for, in order and each once."""
    return list(dict.fromkeys(path[-4:] for path in server.paths() if path[-4:].startswith("f0") and "pgrb2." in path))


def test_the_tail_is_waited_for_and_told(port: Port) -> None:
    port.at(250.5)
    with port.serving() as server:
        report = port.ingest(server)
    assert report.leads == list(LEADS)
    assert report.missing == []
    assert 280 <= port.minutes <= 280 + 2 * PAUSE / 60
    (said,) = [line for line in port.told if "waiting" in line]
    assert said == "gfs 2026-04-20T00Z: waiting for 1 of 5 leads (6) until 05:10Z; no mirror has them yet"
    assert port.left() == []
    # By the clock that arrival was waited for by, not by the machine's.
    assert port.published is not None
    assert port.published.published_at == port.clock.now()


def test_what_has_arrived_is_fetched_while_the_rest_is_waited_for(port: Port) -> None:
    port.at(250.5)
    fetched: list[list[str]] = []
    with port.serving() as server:
        port.hear = lambda text: fetched.append(data(server)) if "waiting" in text else None
        port.ingest(server)
    assert sorted(*fetched) == ["f000", "f001", "f002", "f003"]


def test_a_run_that_is_not_about_to_be_complete_is_not_waited_for(port: Port) -> None:
    port.at(245)
    with port.serving() as server, pytest.raises(NoRunFound, match="gfs 2026-04-20T00Z"):
        port.ingest(server)
    assert port.minutes == 245


def test_an_overdue_run_is_waited_for_if_it_has_begun(port: Port) -> None:
    port.at(281)
    with port.serving(late=25) as server:
        assert port.ingest(server).leads == list(LEADS)
        assert 305 <= port.minutes <= 305 + 2 * PAUSE / 60
    with port.serving(late=1000) as server, pytest.raises(NoRunFound):
        port.ingest(server, init_time=RUN)


def test_a_tail_that_never_comes_is_given_up_at_the_deadline_and_what_came_is_kept(port: Port) -> None:
    port.at(250.5)
    with port.serving(Fault("*.f006*", status=404)) as server:
        with pytest.raises(NoMirrorLeft) as raised:
            port.ingest(server)
        asked = len(server.asked)
        said = str(raised.value)
        assert said.startswith(
            "gfs 2026-04-20T00Z: 1 of 5 leads (6) had not arrived by 2026-04-20T05:10Z, the end of waiting. "
        )
        assert f"mirror1: {server.url}/gfs.20260420/00/atmos/gfs.t00z.pgrb2.0p25.f006.idx: HTTP 404" in said
        assert port.minutes == 310
        assert port.published is None
        server.faults = ()
        server.asked.clear()
        assert port.ingest(server).leads == list(LEADS)
        # The first lead has the static fields, of which none are kept yet.
        assert sorted(data(server)) == ["f000", "f006"]
    # The tail was looked for every few seconds for an hour, and not by each of its leads.
    assert asked < 60 * 60 / PAUSE * 2


@pytest.mark.parametrize("lead", ["f000", "f002"])
def test_a_hole_in_a_run_is_waited_for_like_its_tail(port: Port, lead: str) -> None:
    port.at(281)
    with port.serving(Fault(f"*.{lead}*", status=404, times=40)) as server:
        assert port.ingest(server).leads == list(LEADS)
    assert 281 < port.minutes < 310


def test_data_that_follow_their_index_late_are_waited_for_without_a_rush(port: Port) -> None:
    port.at(281)
    with port.serving(Fault("*pgrb2.0p25.f006", status=404, times=5)) as server:
        assert port.ingest(server).leads == list(LEADS)
        assert len(server.asked) < 60
    assert port.minutes >= 281 + 5 * PAUSE / 60


def test_a_mirror_that_stalls_does_not_hold_up_one_that_has_the_tail(port: Port) -> None:
    port.at(250.5)
    with port.serving() as good, serve(port.mirror, [Fault("*", status=503)]) as failing:
        # Each mirror's pauses count on this clock.
        assert port.ingest(failing, good, grace=10_000).leads == list(LEADS)


def test_a_folder_is_not_waited_for(port: Port, tmp_path: Path) -> None:
    port.at(281)
    place = tmp_path / "copy"
    shutil.copytree(port.mirror, place, ignore=shutil.ignore_patterns("*.f002*"))
    with pytest.raises(NoMirrorLeft, match="f002"):
        port.ingest(mirror=str(place))
    assert port.minutes == 281


STAGES = (1, 3)


def test_a_run_is_published_in_stages_and_no_message_is_fetched_twice(port: Port) -> None:
    with port.serving() as server:
        port.at(230.5)
        first = port.ingest(server, stages=STAGES)
        assert (first.leads, port.minutes) == ([0, 1], 230.5)
        assert port.published is not None
        assert port.published.last_lead == 60
        assert data(server) == ["f000", "f001"]
        assert "f001.grib2" in port.left()
        assert port.ingest(server, stages=STAGES).outcome is Outcome.ALREADY_PUBLISHED

        server.asked.clear()
        port.at(240.5)
        second = port.ingest(server, stages=STAGES)
        # Its last lead was waited for, as it was about to come.
        assert 250 <= port.minutes <= 250 + 2 * PAUSE / 60
        assert second.leads == [0, 1, 2, 3]
        assert data(server) == ["f002", "f003"]

        server.asked.clear()
        port.at(281)
        third = port.ingest(server, stages=STAGES)
        assert data(server) == ["f006"]
    assert third.leads == list(LEADS)
    assert [report.key for report in (first, second, third)] == [
        "gfs/20260420T0000Z.zarr.zip",
        "gfs/20260420T0000Z.g2.zarr.zip",
        "gfs/20260420T0000Z.g3.zarr.zip",
    ]
    assert [report.manifest["generation"] for report in (first, second, third)] == [1, 2, 3]
    assert port.left() == []


def test_one_ingest_goes_on_to_the_next_stage_when_that_is_about_to_come(port: Port) -> None:
    with port.serving() as server:
        port.at(240.5)
        report = port.ingest(server, stages=STAGES)
        assert report.leads == [0, 1, 2, 3]
        assert report.manifest["generation"] == 2
        assert [line for line in port.told if line == "gfs 2026-04-20T00Z"] == ["gfs 2026-04-20T00Z"] * 2


def test_a_complete_run_is_published_at_once_whatever_its_stages(port: Port) -> None:
    with port.serving() as server:
        port.at(300)
        report = port.ingest(server, stages=STAGES)
    assert report.leads == list(LEADS)
    assert report.manifest["generation"] == 1


def test_a_tail_that_never_comes_leaves_its_stage_published(port: Port) -> None:
    with port.serving(Fault("*.f006*", status=404)) as server:
        port.at(281)
        with pytest.raises(NoMirrorLeft, match=r"1 of 5 leads \(6\) had not arrived"):
            port.ingest(server, stages=STAGES)
    assert port.published is not None
    assert port.published.leads == 4
    # The last lead is expected after 280 minutes and waited for half an hour: from then on the look says so.
    assert port.published.whole == Whole(5, 310)
    for minutes, told in ((310, False), (311, True)):
        found = look_at(open_bucket(str(port.folder / "bucket")), "gfs", RUN + timedelta(minutes=minutes))
        assert ("4 of its 5 leads are published, up to 3 h" in (found.problem or "")) is told


def test_leads_that_were_asked_for_are_all_that_was_wanted(port: Port) -> None:
    with port.serving() as server:
        port.at(281)
        port.ingest(server, leads="0-2")
    assert port.published is not None
    assert (port.published.leads, port.published.whole) == (3, None)


def test_the_run_before_stays_behind_every_stage(port: Port, tmp_path: Path) -> None:
    """Readers fill what a stage lacks from it."""
    bucket = open_bucket(str(tmp_path / "bucket"))
    before = tmp_path / "bucket" / "gfs" / "20260419T1800Z.zarr.zip"
    with port.serving() as server:
        port.at(230.5)
        port.ingest(server, stages=STAGES)
        shutil.copy(before.with_name("20260420T0000Z.zarr.zip"), before)
        port.at(281)
        port.ingest(server, stages=STAGES)
    assert "gfs/20260419T1800Z.zarr.zip" in bucket.list()


@pytest.mark.parametrize("step", ["write", "check", "publish"])
@pytest.mark.parametrize("bbox", [None, "-20,30,40,60"])
def test_a_killed_stage_goes_on_where_it_stopped_on_the_same_machine_and_clean_on_another(
    port: Port, bbox: str | None, step: str
) -> None:
    """With a box what is staged are messages cut down to it, which are verified and kept as whole ones are."""
    with port.serving() as server:
        port.at(230.5)
        port.ingest(server, stages=STAGES, bbox=bbox)
        port.at(250.5)
        with pytest.raises(Killed):
            port.ingest(server, stages=STAGES, at=step, bbox=bbox)
        assert port.published is not None
        assert port.published.leads == 2

        server.asked.clear()
        here = port.ingest(server, stages=STAGES, bbox=bbox)
        assert here.leads == [0, 1, 2, 3]
        assert data(server) == []

        port.at(281)
        port.work = "another machine"
        there = port.ingest(server, stages=STAGES, bbox=bbox)
        assert there.leads == list(LEADS)
        assert data(server) == ["f000", "f001", "f002", "f003", "f006"]
        assert port.left() == []
        bucket = port.folder / "bucket"
        with Store.open(bucket / port.published.key) as killed:
            port.folder /= "aside"
            port.ingest(server, bbox=bbox)
            with Store.open(port.folder / "bucket" / port.published.key) as plain:
                assert killed.schema.grid == plain.schema.grid
                np.testing.assert_array_equal(killed.block(0, 0), plain.block(0, 0))


@pytest.mark.parametrize(("count", "expected"), [(1, [0]), (2, [1, 0]), (5, [4, 3, 1, 0]), (9, [8, 7, 3, 1, 0])])
def test_few_leads_tell_how_far_a_run_has_come(count: int, expected: list[int]) -> None:
    assert probes(range(count)) == expected
