"""RTMA: an analysis every quarter of an hour, which index lines do not tell apart."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.simulator.run import simulate_run
from deployments.watch.goals import goals
from deployments.watch.pace import DENSE, SPARSE, pause
from flows.ingest import ingest
from flows.lookout import look_at
from flows.report import IngestReport
from flows.request import IngestRequest
from flows.rtma import MODEL as RTMA
from flows.rtma import NDFD
from storage.bucket import open_bucket
from storage.freshness import Age, age_of
from storage.grids import Window
from storage.manifest import read_manifest
from storage.reader import Store
from tasks.errors import IncompleteRun

pytestmark = pytest.mark.usefixtures("in_one_process")

HOUR = datetime(2026, 4, 20, 6, tzinfo=UTC)
GRID = NDFD.crop(Window(NDFD.ny - 14, 14, 0, 17))
QUARTERS = [HOUR + timedelta(minutes=minutes) for minutes in (0, 15, 30, 45)]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four analyses of an hour, as its public bucket has them. Not to be written."""
    folder = tmp_path_factory.mktemp("rtma")
    for init_time in QUARTERS:
        simulate_run(folder, RTMA, init_time, (0,), GRID)
    return folder


def brought(mirror: Path, folder: Path, **asked: Any) -> IngestReport:
    request = {"mirror": str(mirror), "bucket": str(folder / "bucket"), "work": folder / "work", **asked}
    return ingest(RTMA, IngestRequest.model_validate(request))


def test_files_and_lines_are_those_of_the_bucket(mirror: Path) -> None:
    file = mirror / "rtma2p5_ru.20260420" / "rtma2p5_ru.t0615z.2dvaranl_ndfd.grb2"
    assert file.is_file()
    lines = Path(f"{file}.idx").read_text().splitlines()
    assert all(line.split(":")[2] == "d=2026042006" for line in lines)
    assert any(line.endswith(":TMP:2 m above ground:anl:") for line in lines)


def test_the_newest_quarter_is_brought_by_its_index(mirror: Path, tmp_path: Path) -> None:
    report = brought(mirror, tmp_path, now=HOUR + timedelta(minutes=71))
    assert report.init_time == QUARTERS[3]
    assert (report.missing, report.problems, report.messages) == ([], [], len(RTMA.wanted))
    assert "2026-04-20T06:45Z published as rtma/20260420T0645Z.zarr.zip" in report.in_words()
    with Store.open(tmp_path / "bucket" / report.key) as store:
        assert store.schema.lead_times == (0,)
        assert store.schema.traits == ("analysis",)
        assert store.schema.whole is not None
        assert store.schema.whole.leads == 1
        assert set(store.schema.names) == {row.name for row in RTMA.wanted}


def test_an_hour_of_quarters_leaves_the_last_two(mirror: Path, tmp_path: Path) -> None:
    for init_time in QUARTERS:
        brought(mirror, tmp_path, now=init_time + timedelta(minutes=26))
    stores = sorted(path.name for path in (tmp_path / "bucket" / "rtma").glob("*.zarr.zip"))
    assert stores == ["20260420T0630Z.zarr.zip", "20260420T0645Z.zarr.zip"]


def test_the_file_of_another_quarter_is_told_by_its_messages(mirror: Path, tmp_path: Path) -> None:
    """Its index says the same to the letter."""
    swapped = tmp_path / "mirror"
    shutil.copytree(mirror, swapped)
    folder = swapped / "rtma2p5_ru.20260420"
    right, wrong = (folder / f"rtma2p5_ru.t06{quarter}z.2dvaranl_ndfd.grb2" for quarter in ("15", "30"))
    assert Path(f"{right}.idx").read_bytes() == Path(f"{wrong}.idx").read_bytes()
    shutil.copy(wrong, right)
    with pytest.raises(
        IncompleteRun, match=r"rtma 2026-04-20T06:15Z is incomplete.*after 2026-04-20T06:30Z instead of"
    ):
        brought(swapped, tmp_path, init_time=QUARTERS[1])


def test_an_analysis_does_not_end_but_grows_stale(mirror: Path, tmp_path: Path) -> None:
    brought(mirror, tmp_path, init_time=HOUR, now=HOUR + timedelta(minutes=26))
    bucket = open_bucket(str(tmp_path / "bucket"))
    manifest = read_manifest(bucket, "rtma")
    assert manifest is not None
    assert manifest.traits == ("analysis",)
    ages = [age_of(manifest, HOUR + timedelta(minutes=minutes)) for minutes in (0, 42, 43, 52, 53, 60, 61, 2000)]
    assert ages == [Age.FRESH, Age.FRESH, Age.DUE, Age.DUE, Age.LATE, Age.LATE, Age.STALE, Age.STALE]
    with Store.open(tmp_path / "bucket" / manifest.key) as store:
        assert age_of(store.schema, HOUR + timedelta(minutes=59)) is Age.LATE
    assert look_at(bucket, "rtma", HOUR + timedelta(minutes=30)).problem is None


def test_each_quarter_is_looked_out_for_in_turn() -> None:
    """Three of them are on their way at any time; the one that is expected first is looked for densely."""
    now = HOUR + timedelta(minutes=61)
    open_goals = goals(RTMA, now, (QUARTERS[1], 1))
    assert [goal.init_time for goal in open_goals] == [HOUR + timedelta(minutes=60), QUARTERS[3], QUARTERS[2]]
    assert [goal.expected for goal in open_goals] == [goal.init_time + timedelta(minutes=25) for goal in open_goals]
    assert [pause(now, goal.expected) for goal in open_goals] == [SPARSE, DENSE, 6.0]
    assert str(open_goals[1]) == "rtma 2026-04-20T06:45Z leads 0"
