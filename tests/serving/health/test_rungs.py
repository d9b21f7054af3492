"""How far down an answer must step: newest, incomplete, late, stale, ended, damaged, from the future."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.record import Attempt, Ending, IngestRecord, record_key
from storage.schema import Whole
from tests.serving.health.asked import DUE, LATE, LONDON, NOW, STALE, Ask
from tests.serving.standing import INIT, standing


def test_status_json_is_the_report_of_health_and_always_200(ask: Ask, put: Any) -> None:
    assert ask("/health").status_code == 503
    empty = ask("/status.json")
    assert empty.status_code == 200
    assert empty.json() == ask("/health").json()
    assert (empty.json()["status"], empty.json()["rung"], empty.json()["models"]) == ("down", "none", [])
    put("ifs")
    put("gfs")
    report = ask("/status.json").json()
    assert report == ask("/health").json()
    assert (report["status"], report["rung"]) == ("ok", "newest")
    assert standing(report) == {"gfs": ("fresh", "newest"), "ifs": ("fresh", "newest")}
    assert report["models"][1]["source"] == "ecmwf_ifs"
    assert report["models"][1]["expected_next"] == "2026-11-24T05:30:00Z"
    assert report["time"] == "2026-11-24T03:00:00Z"


def test_a_run_whose_last_leads_never_came_is_incomplete_when_they_should_have(ask: Ask, put: Any) -> None:
    put("gfs", last=120, whole=Whole(209, 388))
    put("ifs")
    told = [ask("/health", INIT + timedelta(minutes=minutes)).json() for minutes in (388, 389)]
    assert [(report["models"][0]["incomplete"], report["models"][0]["state"]) for report in told] == [
        (False, "due"),
        (True, "due"),
    ]
    assert [report["status"] for report in told] == ["ok", "degraded"]
    gfs, ifs = told[1]["models"]
    assert (gfs["leads"], gfs["leads_expected"]) == (121, 209)
    assert (ifs["leads_expected"], ifs["incomplete"]) == (None, False)


def test_each_age_has_its_rung(ask: Ask, put: Any) -> None:
    put("ifs", last=150)
    put("gfs", -100)
    told = []
    for minutes in (DUE, DUE + 1, LATE + 1, STALE + 1, 150 * 60 + 1):
        report = ask("/status.json", INIT + timedelta(minutes=minutes)).json()
        told.append((*standing(report)["ifs"], report["status"]))
    # The other model starts 100 h later: until then this clock is told to be wrong.
    assert [each[:2] for each in told] == [
        ("fresh", "newest"),
        ("due", "newest"),
        ("late", "last-good"),
        ("stale", "next-model"),
        ("ended", "next-model"),
    ]
    assert {each[2] for each in told} == {"degraded"}


def test_all_stale_stand_on_the_last_good_and_all_ended_on_none(ask: Ask, put: Any) -> None:
    put("ifs", last=150)
    put("gfs", last=160)
    stale, half, over = (INIT + timedelta(hours=hours) for hours in (130, 155, 161))
    assert standing(ask("/health", stale).json()) == {"gfs": ("stale", "last-good"), "ifs": ("stale", "last-good")}
    assert ask("/health", stale).json()["status"] == "degraded"
    assert ask(LONDON, stale).status_code == 200
    assert standing(ask("/health", half).json()) == {"gfs": ("stale", "last-good"), "ifs": ("ended", "next-model")}
    assert standing(ask("/health", over).json()) == {"gfs": ("ended", "none"), "ifs": ("ended", "none")}
    assert ask("/health", over).status_code == 503


@pytest.mark.parametrize(
    ("newest", "rung"),
    [
        ({}, "newest"),
        ({"last": 24}, "previous-run"),
        ({"leads": [*range(30), *range(50, 241)]}, "previous-run"),
        ({"leads": [*range(30), *range(35, 241)]}, "newest"),
        ({"withheld": {"air_temperature_2m": "jumps by 80 K"}}, "previous-run"),
        ({"withheld": {"wind_gust_10m": "jumps by 80 m s-1"}}, "newest"),
    ],
    ids=["whole", "first leads", "wide gap", "gap a line closes", "withheld", "withheld from both"],
)
def test_what_the_run_before_fills_is_told(ask: Ask, put: Any, newest: dict[str, Any], rung: str) -> None:
    put("ifs", 12)
    put("ifs", 0, **newest)
    (model,) = ask("/status.json").json()["models"]
    assert (model["init_time"], model["previous_init_time"]) == ("2026-11-24T00:00:00Z", "2026-11-23T12:00:00Z")
    assert model["rung"] == rung
    assert model["withheld"] == newest.get("withheld", {})
    assert ask("/health").json()["status"] == ("degraded" if model["withheld"] else "ok")


def test_a_run_before_that_is_stale_fills_nothing(ask: Ask, put: Any) -> None:
    put("ifs", 12, stale_after=600)
    put("ifs", 0, last=24)
    assert standing(ask("/health").json()) == {"ifs": ("fresh", "newest")}


def test_a_newer_run_that_does_not_open_leaves_the_last_good_one(ask: Ask, put: Any) -> None:
    put("ifs", 12)
    put("ifs", 6)
    put("ifs", 0).write_bytes(b"no zip")
    report = ask("/status.json").json()
    (model,) = report["models"]
    assert model["rung"] == "last-good"
    assert model["init_time"] == "2026-11-23T18:00:00Z"
    assert model["previous_init_time"] == "2026-11-23T12:00:00Z"
    assert model["newest_seen"] == "2026-11-24T00:00:00Z"
    assert "20261124T0000Z" in model["problem"]
    flags = ask(LONDON).json()["flags"]
    assert flags["rungs"] == {"ecmwf_ifs": "last-good"}
    assert flags["sourceTimes"] == {"ecmwf_ifs": "2026-11-23 18Z"}


def test_why_the_last_ingest_failed_is_told_and_changes_nothing_else(ask: Ask, put: Any, tmp_path: Path) -> None:
    put("ifs")
    before = ask("/status.json").json()
    assert before["models"][0]["last_error"] is None
    failed = Attempt(
        begun_at=NOW - timedelta(minutes=9),
        ended_at=NOW - timedelta(minutes=5),
        outcome=Ending.FAILED,
        run=INIT + timedelta(hours=6),
        error_class="NoMirrorLeft",
        error="https://mirror.example/a/b: 503; kept in /var/lib/windlass/ifs/f003.grib2",
    )
    record = tmp_path / record_key("ifs")
    record.write_bytes(IngestRecord(model="ifs").with_attempt(failed).to_bytes())
    report = ask("/status.json").json()
    error = report["models"][0].pop("last_error")
    assert error == {
        "time": "2026-11-24T02:55:00Z",
        "init_time": "2026-11-24T06:00:00Z",
        "error": "https://mirror.example/a/b: 503; kept in f003.grib2",
    }
    assert before["models"][0].pop("last_error") is None
    assert report == before
    page = ask("/status").text
    assert "Last ingest failed" in page
    assert "at 2026-11-24 02:55 UTC, at the run of 2026-11-24 06:00 UTC: https://mirror.example/a/b: 503" in page
    published = failed.model_copy(update={"outcome": Ending.PUBLISHED, "error": None, "error_class": None})
    for text in (IngestRecord(model="ifs").with_attempt(published).to_bytes(), b"no record"):
        record.write_bytes(text)
        assert ask("/status.json").json()["models"][0]["last_error"] is None
    # A model that never had a run here is none of this server's.
    (tmp_path / "gfs").mkdir()
    (tmp_path / record_key("gfs")).write_bytes(IngestRecord(model="gfs").with_attempt(failed).to_bytes())
    assert [model["model"] for model in ask("/status.json").json()["models"]] == ["ifs"]


def test_a_model_of_which_nothing_opens_stands_on_the_next_or_on_none(ask: Ask, put: Any) -> None:
    put("ifs").write_bytes(b"no zip")
    report = ask("/status.json").json()
    assert standing(report) == {"ifs": ("missing", "none")}
    put("gfs")
    report = ask("/status.json").json()
    assert standing(report) == {"gfs": ("fresh", "newest"), "ifs": ("missing", "next-model")}
    assert ask(LONDON).json()["flags"]["rungs"] == {"gfs": "newest", "ecmwf_ifs": "next-model"}


def test_a_run_from_the_future_is_a_problem(ask: Ask, put: Any) -> None:
    put("gfs", -10)
    (model,) = ask("/health").json()["models"]
    assert (model["state"], model["age_minutes"]) == ("fresh", -420)
    assert "starts 420 minutes from now" in model["problem"]
    assert ask("/health").json()["status"] == "degraded"
    assert ask("/health", INIT + timedelta(hours=10)).json()["status"] == "ok"
