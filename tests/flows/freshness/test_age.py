"""The age of published data opens and closes incidents, whatever jobs say; people are told once of each."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from flows.freshness import freshness
from flows.lookout import Job, bad_end, look_at
from storage.folder import FolderBucket
from storage.freshness import Age
from storage.manifest import manifest_key
from tasks.incidents import Kind, close_incident, find_incident, open_incident
from tests.flows.freshness.looks import LANDED, LATE, RUN, STALE, HttpSink, Published, kinds


def test_late_and_stale_are_told_once_and_one_recovery(
    bucket: FolderBucket, published: Published, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    published()
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        assert freshness(now=RUN + timedelta(minutes=759)).models[0].state is Age.DUE
        assert sink.told == []
        for hours in range(3):
            report = freshness(now=RUN + LATE + timedelta(hours=hours))
            assert report.red
        (late,) = sink.told
        assert late["title"] == "windlass: gfs late"
        assert late["since"] == "2026-04-20T12:40:00Z"
        assert late["expected_next"] == "2026-04-20T11:30:00Z"
        assert late["served"] == {"run": "gfs 2026-04-20T00Z", "age_minutes": 761, "state": "late"}
        freshness(now=RUN + STALE)
        freshness(now=RUN + STALE)
        assert sink.told[1]["title"] == "windlass: gfs stale"
        published(run=RUN + timedelta(days=5))
        report = freshness(now=RUN + timedelta(days=5) + LANDED)
        assert not report.red
        freshness(now=RUN + timedelta(days=5) + LANDED)
    assert len(sink.told) == 3
    assert sink.told[2]["title"] == "windlass: gfs no longer late; gfs no longer stale"
    assert "gfs 2026-04-25T00Z is served, 5 h 30 min old" in sink.told[2]["text"]
    assert report.told == ["http://127.0.0.1: told"]


def test_models_that_grow_late_in_one_look_are_one_notice(
    bucket: FolderBucket, published: Published, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("gfs", "ifs", "hrrr"):
        published(model)
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        freshness(now=RUN + LATE)
    (notice,) = sink.told
    assert notice["title"] == "windlass: gfs, hrrr, ifs late"
    assert len(notice["incidents"]) == 3


def test_what_was_never_seen_late_is_stale_at_once_and_ended_data_too(
    bucket: FolderBucket, published: Published
) -> None:
    published()
    freshness(now=RUN + timedelta(days=30))
    assert kinds(bucket) == ["gfs-stale"]
    assert freshness(now=RUN + timedelta(days=30)).models[0].state is Age.ENDED
    incident = find_incident(bucket, "gfs", Kind.STALE)
    assert incident
    assert incident.since == RUN + timedelta(minutes=7200)


def test_a_newer_run_that_is_late_itself_ends_nothing(bucket: FolderBucket, published: Published) -> None:
    published()
    look_at(bucket, "gfs", RUN + LATE)
    published(run=RUN + timedelta(hours=6))
    look_at(bucket, "gfs", RUN + timedelta(hours=6) + LATE)
    assert kinds(bucket) == ["gfs-late"]


def test_a_model_that_must_be_there_and_never_was_is_missing(bucket: FolderBucket, published: Published) -> None:
    report = freshness(models=["ifs"], now=RUN)
    assert [(model.model, model.state) for model in report.models] == [("ifs", Age.MISSING)]
    assert report.red
    assert "no run of it was ever published" in report.in_words()
    published("ifs")
    assert not freshness(models=["ifs"], now=RUN + LANDED).red
    assert kinds(bucket) == []


def test_a_manifest_that_cannot_be_read_is_told_and_hides_no_other_model(
    bucket: FolderBucket, published: Published
) -> None:
    published("ifs")
    bucket.write(manifest_key("gfs"), b"{")
    report = freshness(now=RUN + LATE)
    assert [model.state for model in report.models] == [Age.MISSING, Age.LATE]
    assert kinds(bucket) == ["gfs-stale", "ifs-late"]


def job(state: str, begun: datetime, name: str = "gfs 2026-04-20T06Z", message: str = "") -> Job:
    return Job("gfs", "run-id", name, state, begun + timedelta(minutes=9), begun, message, "http://ui/run-id")


def test_a_job_that_reports_success_without_new_data_turns_red_before_the_model_is_late(
    bucket: FolderBucket, published: Published
) -> None:
    published()
    due = RUN + timedelta(minutes=700)
    honest = [job("NoNewRun", due - timedelta(minutes=20)), job("Completed", RUN + LANDED - timedelta(minutes=10))]
    assert look_at(bucket, "gfs", due, honest).problem is None
    assert kinds(bucket) == []
    found = look_at(bucket, "gfs", due, [job("Completed", due - timedelta(minutes=20)), *honest])
    assert found.state is Age.DUE
    assert found.problem
    assert "says that it succeeded, and brought no new data to gfs 2026-04-20T00Z" in found.problem
    incident = find_incident(bucket, "gfs", Kind.LATE)
    assert incident
    assert incident.link == "http://ui/run-id"
    # A look that knows nothing of jobs does not take it back; new data do.
    look_at(bucket, "gfs", due)
    assert kinds(bucket) == ["gfs-late"]
    published(run=RUN + timedelta(hours=6))
    look_at(bucket, "gfs", due)
    assert kinds(bucket) == []


def test_what_jobs_did_stands_beside_late_data(bucket: FolderBucket, published: Published) -> None:
    published()
    look_at(bucket, "gfs", RUN + LATE, [job("NoNewRun", RUN + timedelta(minutes=740))])
    incident = find_incident(bucket, "gfs", Kind.LATE)
    assert incident
    assert incident.reason == "no newer run; gfs 2026-04-20T06Z ended as NoNewRun at 2026-04-20 12:29Z"
    published("ifs")
    assert look_at(bucket, "ifs", RUN + LATE, []).jobs == ["no flow run of it ended lately"]


def test_a_failed_run_is_over_with_the_next_published_run_and_not_with_the_next_success(
    bucket: FolderBucket, published: Published
) -> None:
    published()
    now = RUN + timedelta(hours=10)
    failed = job("Failed", now, message="no mirror left")
    assert bad_end(bucket, Kind.FAILED, failed, now)
    assert not bad_end(bucket, Kind.FAILED, failed, now)
    look_at(bucket, "gfs", now, [job("NoNewRun", now), failed])
    assert kinds(bucket) == ["gfs-failed"]
    incident = find_incident(bucket, "gfs", Kind.FAILED)
    assert incident
    assert incident.reason == "no mirror left"
    assert incident.served
    assert incident.served.run == "gfs 2026-04-20T00Z"
    published(run=RUN + timedelta(hours=6))
    look_at(bucket, "gfs", now)
    assert kinds(bucket) == []


def test_what_others_opened_is_told_by_the_look(
    bucket: FolderBucket, published: Published, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sync-check opens incidents and tells nobody itself."""
    from tasks.incidents import Incident

    published()
    open_incident(bucket, Incident(model="gfs", kind=Kind.SYNC, reason="served is older", since=RUN))
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        freshness(now=RUN + LANDED)
        close_incident(bucket, "gfs", Kind.SYNC, RUN + LANDED)
        freshness(now=RUN + LANDED)
    assert [told["state"] for told in sink.told] == ["sync", "recovered"]


def test_the_report_is_plain_json(bucket: FolderBucket, published: Published) -> None:
    published()
    report = json.loads(freshness(now=RUN + LATE).model_dump_json())
    assert report["models"][0]["state"] == "late"
    assert report["models"][0]["age_minutes"] == 761
