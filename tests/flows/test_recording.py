"""What an ingest did outlives it, however it ended."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from deployments.simulator.server import Fault, serve
from flows.dock import locked
from flows.errors import Busy
from flows.gfs import MODEL as GFS
from flows.ingest import ingest
from flows.request import IngestRequest
from flows.traffic import keep_traffic, take_traffic
from storage.bucket import open_bucket
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.record import Ending, IngestRecord, Traffic, read_record, record_key
from tasks.errors import IngestError
from tasks.fetch import fetch_leads
from tasks.meter import Meter
from tasks.mirrors import Patience
from tasks.wanted import Mirror

Asked = Callable[..., IngestRequest]

HASTY = Patience(tries=5, first_delay=0.001, longest_delay=0.002, lead=30.0, not_yet=0.05, aside=0.0)


def recorded(request: IngestRequest) -> IngestRecord:
    assert request.bucket is not None
    record = read_record(open_bucket(request.bucket), "gfs")
    assert record is not None
    return record


def test_a_publication_is_recorded_with_what_it_took(asked: Asked) -> None:
    report = ingest(GFS, asked())
    record = recorded(asked())
    assert record.last is not None
    assert record.success is not None
    assert record.last.outcome is Ending.PUBLISHED
    assert record.last.run == record.success.init_time == report.init_time
    assert record.success.generation == report.manifest["generation"]
    assert record.success.messages == record.totals.traffic.messages == report.messages
    assert record.success.bytes == record.totals.traffic.bytes == report.bytes > 0
    assert record.totals.traffic.retries == {}
    assert record.totals.attempts == {Ending.PUBLISHED: 1}
    assert report.unrecorded == ""


def test_the_lag_is_measured_from_when_the_last_lead_is_expected(asked: Asked) -> None:
    landed = GFS.arrives(asked().now, 6)  # type: ignore[arg-type]
    ingest(GFS, asked(now=landed + timedelta(minutes=20)))
    success = recorded(asked()).success
    assert success is not None
    assert success.lag_seconds is not None
    assert 20 * 60 <= success.lag_seconds < 30 * 60
    ingest(GFS, asked(force=True))
    again = recorded(asked()).success
    assert again is not None
    assert again.lag_seconds is None


def test_nothing_new_is_an_attempt_and_no_success(asked: Asked) -> None:
    ingest(GFS, asked())
    before = recorded(asked())
    ingest(GFS, asked())
    after = recorded(asked())
    assert after.last is not None
    assert after.last.outcome is Ending.NOTHING_NEW
    assert after.success == before.success
    assert after.totals.attempts == {Ending.PUBLISHED: 1, Ending.NOTHING_NEW: 1}
    assert after.totals.traffic == before.totals.traffic


def test_a_failure_is_recorded_with_its_error_and_what_it_fetched(asked: Asked, mirror: Path, tmp_path: Path) -> None:
    ingest(GFS, asked(leads="0-1"))
    before = recorded(asked())
    broken = tmp_path / "broken"
    shutil.copytree(mirror, broken)
    for file in broken.rglob("*.f002*"):
        file.unlink()
    with pytest.raises(IngestError) as error:
        ingest(GFS, asked(mirror=str(broken)))
    record = recorded(asked())
    assert record.last is not None
    assert record.last.outcome is Ending.FAILED
    assert record.last.error_class == type(error.value).__name__
    assert record.last.error == str(error.value)
    assert record.success == before.success
    failed = record.totals.traffic.bytes - before.totals.traffic.bytes
    assert failed > 0
    # What is there already is not fetched, nor counted, again.
    shutil.copytree(mirror, broken, dirs_exist_ok=True)
    ingest(GFS, asked(mirror=str(broken)))
    again = recorded(asked())
    assert again.success is not None
    assert again.totals.traffic.bytes - before.totals.traffic.bytes == again.success.bytes


def test_retries_and_problems_are_counted_by_mirror(
    asked: Asked, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.staging.fetch_leads", partial(fetch_leads, patience=HASTY))
    flaky, short = Fault("*.f00[12]", times=3, status=503), Fault("*pgrb2.0p25.f003", cut=5_000)
    with serve(mirror, [flaky]) as first, serve(mirror, [short]) as second:
        mirrors = (Mirror("flaky", first.url), Mirror("short", second.url))
        ingest(replace(GFS, mirrors=mirrors[:1]), asked(mirror=None))
        first_record = recorded(asked())
        ingest(replace(GFS, mirrors=mirrors[::-1]), asked(mirror=None, force=True))
    assert first_record.success is not None
    assert first_record.success.retries == first_record.totals.traffic.retries == {"flaky": 3}
    record = recorded(asked())
    assert record.success is not None
    assert record.success.retries == {}
    assert record.totals.traffic.retries == {"flaky": 3}
    assert record.success.problems.keys() == {"short"}
    assert record.success.problems["short"] >= 1


def test_busy_is_an_ending_of_its_own(asked: Asked) -> None:
    request = asked()
    assert request.work is not None
    with locked(request.work.absolute(), "gfs"), pytest.raises(Busy):
        ingest(GFS, request)
    assert recorded(request).totals.attempts == {Ending.BUSY: 1}


def test_no_secret_of_an_error_gets_into_the_record_or_further(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def leak(*_: object, **__: object) -> None:
        raise IngestError("https://me:hunter2@example.org/x?token=hunter2 said no")

    monkeypatch.setattr("flows.ingest.find", leak)
    with pytest.raises(IngestError) as error:
        ingest(GFS, asked())
    assert "hunter2" not in str(error.value)
    assert "https://...@example.org/x?token=..." in str(error.value)
    assert b"hunter2" not in recorded(asked()).to_bytes()


class Forgetful(FolderBucket):
    """Takes stores and manifests, but no record."""

    def swap(self, key: str, data: bytes, expected: bytes | None) -> None:
        if key == record_key("gfs"):
            raise BucketError("no more of these today")
        super().swap(key, data, expected)


def test_a_record_that_cannot_be_written_hides_nothing(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("flows.ingest.open_bucket", lambda url: Forgetful(Path(url)))
    report = ingest(GFS, asked())
    assert report.manifest["generation"] == 1
    assert "not recorded" in report.in_words()
    assert "no more of these today" in report.unrecorded
    assert "not recorded" in caplog.text
    with pytest.raises(IngestError, match="99"):
        ingest(GFS, asked(leads="99", init_time="2026-04-20T00:00Z"))
    assert read_record(open_bucket(str(tmp_path / "bucket")), "gfs") is None


def test_a_killed_ingest_leaves_the_record_and_is_counted_by_the_next(asked: Asked, tmp_path: Path) -> None:
    ingest(GFS, asked(leads="0-1"))
    before = recorded(asked())
    code = (
        "import os, sys; import flows.ingest as i; from flows.gfs import MODEL\n"
        "from flows.request import IngestRequest\n"
        "i.publish = lambda *a, **k: os.kill(os.getpid(), 9)\n"
        "i.ingest(MODEL, IngestRequest.model_validate_json(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, asked().model_dump_json()], cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    assert recorded(asked()) == before
    ingest(GFS, asked())
    after = recorded(asked())
    assert after.success is not None
    assert after.totals.attempts == {Ending.PUBLISHED: 2}


def test_traffic_is_added_up_once(tmp_path: Path) -> None:
    for _ in range(3):
        meter = Meter(bytes=10, messages=1)
        meter.retries["aws"] += 2
        keep_traffic(tmp_path, meter)
    keep_traffic(tmp_path, Meter())
    (tmp_path / "torn.traffic.json").write_bytes(b"")
    assert take_traffic(tmp_path) == Traffic(bytes=30, messages=3, retries={"aws": 6})
    assert take_traffic(tmp_path) == Traffic()
    assert not list(tmp_path.iterdir())
