from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import RequestError
from flows.model import Cycle, Model
from flows.request import IngestRequest, Job, job_for, parse_box, parse_time
from storage.grids import Box, LatLonGrid
from storage.schema import Freshness
from tasks.wanted import IndexKind, Mirror, Product

MODEL = Model(
    name="toy",
    title="Toy model",
    cycles=(Cycle((0, 12), (0, 3, 6, 12)), Cycle((6, 18), (0, 3, 6))),
    products=(Product("main", "{lead}", "{lead}.idx", IndexKind.IDX),),
    mirrors=(Mirror("aws", "https://aws.example"), Mirror("google", "https://google.example")),
    wanted=(),
    freshness=Freshness(1, 2, 3),
    attribution="",
    licence="",
    bytes_per_message=1,
    bytes_per_value=1.0,
    grid=LatLonGrid(0.0, 1.0, 1, 0.0, 1.0, 1),
)


def job(tmp_path: Path, **fields: object) -> Job:
    return job_for(MODEL, IngestRequest.model_validate({"bucket": "b", "work": tmp_path, **fields}))


@pytest.mark.parametrize(
    "text",
    ["2026-04-20T06", "2026-04-20T06Z", "2026-04-20 06:00", "2026042006", "20260420T0600Z", "2026-04-20T06:00:00Z"],
)
def test_times_are_utc_in_the_usual_spellings(text: str) -> None:
    assert parse_time(text) == datetime(2026, 4, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["today", "2026-04-20", "2026-13-01T00", "2026-04-20T25", "2026-04-20T06+02:00"])
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="2026-04-20T06"):
        parse_time(text)


def test_boxes_are_west_south_east_north_and_may_cross_the_antimeridian() -> None:
    assert parse_box("-11,35,31,60") == Box(-11, 35, 31, 60)
    assert parse_box("170, -50, -170, -30") == Box(170, -50, -170, -30)


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "0,10,10,0", "0,-91,10,0", "5,0,5,10", "nan,0,1,1", "-200,0,1,1"])
def test_boxes_that_hold_nothing_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"W,S,E,N"):
        parse_box(text)


def test_without_fields_all_mirrors_are_asked_in_order(tmp_path: Path) -> None:
    assert job(tmp_path).mirrors == MODEL.mirrors


def test_a_mirror_is_a_name_a_url_or_a_folder(tmp_path: Path) -> None:
    assert job(tmp_path, mirror="google").mirrors == (MODEL.mirrors[1],)
    assert job(tmp_path, mirror="http://user:secret@host:80/x/").mirrors[0].name == "host:80"
    assert job(tmp_path, mirror=str(tmp_path)).mirrors == (Mirror("folder", str(tmp_path)),)
    with pytest.raises(RequestError, match="aws, google"):
        job(tmp_path, mirror="nosuch")


def test_a_run_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="00Z, 06Z, 12Z, 18Z"):
        job(tmp_path, init_time="2026-04-20T03:00Z")


def test_leads_the_run_does_not_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has no lead 12; its leads are 0-6/3"):
        job(tmp_path, init_time="2026-04-20T06:00Z", leads="6-12/6")


def test_files_must_exist_and_need_no_mirror(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is not a file"):
        job(tmp_path, files=[tmp_path / "absent.grib2"])
    with pytest.raises(RequestError, match="exclude"):
        job(tmp_path, files=[__file__], mirror="aws")


def test_naive_times_are_utc_and_others_are_converted(tmp_path: Path) -> None:
    assert job(tmp_path, init_time="2026-04-20T00:00").init_time == datetime(2026, 4, 20, tzinfo=UTC)
    assert job(tmp_path, init_time="2026-04-20T02:00+02:00").init_time == datetime(2026, 4, 20, tzinfo=UTC)
