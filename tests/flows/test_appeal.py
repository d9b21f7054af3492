"""Fields that the gate doubts, asked for again: what another mirror has, and what it costs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from deployments.simulator.server import Fault, Server, serve
from flows.appeal import PROBES, probes_of
from flows.crew import Advance, PlainCrew
from flows.gfs import MODEL as GFS
from flows.ingest import ingest
from flows.report import IngestReport
from flows.request import IngestRequest
from storage.folder import FolderBucket
from storage.manifest import read_manifest
from storage.record import read_record
from tasks.errors import GateFailed, RefusedBefore
from tasks.refusal import read_refusal
from tasks.wanted import Mirror
from tests.flows.values import Values, rewrite

pytestmark = pytest.mark.usefixtures("in_one_process")

T = TypeVar("T")
RUN = datetime(2026, 4, 20, tzinfo=UTC)
WARM = "air_temperature_2m"


@dataclass(frozen=True)
class Counting(PlainCrew):
    """Counts the steps it does."""

    steps: list[str] = field(default_factory=list)

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        self.steps.append(name)
        return super().step(name, work)


def zero(values: Values) -> Values:
    return np.zeros_like(values)


def is_warm(line: str) -> bool:
    return ":TMP:2 m above ground:" in line


def is_number(line: str) -> bool:
    """Zeros are right for categories."""
    return not any(name in line for name in (":CSNOW:", ":CICEP:", ":CFRZR:", ":CRAIN:"))


@dataclass
class Coast:
    """Mirrors, a bucket and a work folder. `told`: what the crew said at the last ingest, `steps`: what it did."""

    folder: Path
    mirror: Path
    told: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    work: str = "work"

    def copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.mirror, self.folder / name))

    def spoilt(self, name: str, *leads: int, which: Callable[[str], bool] = is_warm) -> Path:
        """A copy of the mirror with zeros at some leads."""
        copy = self.copy(name)
        for lead in leads:
            for file in copy.rglob(f"*.0p25.f{lead:03d}"):
                rewrite(file, zero, which)
        return copy

    @contextmanager
    def served(self, *folders: Path) -> Iterator[list[Server]]:
        with ExitStack() as stack:
            yield [stack.enter_context(serve(folder)) for folder in folders]

    def ingest(self, servers: list[Server], **fields: object) -> IngestReport:
        """Ingest from these, mirror1 first."""
        self.told.clear()
        self.steps.clear()
        for server in servers:
            server.asked.clear()
        mirrors = tuple(Mirror(f"mirror{number}", server.url) for number, server in enumerate(servers, 1))
        usual = {"leads": "0-3,6", "bucket": str(self.folder / "bucket"), "work": self.folder / self.work, "now": RUN}
        request = IngestRequest.model_validate(usual | fields)
        return ingest(replace(GFS, mirrors=mirrors), request, Counting(self.told.append, steps=self.steps))

    @property
    def bucket(self) -> FolderBucket:
        return FolderBucket(self.folder / "bucket")

    @property
    def refusals(self) -> list[str]:
        return [key for key in self.bucket.list("gfs/") if key.endswith(".refused.json")]


@pytest.fixture
def coast(tmp_path: Path, mirror: Path) -> Coast:
    return Coast(tmp_path, mirror)


def leads_asked(server: Server) -> list[str]:
    """Of the data files that were asked for, the leads, sorted."""
    return sorted({path[-4:] for path in server.paths() if not path.endswith(".idx")})


def test_a_field_that_rotted_on_one_mirror_comes_from_another(coast: Coast) -> None:
    with coast.served(coast.spoilt("rotten", 2), coast.mirror) as (rotten, sound):
        report = coast.ingest([rotten, sound])
        assert leads_asked(sound) == ["f002"]
    assert report.withheld == {}
    assert report.mirrors == ["mirror1", "mirror2"]
    assert coast.steps.count("write") == 2
    assert any("mirror2 has other bytes of what the gate doubts" in line for line in coast.told)
    assert report.groups[0].mirrors == ["mirror1", "mirror2"]
    record = read_record(coast.bucket, "gfs")
    assert record is not None
    assert record.totals.traffic.bytes == report.bytes
    assert record.totals.traffic.messages == report.messages + 1


def test_a_field_that_all_mirrors_have_alike_is_withheld_and_not_decoded_twice(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 2)
    with coast.served(rotten, rotten, coast.mirror) as servers:
        report = coast.ingest(servers)
        assert [leads_asked(server) for server in servers[1:]] == [["f002"], []]
    assert list(report.withheld) == [WARM]
    assert coast.steps.count("write") == 1
    assert f"{WARM} at lead 2 h: mirror2 has the same bytes of what the gate doubts" in coast.told


def test_other_bytes_that_are_no_better_are_withheld(coast: Coast) -> None:
    other = coast.copy("other")
    (file,) = other.rglob("*pgrb2.0p25.f002")
    rewrite(file, lambda values: values - 273.15, is_warm)
    with coast.served(coast.spoilt("rotten", 2), other, coast.mirror) as servers:
        report = coast.ingest(servers)
        assert leads_asked(servers[2]) == []
    assert list(report.withheld) == [WARM]
    assert coast.steps.count("write") == 2


def test_without_another_mirror_that_answers_a_field_is_withheld(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 2)
    with coast.served(rotten) as servers:
        assert list(coast.ingest(servers).withheld) == [WARM]
    with coast.served(rotten, coast.mirror) as servers:
        servers[1].faults = [Fault("*", status=403)]
        assert list(coast.ingest(servers, force=True).withheld) == [WARM]
    assert coast.steps.count("write") == 1


def test_a_run_that_is_refused_on_one_mirror_is_published_from_another(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    with coast.served(rotten, coast.mirror) as servers:
        report = coast.ingest(servers)
    assert report.withheld == {}
    assert "mirror2" in report.mirrors
    assert coast.refusals == []


def test_what_all_mirrors_have_alike_is_refused_once_and_then_costs_nothing(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    with coast.served(rotten, rotten) as servers:
        with pytest.raises(GateFailed, match="would be withheld") as raised:
            coast.ingest(servers)
        assert not isinstance(raised.value, RefusedBefore)
        assert coast.refusals == ["gfs/20260420T0000Z.refused.json"]

        coast.work = "another machine"
        with pytest.raises(RefusedBefore, match=r"mirror1, mirror2.*--force.*--no-gate.*would be withheld"):
            coast.ingest(servers)
        assert "write" not in coast.steps
        # One byte of a few files, of each mirror.
        looks = [asked for server in servers for asked in server.asked if not asked.path.endswith(".idx")]
        assert {asked.range for asked in looks} == {"bytes=0-0"}
        assert len(looks) <= 2 * 2 * PROBES

        with pytest.raises(GateFailed, match="Nothing was published") as raised:
            coast.ingest(servers, force=True)
        assert not isinstance(raised.value, RefusedBefore)
        assert coast.steps.count("write") == 1

        assert coast.ingest(servers, no_gate=True).gate[0].startswith("gate: it was off")
    assert coast.refusals == []


def test_a_mirror_that_comes_back_with_other_bytes_is_tried_first(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    with coast.served(rotten, coast.mirror) as servers:
        servers[1].faults = [Fault("*", status=403)]
        with pytest.raises(GateFailed):
            coast.ingest(servers)
        with pytest.raises(RefusedBefore, match="the same: mirror1"):
            coast.ingest(servers)
        servers[1].faults = []
        report = coast.ingest(servers)
    assert report.mirrors == ["mirror2"]
    assert coast.steps.count("write") == 1
    assert any("mirror2 has other bytes of it: it is tried with those" in line for line in coast.told)
    assert coast.refusals == []


def test_a_mirror_that_comes_back_with_the_same_bytes_is_known_from_then_on(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    with coast.served(rotten, coast.copy("copy")) as servers:
        shutil.copytree(rotten, coast.folder / "copy", dirs_exist_ok=True)
        servers[1].faults = [Fault("*", status=403)]
        with pytest.raises(GateFailed):
            coast.ingest(servers)
        servers[1].faults = []
        with pytest.raises(RefusedBefore, match="the same: mirror1, mirror2"):
            coast.ingest(servers)
        assert "write" not in coast.steps
        refusal = read_refusal(coast.bucket, "gfs", RUN)
        assert refusal is not None
        assert set(refusal.marks) == {"mirror1", "mirror2"}


def test_a_run_that_was_mended_where_it_lies_is_published(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    with coast.served(rotten) as servers:
        with pytest.raises(GateFailed):
            coast.ingest(servers)
        shutil.copytree(coast.mirror, rotten, dirs_exist_ok=True)
        report = coast.ingest(servers)
    assert report.withheld == {}
    assert coast.steps.count("write") == 1
    assert read_manifest(coast.bucket, "gfs") is not None


def test_another_question_is_not_refused_before(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    with coast.served(rotten) as servers:
        with pytest.raises(GateFailed):
            coast.ingest(servers)
        with pytest.raises(GateFailed) as raised:
            coast.ingest(servers, leads="0-3")
        assert not isinstance(raised.value, RefusedBefore)


def test_a_spoiled_note_of_a_refusal_is_told_and_replaced(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    coast.bucket.write("gfs/20260420T0000Z.refused.json", b"{}")
    with coast.served(rotten) as servers:
        with pytest.raises(GateFailed):
            coast.ingest(servers)
        assert any("holds no refusal" in line for line in coast.told)
        with pytest.raises(RefusedBefore):
            coast.ingest(servers)


def test_a_refusal_that_cannot_be_remembered_is_told_all_the_same(coast: Coast) -> None:
    rotten = coast.spoilt("rotten", 0, 1, 2, 3, 6, which=is_number)
    # A folder where the note should be.
    (coast.folder / "bucket" / "gfs" / "20260420T0000Z.refused.json" / "below").mkdir(parents=True)
    with coast.served(rotten) as servers, pytest.raises(GateFailed, match=r"would be withheld.*not be remembered"):
        coast.ingest(servers, force=True)


@pytest.mark.parametrize(("count", "leads"), [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (200, [0, 66, 132, 199])])
def test_a_few_leads_stand_for_many(count: int, leads: list[int]) -> None:
    fields = [(name, lead) for name in ("rain", "warmth") for lead in range(count)]
    assert probes_of(fields) == [(name, lead) for name in ("rain", "warmth") for lead in leads]
