"""What the page of a sync tells."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.metrics_core import Metric

from deployments.metrics.page import page
from deployments.metrics.syncing import SyncState
from serving.sync import sync_once
from storage.folder import FolderBucket
from tests.deployments.metrics.scraped import NOW, clock, families, value


def test_a_sync_tells_of_its_rounds_and_of_what_lies_here(pages: dict[str, dict[str, Metric]]) -> None:
    found = pages["sync"]
    assert value(found, "windlass_sync_rounds_total") == 3
    assert value(found, "windlass_sync_last_look_timestamp_seconds") == NOW.timestamp()
    assert value(found, "windlass_sync_copied_bytes_total", model="gfs") == 5
    assert value(found, "windlass_sync_failures_total", model="ifs", reason="WrongChecksum") == 1
    assert value(found, "windlass_sync_failures_total", model="bucket", reason="BucketError") == 1
    assert value(found, "windlass_synced_generation", model="gfs") == 3
    assert value(found, "windlass_synced_age_seconds", model="gfs") == 5 * 3600
    assert value(found, "windlass_disk_free_bytes", folder="stores") > 0


def test_a_sync_that_never_looked_says_nothing_it_does_not_know(tmp_path: Path) -> None:
    found = families(page([SyncState(tmp_path / "nosuch", clock)]))
    assert found.keys() == {"windlass_sync_rounds_total", "windlass_disk_free_bytes", "windlass_disk_size_bytes"}


def test_a_real_sync_names_the_class_of_its_error(tmp_path: Path, bucket: FolderBucket) -> None:
    report = sync_once(bucket, tmp_path / "here")
    state = SyncState(tmp_path / "here", clock)
    state.learn(report)
    found = families(page([state]))
    assert value(found, "windlass_sync_failures_total", model="gfs", reason="WrongChecksum") == 1
    assert "windlass_sync_last_success_timestamp_seconds" not in found
