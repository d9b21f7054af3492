"""The record of a model's ingests: it adds up, whoever writes at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.bucket import open_bucket
from storage.errors import ManifestError
from storage.record import Attempt, Ending, IngestRecord, Success, Traffic, change_record, read_record, record_key

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
TRAFFIC = Traffic(bytes=100, messages=2, retries={"aws": 1}, problems={"aws": 1, "google": 2})


def attempt(outcome: Ending, error: str | None = None) -> Attempt:
    return Attempt(begun_at=NOW, ended_at=NOW, outcome=outcome, error=error)


def test_nothing_is_recorded_of_a_model_that_was_never_ingested(tmp_path: Path) -> None:
    assert read_record(open_bucket(str(tmp_path)), "gfs") is None


def test_a_record_reads_as_it_was_written(tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path))
    success = Success(
        init_time=NOW,
        generation=3,
        published_at=NOW,
        leads=4,
        seconds=1.5,
        bytes=100,
        messages=2,
        withheld=["cape_surface"],
        lag_seconds=-2.5,
    )
    change_record(bucket, "gfs", lambda record: record.with_traffic(TRAFFIC).with_success(success))
    written = change_record(bucket, "gfs", lambda record: record.with_attempt(attempt(Ending.PUBLISHED)))
    assert read_record(bucket, "gfs") == written
    assert written.success == success
    assert written.totals.withheld == 1
    assert written.totals.traffic == TRAFFIC


def test_an_attempt_that_failed_leaves_the_last_success(tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path))
    change_record(bucket, "gfs", lambda record: record.with_attempt(attempt(Ending.PUBLISHED)))
    failed = attempt(Ending.FAILED, "https://me:pw@example.org said no")
    record = change_record(bucket, "gfs", lambda record: record.with_attempt(failed))
    assert record.last is not None
    assert record.last.error == "https://...@example.org said no"
    assert record.totals.attempts == {Ending.PUBLISHED: 1, Ending.FAILED: 1}


def test_all_of_many_writers_at_once_are_counted(tmp_path: Path) -> None:
    def write(number: int) -> None:
        change_record(
            open_bucket(str(tmp_path)),
            "gfs",
            lambda record: record.with_traffic(TRAFFIC).with_attempt(attempt(Ending.FAILED)),
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    record = read_record(open_bucket(str(tmp_path)), "gfs")
    assert record is not None
    assert record.totals.attempts == {Ending.FAILED: 40}
    assert record.totals.traffic.bytes == 4000
    assert record.totals.traffic.problems == {"aws": 40, "google": 80}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"model": "ifs"}', IngestRecord(model="ifs").to_bytes()])
def test_what_is_no_record_of_the_model_is_refused_and_begun_anew(tmp_path: Path, data: bytes) -> None:
    bucket = open_bucket(str(tmp_path))
    bucket.write(record_key("gfs"), data)
    with pytest.raises(ManifestError, match=r"gfs/ingest\.json"):
        read_record(bucket, "gfs")
    change_record(bucket, "gfs", lambda record: record.with_attempt(attempt(Ending.PUBLISHED)))
    record = read_record(bucket, "gfs")
    assert record is not None
    assert record.totals.attempts == {Ending.PUBLISHED: 1}
