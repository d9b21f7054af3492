"""What the page of a bucket tells, also of one that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from deployments.metrics.page import page
from deployments.metrics.published import PublishedState
from storage.bucket import open_bucket
from storage.errors import BucketError
from storage.folder import FolderBucket
from storage.manifest import manifest_key
from storage.record import Attempt, Ending, change_record, record_key
from tasks.ledger import LEDGER
from tests.deployments.metrics.scraped import INIT, NOW, clock, families, value


def test_the_bucket_tells_what_is_in_it(pages: dict[str, dict[str, Metric]]) -> None:
    found = pages["bucket"]
    assert value(found, "windlass_published_init_time_seconds", model="gfs") == INIT.timestamp()
    assert value(found, "windlass_published_age_seconds", model="gfs") == 5 * 3600
    assert value(found, "windlass_published_late_after_seconds", model="gfs") == 120 * 60
    assert value(found, "windlass_published_withheld_fields", model="gfs") == 1
    assert value(found, "windlass_publish_lag_seconds", model="gfs") == 61.5
    assert value(found, "windlass_ingest_last_attempt_outcome", model="gfs", outcome="failed") == 1
    assert value(found, "windlass_ingest_last_attempt_outcome", model="gfs", outcome="published") == 0
    assert value(found, "windlass_ingest_attempts_total", model="gfs", outcome="failed") == 1
    assert value(found, "windlass_ingest_received_bytes_total", model="gfs") == 1000
    assert value(found, "windlass_ingest_retries_total", model="gfs", mirror="aws") == 2
    assert value(found, "windlass_ingest_mirror_problems_total", model="gfs", mirror="google") == 1
    assert value(found, "windlass_incident_open", model="gfs", kind="failed") == 1
    assert value(found, "windlass_incident_open", model="gfs", kind="late") == 0
    assert value(found, "windlass_notices_delivered_total", address="https://a.example") == 4
    assert value(found, "windlass_notices_failed_total", address="https://b.example") == 2
    assert value(found, "windlass_notices_owed", address="https://b.example") == 1
    assert value(found, "windlass_freshness_last_look_timestamp_seconds") == NOW.timestamp()
    assert value(found, "windlass_disk_free_bytes", folder="work") == 10


def test_a_model_that_never_published_is_told_by_its_attempts(tmp_path: Path) -> None:
    bucket = open_bucket(str(tmp_path))
    failed = Attempt(begun_at=INIT, ended_at=NOW, outcome=Ending.FAILED)
    change_record(bucket, "ifs", lambda record: record.with_attempt(failed))
    found = families(page([PublishedState(bucket, clock)]))
    assert value(found, "windlass_ingest_attempts_total", model="ifs", outcome="failed") == 1
    assert not found.keys() & {"windlass_publish_lag_seconds", "windlass_published_age_seconds"}


class Broken(FolderBucket):
    """Refuses to read one key."""

    broken = ""

    def read(self, key: str) -> bytes:
        if key == self.broken:
            raise BucketError("it is gone")
        return super().read(key)


def test_a_bucket_that_cannot_be_read_is_told_as_such_and_nothing_half(bucket: FolderBucket) -> None:
    broken = Broken(bucket.folder)
    for broken.broken in (manifest_key("gfs"), record_key("gfs"), LEDGER):
        found = families(page([PublishedState(broken, clock)]))
        assert found.keys() == {"windlass_bucket_readable"}
        assert value(found, "windlass_bucket_readable") == 0


@pytest.mark.parametrize("key", [manifest_key("gfs"), record_key("gfs"), LEDGER, "incidents/looked.json"])
def test_an_object_that_is_rubbish_is_counted_and_hides_no_other(bucket: FolderBucket, key: str) -> None:
    bucket.write(key, b"rubbish")
    found = families(page([PublishedState(bucket, clock)]))
    assert value(found, "windlass_bucket_unreadable_objects") == 1
    assert value(found, "windlass_bucket_readable") == 1
    assert len(found) > 15


def test_scrapes_at_the_same_moment_look_once(bucket: FolderBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(bucket, "list", lambda prefix="": looks.append(prefix) or [])
    state = PublishedState(bucket, clock)
    list(state.collect())
    once = len(looks)
    assert once
    list(state.collect())
    assert len(looks) == once
