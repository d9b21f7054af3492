"""Who is told what, how often: grouped, rate-limited, once for any number of tellers, and not forgotten by a kill."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from storage.bucket import Bucket, open_bucket
from storage.errors import Conflict
from storage.folder import FolderBucket
from tasks.incidents import Incident, Kind, Served, close_incident, open_incident
from tasks.ledger import LEDGER, read_ledger
from tasks.notice import Notice
from tasks.receivers import Channel, NotifyError, Webhook
from tasks.telling import BURST, LEASE, OWED_FOR, WINDOW, Told, tell_pending
from tests.tasks.teller import teller

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
HttpSink = Callable[..., AbstractContextManager[Any]]


class Ear(Channel):
    """A receiver in this process; `deaf`: it takes nothing."""

    def __init__(self, name: str = "ear") -> None:
        super().__init__(name)
        self.heard: list[Notice] = []
        self.deaf = False

    def send(self, notice: Notice) -> None:
        if self.deaf:
            raise NotifyError("deaf")
        self.heard.append(notice)

    @property
    def titles(self) -> list[str]:
        return [notice.title.removeprefix("windlass: ") for notice in self.heard]


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bucket") if request.param == "folder" else request.getfixturevalue("s3").base


@pytest.fixture
def bucket(url: str) -> Bucket:
    return open_bucket(url)


def incident(model: str = "gfs", kind: Kind = Kind.LATE, **fields: Any) -> Incident:
    return Incident(model=model, kind=kind, since=NOW, **{"reason": "nothing new", **fields})


def told(bucket: Bucket, *ears: Channel, after: timedelta = timedelta(0)) -> Told:
    return tell_pending(bucket, ears, lambda: NOW + after, lambda seconds: None)


def test_a_beginning_and_an_end_are_told_once_each(bucket: Bucket) -> None:
    ear = Ear()
    served = Served(run="gfs 2026-04-20T00Z", age_minutes=765, state="late")
    row = incident(served=served, run="gfs 2026-04-20T06Z", flow_run="id", link="http://ui/run", expected_next=NOW)
    open_incident(bucket, row)
    for _ in range(3):
        told(bucket, ear)
    assert ear.titles == ["gfs late"]
    text = ear.heard[0].text
    assert "gfs 2026-04-20T06Z late since 2026-04-20 12:00Z: nothing new" in text
    assert "still served: gfs 2026-04-20T00Z, 12 h 45 min old, late" in text
    assert "next run was due: 2026-04-20 12:00Z" in text
    assert "flow run: http://ui/run" in text
    fields = ear.heard[0].fields
    assert fields["state"] == "late"
    assert fields["run"] == "gfs 2026-04-20T06Z"
    assert fields["flow_run"] == "id"
    close_incident(bucket, "gfs", Kind.LATE, NOW + timedelta(minutes=90), "gfs 2026-04-20T06Z is served")
    for _ in range(3):
        told(bucket, ear)
    assert ear.titles == ["gfs late", "gfs no longer late"]
    assert "gfs recovered, was late since 2026-04-20 12:00Z for 1 h 30 min: gfs 2026-04-20T06Z" in ear.heard[1].text
    assert ear.heard[1].fields["state"] == "recovered"
    open_incident(bucket, incident())
    told(bucket, ear)
    assert ear.titles[2:] == ["gfs late"]


def test_what_is_seen_in_one_look_is_one_notice(bucket: Bucket) -> None:
    ear = Ear()
    for model in ("gfs", "ifs", "hrrr"):
        open_incident(bucket, incident(model))
    open_incident(bucket, incident("work", Kind.DISK))
    told(bucket, ear)
    assert len(ear.heard) == 1
    (title,) = ear.titles
    assert sorted(title.split("; ")[0].removesuffix(" late").split(", ")) == ["gfs", "hrrr", "ifs"]
    assert "work nearly full" in title
    assert ear.heard[0].text.count("\n- ") == 4
    assert len(ear.heard[0].fields["incidents"]) == 4


def test_a_storm_is_a_few_notices_and_one_with_a_list(bucket: Bucket) -> None:
    ear = Ear()
    for number in range(30):
        open_incident(bucket, incident(f"m{number}"))
        last = told(bucket, ear)
    assert len(ear.heard) == BURST
    assert last.waiting == 30 - BURST
    assert told(bucket, ear, after=WINDOW - timedelta(seconds=1)).waiting == 30 - BURST
    assert told(bucket, ear, after=WINDOW).waiting == 0
    assert len(ear.heard) == BURST + 1
    assert "and 7 more" in ear.heard[-1].text
    assert len(ear.heard[-1].fields["incidents"]) == 27


def test_what_was_over_before_anybody_could_be_told_is_one_line(bucket: Bucket) -> None:
    ear = Ear()
    open_incident(bucket, incident())
    close_incident(bucket, "gfs", Kind.LATE, NOW + timedelta(minutes=5), "a run came")
    told(bucket, ear)
    told(bucket, ear)
    assert len(ear.heard) == 1
    assert "(over since 2026-04-20 12:05Z: a run came)" in ear.heard[0].text
    assert ear.heard[0].fields["state"] == "recovered"


def test_what_ends_and_begins_again_before_its_end_was_told_never_ended(bucket: Bucket) -> None:
    ear = Ear()
    open_incident(bucket, incident())
    told(bucket, ear)
    for _ in range(3):
        close_incident(bucket, "gfs", Kind.LATE, NOW)
        open_incident(bucket, incident())
    told(bucket, ear)
    assert ear.titles == ["gfs late"]
    close_incident(bucket, "gfs", Kind.LATE, NOW)
    told(bucket, ear)
    assert ear.titles == ["gfs late", "gfs no longer late"]


def test_another_cause_is_told(bucket: Bucket) -> None:
    ear = Ear()
    for cause in ("wind", "wind", "rain"):
        open_incident(bucket, incident(kind=Kind.PARTIAL, cause=cause))
        told(bucket, ear)
    assert ear.titles == ["gfs incomplete"] * 2


def test_a_ledger_of_one_number_for_all_addresses_is_read_and_counted_on(bucket: Bucket) -> None:
    open_incident(bucket, incident())
    bucket.write(LEDGER, b'{"delivered_total": 7}')
    told(bucket, Ear("good"))
    assert read_ledger(bucket).delivered_total == {"good": 1}


def test_no_secret_of_an_error_is_told(bucket: Bucket) -> None:
    ear = Ear()
    open_incident(bucket, incident(reason="https://me:hunter2@example.org/?token=hunter2 said no"))
    told(bucket, ear)
    close_incident(bucket, "gfs", Kind.LATE, NOW, "s3://k:hunter2@b answers")
    told(bucket, ear)
    assert ear.titles == ["gfs late", "gfs no longer late"]
    kept = [bucket.read(key) for key in bucket.list("incidents/")]
    assert not [data for data in kept if b"hunter2" in data]
    assert any(b"https://...@example.org/?token=..." in data for data in kept)


def test_who_did_not_take_it_is_told_when_they_do_and_the_others_are_not_told_again(bucket: Bucket) -> None:
    good, bad = Ear("good"), Ear("bad")
    bad.deaf = True
    for number in range(2):
        open_incident(bucket, incident(f"m{number}"))
        done = told(bucket, good, bad)
        assert [(one.channel, one.delivered) for one in done.deliveries] == [("good", True), ("bad", False)]
    assert read_ledger(bucket).failed_total == {"bad": 2}
    assert read_ledger(bucket).delivered_total == {"good": 2}
    bad.deaf = False
    told(bucket, good, bad)
    told(bucket, good, bad)
    assert good.titles == ["m0 late", "m1 late"]
    assert bad.titles == ["2 notices held back until now: m0 late; m1 late"]
    assert "m0 late since" in bad.heard[0].text
    assert len(bad.heard[0].fields["incidents"]) == 2
    assert read_ledger(bucket).letters == []


def test_what_nobody_took_for_days_is_given_up(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    ear = Ear()
    ear.deaf = True
    open_incident(bucket, incident())
    told(bucket, ear)
    ear.deaf = False
    told(bucket, ear, after=OWED_FOR)
    assert ear.heard == []
    assert "gave up on telling ear: windlass: gfs late" in caplog.text


def test_without_an_address_nothing_is_marked_as_told(bucket: Bucket) -> None:
    ear = Ear()
    open_incident(bucket, incident())
    told(bucket)
    told(bucket, ear)
    assert ear.titles == ["gfs late"]


def test_tellers_at_once_tell_once(bucket: Bucket) -> None:
    ear = Ear()
    at_once = Barrier(6)

    def run(number: int) -> None:
        at_once.wait()
        open_incident(bucket, incident("gfs"))
        open_incident(bucket, incident(f"m{number % 2}"))
        told(bucket, ear)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))
    told(bucket, ear)
    models = [fact["model"] for notice in ear.heard for fact in notice.fields["incidents"]]
    assert sorted(models) == ["gfs", "m0", "m1"]


def test_what_opens_while_another_tells_is_told_by_that_one(bucket: Bucket) -> None:
    class Slow(Ear):
        def send(self, notice: Notice) -> None:
            super().send(notice)
            if len(self.heard) == 1:
                open_incident(bucket, incident("ifs"))
                assert told(bucket, self).busy

    ear = Slow()
    open_incident(bucket, incident())
    told(bucket, ear)
    assert ear.titles == ["gfs late", "ifs late"]


def test_what_opens_while_an_address_fails_is_owed_to_it_too(bucket: Bucket) -> None:
    class Slow(Ear):
        def send(self, notice: Notice) -> None:
            super().send(notice)
            open_incident(bucket, incident("ifs"))

    good, bad = Slow("good"), Ear("bad")
    bad.deaf = True
    open_incident(bucket, incident())
    told(bucket, good, bad)
    bad.deaf = False
    told(bucket, good, bad)
    assert good.titles == ["gfs late", "ifs late"]
    assert bad.titles == ["2 notices held back until now: gfs late; ifs late"]


@pytest.mark.parametrize(("point", "times"), [("opened", 1), ("claimed", 1), ("sent", 2)])
def test_killed_between_opening_and_telling_the_next_one_tells(
    url: str, http_sink: HttpSink, point: str, times: int
) -> None:
    """At least once: twice where the kill came between the receiver's answer and the note of it."""
    bucket = open_bucket(url)
    with http_sink() as sink:
        with teller(url, sink.url, point) as process:
            process.kill()
        hook = Webhook("hook", sink.url)
        if point != "opened":
            assert told(bucket, hook, after=LEASE - timedelta(seconds=1)).busy
        told(bucket, hook, after=LEASE)
        told(bucket, hook, after=LEASE)
    assert [body["title"] for body in sink.told] == ["windlass: gfs late"] * times


def test_processes_at_once_tell_once(url: str, http_sink: HttpSink) -> None:
    with http_sink() as sink:
        processes = [teller(url, sink.url, "start") for _ in range(3)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            with process:
                process.communicate()
                assert process.returncode == 0
    assert [body["title"] for body in sink.told] == ["windlass: gfs late"]


class Refusing(FolderBucket):
    """A store that answers every swap as if somebody else had been faster."""

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        raise Conflict(f"{self.url(key)} was written by somebody else")


def test_a_store_that_refuses_every_swap_ends_the_telling(tmp_path: Path) -> None:
    open_incident(open_bucket(str(tmp_path)), incident())
    with pytest.raises(Conflict, match=r"told\.json"):
        told(Refusing(tmp_path), Ear())
