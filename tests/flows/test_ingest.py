"""The recipe, run plainly on a small simulated run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from deployments.simulator.run import simulate_run
from flows.crew import PlainCrew
from flows.errors import OlderRun, RequestError
from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.ingest import ingest
from flows.report import IngestReport, Outcome
from flows.request import IngestRequest
from storage.bucket import open_bucket
from storage.grids import Cell, LatLonGrid
from storage.manifest import read_manifest
from storage.reader import Store
from tasks.errors import IncompleteRun, IngestError, InventoryError, MirrorError, NoRunFound

Asked = Callable[..., IngestRequest]


def published(request: IngestRequest, model: str = "gfs") -> Store:
    """The published store of a request's bucket folder."""
    assert request.bucket is not None
    manifest = read_manifest(open_bucket(request.bucket), model)
    assert manifest is not None
    return Store.open(Path(request.bucket) / manifest.key)


def leftovers(request: IngestRequest) -> list[str]:
    assert request.work is not None
    return [file.name for file in (request.work / "gfs").rglob("*") if file.is_file() and file.name != ".lock"]


def test_a_run_comes_aboard_whole(asked: Asked) -> None:
    told: list[str] = []
    report = ingest(GFS, asked(), PlainCrew(told.append))
    assert report.outcome is Outcome.PUBLISHED
    assert report.leads == [0, 1, 2, 3, 6]
    assert report.missing == []
    assert report.messages == 22 * 5 - 3
    assert report.mirrors == ["folder"]
    assert report.manifest["key"] == report.key == "gfs/20260420T0000Z.zarr.zip"
    assert any("to download from folder" in line and "of memory" in line for line in told)
    store = published(asked())
    assert store.schema.lead_times == (0, 60, 120, 180, 360)
    assert len(store.schema.variables) == 22 + 2
    assert store.schema.provenance["leads"]["60"]["mirrors"] == ["folder"]
    store.close()
    assert leftovers(asked()) == []


def test_a_published_run_is_not_ingested_again_unless_asked_for(asked: Asked) -> None:
    first = ingest(GFS, asked())
    again = ingest(GFS, asked())
    assert again.outcome is Outcome.ALREADY_PUBLISHED
    assert again.manifest == first.manifest
    assert ingest(GFS, asked(force=True)).manifest["generation"] > first.manifest["generation"]
    assert ingest(GFS, asked(init_time="2026-04-20T00:00Z")).outcome is Outcome.PUBLISHED


def test_a_run_with_more_leads_replaces_itself(asked: Asked) -> None:
    ingest(GFS, asked(leads="0-2"))
    report = ingest(GFS, asked())
    assert report.outcome is Outcome.PUBLISHED
    assert len(report.leads) == 5


def test_an_older_run_never_replaces_a_newer_one(asked: Asked, shared_data: Path) -> None:
    newer = ingest(GFS, asked())
    files = sorted((shared_data / "gfs").glob("gfs.20200804*.poland.grib2"))
    with pytest.raises(OlderRun, match=r"2026-04-20T00Z is published.*2020-08-04T12Z.*--bucket"):
        ingest(GFS, asked(mirror=None, leads=None, files=files))
    store = published(asked())
    assert store.schema.init_time == newer.init_time
    store.close()


def test_a_missing_lead_is_named_and_the_published_run_stays(asked: Asked, mirror: Path, tmp_path: Path) -> None:
    before = ingest(GFS, asked(leads="0-1"))
    broken = tmp_path / "broken"
    shutil.copytree(mirror, broken)
    for file in broken.rglob("*.f002*"):
        file.unlink()
    with pytest.raises((MirrorError, IncompleteRun), match=r"gfs.*2026-04-20.*(f002|lead 2|: 2)"):
        ingest(GFS, asked(mirror=str(broken)))
    store = published(asked())
    assert store.schema.lead_times == (0, 60)
    store.close()
    assert before.manifest["sha256"]
    assert ingest(GFS, asked(mirror=str(broken), leads="0-1,3,6")).leads == [0, 1, 3, 6]


def test_what_a_failed_ingest_staged_is_not_fetched_again(asked: Asked, mirror: Path, tmp_path: Path) -> None:
    place = tmp_path / "mirror"
    shutil.copytree(mirror, place)
    late = list(place.rglob("*.f006*"))
    for file in late:
        if not file.name.endswith(".idx"):
            file.unlink()
    with pytest.raises(IngestError):
        ingest(GFS, asked(mirror=str(place)))
    shutil.rmtree(place)
    shutil.copytree(mirror, place, ignore=shutil.ignore_patterns("*.f00[0-3]*"))
    report = ingest(GFS, asked(mirror=str(place)))
    assert report.leads == [0, 1, 2, 3, 6]
    assert leftovers(asked()) == []


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"mark": ""}'])
def test_a_record_that_a_power_cut_left_is_not_believed(
    asked: Asked, mirror: Path, tmp_path: Path, record: bytes
) -> None:
    place = tmp_path / "mirror"
    shutil.copytree(mirror, place, ignore=shutil.ignore_patterns("*.f006"))
    with pytest.raises(IngestError):
        ingest(GFS, asked(mirror=str(place)))
    (staged,) = (tmp_path / "work").rglob("f000.json")
    staged.write_bytes(record)
    assert ingest(GFS, asked()).leads == [0, 1, 2, 3, 6]


def test_a_box_is_cropped_at_ingest(asked: Asked) -> None:
    ingest(GFS, asked(bbox="-20,30,40,60"))
    store = published(asked())
    assert store.schema.grid.shape == (4, 7)
    store.close()


def test_a_box_of_messages_cut_down_to_it_is_that_of_whole_ones(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(GFS, asked(bbox="-20,30,40,60"))
    monkeypatch.setattr("tasks.fetch._clip", lambda box, whole, messages: messages)
    other = asked(bbox="-20,30,40,60", bucket=str(tmp_path / "other"), work=tmp_path / "beside")
    ingest(GFS, other)
    with published(asked()) as cut, published(other) as whole:
        assert cut.schema == whole.schema
        ny, nx = cut.schema.grid.shape
        cells = [Cell(y, x) for y in range(ny) for x in range(nx)]
        np.testing.assert_array_equal(cut.cells(cells), whole.cells(cells))


def test_short_stores_of_runs_that_follow_closely_are_left_out(asked: Asked, tmp_path: Path) -> None:
    hourly = replace(GFS, apart=7)
    for hour in (0, 6, 12):
        init_time = datetime(2026, 4, 20, hour, tzinfo=UTC)
        simulate_run(tmp_path / "hourly", GFS, init_time, (0, 6, 9), LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36))
        ingest(hourly, asked(mirror=str(tmp_path / "hourly"), init_time=init_time, leads="0,6,9", now=None))
    manifest = read_manifest(open_bucket(str(tmp_path / "bucket")), "gfs")
    assert manifest is not None
    assert [(short.init_time.hour, short.last_lead) for short in manifest.history] == [(12, 360), (0, 360)]


def test_no_mirror_at_all_publishes_nothing(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises((NoRunFound, MirrorError), match="gfs"):
        ingest(GFS, asked(mirror=str(tmp_path / "empty")))
    assert read_manifest(open_bucket(str(tmp_path / "bucket")), "gfs") is None


def test_real_gfs_files_give_what_they_hold_and_a_list_of_what_they_lack(asked: Asked, shared_data: Path) -> None:
    files = sorted((shared_data / "gfs").glob("gfs.20200804*.poland.grib2"))
    report = ingest(GFS, asked(mirror=None, leads=None, files=files))
    assert report.init_time == datetime(2020, 8, 4, 12, tzinfo=UTC)
    assert report.leads == [0, 6, 12]
    assert "downward_uvb_flux_surface: 6,12" in report.missing
    store = published(asked())
    assert "air_temperature_2m" in store.index
    store.close()


def test_real_ifs_files_give_what_they_hold(asked: Asked, shared_data: Path) -> None:
    file = shared_data / "ecmwf" / "ecmwf_ifs_20260420_00z_0-240h_channel.grib2"
    report = ingest(IFS, asked(mirror=None, leads=None, files=[file]))
    assert report.init_time == datetime(2026, 4, 20, tzinfo=UTC)
    assert report.leads == [*range(0, 145, 3), *range(150, 241, 6)]
    assert any(line.startswith("precipitation_rate_surface: 0-") for line in report.missing)


def test_files_without_a_message_of_the_model_are_an_error(asked: Asked, tmp_path: Path) -> None:
    file = tmp_path / "not.grib"
    file.write_text("nothing")
    with pytest.raises(InventoryError, match=r"gfs: .*not\.grib"):
        ingest(GFS, asked(mirror=None, leads=None, files=[file]))


def test_a_report_survives_json(asked: Asked) -> None:
    report = ingest(GFS, asked(leads="0-1"))
    assert IngestReport.model_validate_json(report.model_dump_json()) == report


def test_leads_no_run_has_are_refused(asked: Asked) -> None:
    with pytest.raises(RequestError, match="no run of gfs has the leads 121"):
        ingest(GFS, asked(leads="121"))
