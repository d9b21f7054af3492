"""The age of published data opens and closes incidents, whatever jobs say; people are told once of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import flows.freshness as room
from flows.errors import BucketSilent
from flows.freshness import freshness
from flows.lookout import Job, bad_end, look_at, settle
from flows.report import IngestReport, Outcome
from storage.folder import FolderBucket
from storage.freshness import Age
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness
from tasks.incidents import Kind, close_incident, find_incident, open_incident, records_in
from tasks.telling import tell_pending

RUN = datetime(2026, 4, 20, tzinfo=UTC)
LIMITS = Freshness(due_after=690, late_after=760, stale_after=7200)
LANDED = timedelta(minutes=330)
LATE, STALE = timedelta(minutes=761), timedelta(minutes=7201)
HttpSink = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderBucket:
    for name in ("PREFECT_API_URL", "WINDLASS_NOTIFY_URL", "WINDLASS_NOTIFY_URLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WINDLASS_BUCKET", str(tmp_path / "bucket"))
    monkeypatch.setenv("WINDLASS_WORK", str(tmp_path / "work"))
    roomy = SimpleNamespace(free=900_000_000_000, total=1_000_000_000_000)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: roomy)
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def published(bucket: FolderBucket) -> Callable[..., Manifest]:
    """published(model, run): the run's manifest, the next generation; its store is nobody's business here."""
    generations: dict[str, int] = {}

    def published(model: str = "gfs", run: datetime = RUN, leads: int = 129) -> Manifest:
        generations[model] = generations.get(model, 0) + 1
        manifest = Manifest(
            model=model,
            init_time=run,
            key=store_key(model, run),
            size=1,
            sha256="0" * 64,
            generation=generations[model],
            leads=leads,
            last_lead=384 * 60,
            published_at=run + LANDED,
            freshness=LIMITS,
        )
        bucket.write(manifest_key(model), manifest.to_bytes())
        return manifest

    return published


Published = Callable[..., Manifest]


def kinds(bucket: FolderBucket) -> list[str]:
    """The open incidents as model-kind."""
    return sorted(f"{r.incident.model}-{r.incident.kind}" for r in records_in(bucket) if not r.ended)


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


def report_of(manifest: Manifest, missing: list[str], withheld: dict[str, str]) -> IngestReport:
    return IngestReport(
        outcome=Outcome.PUBLISHED,
        model=manifest.model,
        init_time=manifest.init_time,
        key=manifest.key,
        leads=[0],
        missing=missing,
        manifest={},
        withheld=withheld,
    )


def test_gaps_and_withheld_fields_are_told_once_until_they_change_or_end(
    bucket: FolderBucket, published: Published, http_sink: HttpSink
) -> None:
    from tasks.receivers import Webhook

    gap, gone = ["wind_gust_10m: 3-9/3"], {"cape_surface": "99 % NaN at 3 h, its normal is 2 %"}
    story: list[tuple[list[str], dict[str, str]]] = [
        (gap, {}),
        (["wind_gust_10m: 12"], {}),
        (gap, gone),
        ([], {}),
        ([], {}),
    ]
    heard = []
    with http_sink() as sink:
        for number, (missing, withheld) in enumerate(story):
            manifest = published(run=RUN + timedelta(hours=6 * number))
            now = manifest.init_time + LANDED
            for _ in range(2):
                settle(bucket, report_of(manifest, missing, withheld), now, "id", "http://ui/id")
                tell_pending(bucket, [Webhook("hook", sink.url)], lambda now=now: now)
            heard.append([body["title"].removeprefix("windlass: ") for body in sink.told])
            sink.told.clear()
    assert heard == [
        ["gfs incomplete"],
        [],
        ["gfs with fields withheld"],
        ["gfs no longer incomplete; gfs no longer with fields withheld"],
        [],
    ]


def test_a_withheld_field_is_told_with_its_reason_and_run(bucket: FolderBucket, published: Published) -> None:
    manifest = published()
    settle(bucket, report_of(manifest, [], {"cape_surface": "99 % NaN"}), RUN + LANDED)
    incident = find_incident(bucket, "gfs", Kind.WITHHELD)
    assert incident
    assert incident.reason == "withheld cape_surface, 99 % NaN"
    assert incident.run == "gfs 2026-04-20T00Z"


def test_a_disk_nearly_full_is_told_until_there_is_clearly_room(
    bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(gigabytes: float) -> list[str]:
        usage = SimpleNamespace(free=int(gigabytes * 1e9), total=1_000_000_000_000)
        monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage)
        report = freshness(now=RUN)
        assert report.red == (gigabytes < 20)
        return kinds(bucket)

    assert free(30) == []
    assert free(19) == ["bucket-disk", "work-disk"]
    assert free(21) == ["bucket-disk", "work-disk"]
    assert free(25) == []


def test_a_bucket_out_of_reach_is_told_from_the_work_folder_once_and_once_when_it_is_back(
    bucket: FolderBucket, published: Published, tmp_path: Path, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    published()
    away = tmp_path / "away"
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        bucket.folder.rename(away)
        bucket.folder.write_text("not a folder")
        for _ in range(3):
            with pytest.raises(BucketSilent):
                freshness(now=RUN + LATE)
        (notice,) = sink.told
        assert notice["title"] == "windlass: bucket out of reach"
        bucket.folder.unlink()
        away.rename(bucket.folder)
        for _ in range(2):
            freshness(now=RUN + LATE)
    assert [told["title"] for told in sink.told[1:]] == [
        "windlass: bucket no longer out of reach",
        "windlass: gfs late",
    ]


def test_on_a_disk_that_takes_nothing_people_are_told_all_the_same(
    bucket: FolderBucket, small_disk: Path, http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (small_disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(4096)):
            pass
    monkeypatch.setenv("WINDLASS_WORK", str(small_disk / "work"))
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0, total=2 << 20))
    with http_sink() as sink:
        monkeypatch.setenv("WINDLASS_NOTIFY_URLS", sink.url)
        with pytest.raises(BucketSilent, match="no room left"):
            freshness(bucket=str(small_disk / "bucket"), now=RUN)
    (notice,) = sink.told
    assert notice["title"] == "windlass: bucket out of reach"
    assert "no room left" in notice["reason"]


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
