"""An incident is opened once and closed once, whoever sees it, in a folder and in S3."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest

from storage.bucket import Bucket, open_bucket
from storage.errors import ManifestError
from storage.manifest import models_in
from tasks.incidents import Incident, Kind, close_incident, find_incident, open_incident, records_in

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bucket") if request.param == "folder" else request.getfixturevalue("s3").base


@pytest.fixture
def bucket(url: str) -> Bucket:
    return open_bucket(url)


def late(model: str = "gfs", since: datetime = NOW, cause: str = "") -> Incident:
    return Incident(model=model, kind=Kind.LATE, reason="nothing new", since=since, cause=cause)


def test_an_incident_opens_once_and_closes_once(bucket: Bucket) -> None:
    assert not close_incident(bucket, "gfs", Kind.LATE, NOW)
    assert open_incident(bucket, late())
    assert not open_incident(bucket, late(since=NOW + timedelta(hours=1)))
    assert find_incident(bucket, "gfs", Kind.LATE) == late()
    assert find_incident(bucket, "gfs", Kind.STALE) is None
    assert close_incident(bucket, "gfs", Kind.LATE, NOW, "a run came")
    assert not close_incident(bucket, "gfs", Kind.LATE, NOW)
    assert find_incident(bucket, "gfs", Kind.LATE) is None
    assert open_incident(bucket, late(since=NOW + timedelta(days=1)))
    assert models_in(bucket) == []


def test_another_cause_is_another_incident_and_the_same_is_none(bucket: Bucket) -> None:
    assert open_incident(bucket, late(cause="wind"))
    (first,) = records_in(bucket)
    assert not open_incident(bucket, late(cause="wind"))
    assert open_incident(bucket, late(cause="rain"))
    (second,) = records_in(bucket)
    assert second.id != first.id
    assert second.continues == ()


def test_models_and_kinds_lie_side_by_side_oldest_first(bucket: Bucket) -> None:
    for hour, model in enumerate(("ifs", "gfs", "hrrr-ak")):
        open_incident(bucket, late(model, NOW - timedelta(hours=hour)))
    bucket.write("incidents/told.json", b"{}")
    assert [record.incident.model for record in records_in(bucket)] == ["hrrr-ak", "gfs", "ifs"]


def test_what_is_no_incident_is_said(bucket: Bucket) -> None:
    bucket.write("incidents/gfs-late.json", b"{}")
    with pytest.raises(ManifestError, match=r"gfs-late\.json"):
        open_incident(bucket, late())


def test_of_threads_that_open_at_once_one_does(bucket: Bucket) -> None:
    at_once = Barrier(8)

    def run(_: int) -> tuple[bool, bool]:
        at_once.wait()
        opened = open_incident(bucket, late())
        at_once.wait()
        return opened, close_incident(bucket, "gfs", Kind.LATE, NOW)

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(run, range(8)))
    assert sum(opened for opened, _ in done) == 1
    assert sum(closed for _, closed in done) == 1


OPENER = """
import sys
from datetime import UTC, datetime
from storage.bucket import open_bucket
from tasks.incidents import Incident, Kind, open_incident
bucket = open_bucket(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    now = datetime(2026, 4, 20, 12, tzinfo=UTC)
    print(int(open_incident(bucket, Incident(model=f"m{number}", kind=Kind.LATE, reason="x", since=now))))
"""


@pytest.fixture
def openers(url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that open the same twenty incidents when told to."""
    command = [sys.executable, "-c", OPENER, url]
    found = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    yield found
    for process in found:
        with process:
            process.kill()


def test_of_processes_that_open_at_once_one_does(openers: list[subprocess.Popen[str]], bucket: Bucket) -> None:
    for process in openers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in openers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    rows = [process.communicate()[0].split() for process in openers]
    assert [sum(int(row[number]) for row in rows) for number in range(20)] == [1] * 20
    assert len(records_in(bucket)) == 20
