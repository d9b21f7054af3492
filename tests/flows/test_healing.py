"""Messages that do not decode, though their frame, their identity and their headers are right."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from deployments.simulator.faults import FaultKind, FileFault, apply_faults, messages
from deployments.simulator.server import Server, serve
from flows.crew import Advance, PlainCrew
from flows.gfs import MODEL as GFS
from flows.ingest import SECOND_TRIES, ingest
from flows.report import IngestReport
from flows.request import IngestRequest
from flows.staging import in_order, throw_away
from tasks.errors import DecodeError, IncompleteRun
from tasks.wanted import Mirror, StagedMessage

pytestmark = pytest.mark.usefixtures("in_one_process")

T = TypeVar("T")

Asked = Callable[..., IngestRequest]
TEMPERATURE = 7
RUN = datetime(2026, 4, 20, tzinfo=UTC)


def spoil(file: Path) -> None:
    """Turn over what says how the values of 2 m temperature are grouped."""
    data = bytearray(file.read_bytes())
    at, end = list(messages(data))[TEMPERATURE]
    at += 16
    while data[at + 4] != 7:
        at += int.from_bytes(data[at : at + 4], "big")
    for place in range(at + 5, min(at + 100, end - 4)):
        data[place] ^= 0xFF
    file.write_bytes(data)


@pytest.fixture
def spoilt(mirror: Path, tmp_path: Path) -> Callable[..., Path]:
    """spoilt(leads): a copy of the mirror in which 2 m temperature of these leads does not decode."""

    def spoilt(*leads: int) -> Path:
        place = tmp_path / f"spoilt {leads}"
        shutil.copytree(mirror, place)
        for lead in leads:
            (file,) = place.rglob(f"*pgrb2.0p25.f{lead:03d}")
            spoil(file)
        return place

    return spoilt


@contextmanager
def served(*folders: Path) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(serve(folder)) for folder in folders]


@pytest.fixture
def bring(asked: Asked) -> Callable[..., IngestReport]:
    """bring(servers, tell): ingest from these, mirror1 first."""

    def bring(servers: list[Server], tell: Callable[[str], None] = lambda text: None) -> IngestReport:
        mirrors = tuple(Mirror(f"mirror{number}", server.url) for number, server in enumerate(servers, 1))
        return ingest(replace(GFS, mirrors=mirrors, static=()), asked(mirror=None), PlainCrew(tell))

    return bring


Bring = Callable[..., IngestReport]


def leads_asked(server: Server) -> list[str]:
    """Of the data files that were asked for, the leads, sorted."""
    return sorted({path[-4:] for path in server.paths() if not path.endswith(".idx")})


def test_the_lead_of_a_message_that_does_not_decode_comes_from_the_next_mirror(
    bring: Bring, spoilt: Callable[..., Path], mirror: Path
) -> None:
    told: list[str] = []
    with served(spoilt(2), mirror) as (bad, good):
        report = bring([bad, good], told.append)
        assert leads_asked(good) == ["f002"]
    assert report.leads == [0, 1, 2, 3, 6]
    assert report.mirrors == ["mirror1", "mirror2"]
    (said,) = [line for line in told if "cannot be decoded" in line]
    assert "air_temperature_2m at lead 2 h" in said
    assert said.endswith("the lead is fetched again, from another mirror than mirror1")


def test_many_broken_leads_heal_over_several_ingests(bring: Bring, spoilt: Callable[..., Path], mirror: Path) -> None:
    with served(spoilt(0, 1, 2, 3, 6), mirror) as servers:
        with pytest.raises(DecodeError, match="air_temperature_2m"):
            bring(servers)
        assert len(leads_asked(servers[1])) == SECOND_TRIES
        assert bring(servers).mirrors == ["mirror2"]


def test_where_no_mirror_is_left_the_next_ingest_fetches_it_again(
    bring: Bring, spoilt: Callable[..., Path], mirror: Path
) -> None:
    with served(spoilt(3)) as servers:
        with pytest.raises(DecodeError, match="air_temperature_2m at lead 3 h"):
            bring(servers)
        with pytest.raises(DecodeError, match="air_temperature_2m at lead 3 h"):
            bring(servers)
        servers[0].folder = mirror
        servers[0].asked.clear()
        assert bring(servers).leads == [0, 1, 2, 3, 6]
        assert leads_asked(servers[0]) == ["f003"]


class Ended(BaseException):
    """The end of an ingest when everything is staged."""


class Ending(PlainCrew):
    """A crew that ends so."""

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        if name == "write":
            raise Ended
        return super().step(name, work)


def test_a_lead_that_lacked_what_is_required_is_fetched_again_when_its_mirror_has_mended(
    bring: Bring, mirror: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(mirror, wrong)
    apply_faults(wrong, GFS, RUN, [FileFault(FaultKind.OTHER_RUN, 2)])
    with served(wrong) as servers:
        with pytest.raises(IncompleteRun, match="air_temperature_2m: 2;"):
            bring(servers)
        servers[0].folder = mirror
        servers[0].asked.clear()
        assert bring(servers).leads == [0, 1, 2, 3, 6]
        assert leads_asked(servers[0]) == ["f002"]


def test_what_went_bad_on_this_disk_is_fetched_again(asked: Asked, mirror: Path, tmp_path: Path) -> None:
    with served(mirror) as (server,):
        model, request = replace(GFS, mirrors=(Mirror("mirror1", server.url),), static=()), asked(mirror=None)
        with pytest.raises(Ended):
            ingest(model, request, Ending())
        (blob,) = (tmp_path / "work").rglob("f001.grib2")
        spoil_staged(blob)
        with pytest.raises(DecodeError, match="at lead 1 h"):
            ingest(model, request)
        server.asked.clear()
        assert ingest(model, request).leads == [0, 1, 2, 3, 6]
        assert leads_asked(server) == ["f001"]


def spoil_staged(blob: Path) -> None:
    """Turn over half of each message but its end mark."""
    data = bytearray(blob.read_bytes())
    for start, end in messages(bytes(data)):
        for place in range((start + end) // 2, end - 4):
            data[place] ^= 0xFF
    blob.write_bytes(data)


def test_who_delivered_a_broken_lead_is_asked_last_for_it_until_all_have(tmp_path: Path) -> None:
    mirrors = tuple(Mirror(name, f"https://{name}.test") for name in ("aws", "google", "nomads"))

    def broken(mirror: str) -> StagedMessage:
        for name in ("f012.grib2", "f012.json"):
            (tmp_path / name).write_text("x")
        return StagedMessage("rain", 720, (0, 720), str(tmp_path / "f012.grib2"), 0, 1, 0, "", mirror)

    def names(lead: int) -> list[str]:
        return [mirror.name for mirror in in_order(tmp_path, lead, mirrors)]

    assert names(12) == ["aws", "google", "nomads"]
    assert throw_away(broken("aws"), mirrors)
    assert [path.name for path in tmp_path.iterdir()] == ["f012.avoid.json"]
    assert names(12) == ["google", "nomads", "aws"]
    assert names(11) == ["aws", "google", "nomads"]
    assert throw_away(broken("google"), mirrors)
    assert names(12) == ["nomads", "aws", "google"]
    assert not throw_away(broken("nomads"), mirrors)
    assert names(12) == ["aws", "google", "nomads"]


@pytest.mark.parametrize("record", ["", "{", "7"])
def test_a_note_that_a_power_cut_left_is_not_believed(tmp_path: Path, record: str) -> None:
    (tmp_path / "f012.avoid.json").write_text(record)
    mirrors = (Mirror("aws", "https://aws.test"), Mirror("google", "https://google.test"))
    assert in_order(tmp_path, 12, mirrors) == mirrors
