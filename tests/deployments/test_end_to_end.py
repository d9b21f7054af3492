"""A run's whole way through the command line: over S3, and through kill -9 at any moment."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from deployments.simulator.server import Fault, serve
from flows.report import IngestReport
from storage.folder import FolderBucket
from storage.manifest import read_manifest
from storage.verify import verify

Run = Callable[..., Any]
NEXT = datetime(2026, 4, 20, 6, tzinfo=UTC)
USUAL = ("--leads", "0-2", "--init-time", "2026-04-20T06", "--direct")
KILLS = 6


def in_session(number: int) -> list[psutil.Process]:
    """The processes of a session that live."""

    def belongs(process: psutil.Process) -> bool:
        try:
            return os.getsid(process.pid) == number and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False

    return [process for process in psutil.process_iter() if belongs(process)]


def test_killed_at_any_moment_the_old_run_stays_and_the_next_ingest_succeeds_at_once(
    warm: Any, published: Any, runs: Path
) -> None:
    windlass = published.windlass
    bucket = FolderBucket(windlass.bucket)
    command = ("ingest", "gfs", "--mirror", runs, *USUAL)
    old = read_manifest(bucket, "gfs")
    assert old is not None

    def begin_anew() -> Any:
        shutil.rmtree(windlass.work, ignore_errors=True)
        shutil.rmtree(windlass.bucket)
        for name, data in published.bucket.items():
            (windlass.bucket / name).parent.mkdir(parents=True, exist_ok=True)
            (windlass.bucket / name).write_bytes(data)
        return warm.begin(windlass, *command)

    began = time.monotonic()
    whole = begin_anew().wait()
    assert whole.returncode == 0, whole.stderr
    took = time.monotonic() - began
    chance = random.Random(4)
    killed = 0
    for part in range(KILLS):
        ingest = begin_anew()
        # One kill in each sixth of the way.
        ingest.linger(took * (part + chance.random()) / KILLS)
        ingest.kill()
        ended = ingest.wait()
        # The disk as the killed process left it, and the next one without a pause.
        now = read_manifest(bucket, "gfs")
        done = warm.begin(windlass, *command).wait()
        assert done.returncode == 0, (part, done.stderr)
        assert not in_session(ingest.pid)
        assert now is not None
        assert now.init_time in (old.init_time, NEXT)
        if ended.returncode:
            killed += 1
        else:
            assert now.init_time == NEXT
        verify(windlass.bucket / now.key)
        after = read_manifest(bucket, "gfs")
        assert after is not None
        assert after.init_time == NEXT
        verify(windlass.bucket / after.key)
        # A run that is published twice pushes out no run before it.
        kept = {after.key, now.key, old.key, *(short.key for short in after.history)}
        there = {key for key in bucket.list() if not key.startswith("gfs/static")}
        assert there - {"gfs/statistics.json", "gfs/ingest.json"} == {"gfs/latest.json", *kept}
        assert not list(windlass.bucket.rglob("*.part"))
        assert [path.name for path in windlass.work.rglob("*") if path.is_file()] == [".lock"]
    assert killed >= KILLS // 2


def test_ctrl_c_is_heard_while_a_mirror_stalls(warm: Any, published: Any, runs: Path) -> None:
    windlass = published.windlass
    with serve(runs, [Fault("*.f002", stall_after=100)]) as server:
        ingest = warm.begin(windlass, "ingest", "gfs", "--mirror", server.url, *USUAL)
        while not any(path.endswith("f002") for path in server.paths()):
            ingest.linger(0.01)
        ingest.kill(signal.SIGINT)
        done = ingest.wait()
    assert done.returncode not in (0, 70), done.stderr
    assert "Traceback" not in done.stderr
    published.stays()
    assert warm.begin(windlass, "ingest", "gfs", "--mirror", runs, *USUAL).wait().returncode == 0


def test_a_run_goes_through_s3_from_the_mirror_to_a_point(run: Run, s3: Any, windlass: Any, runs: Path) -> None:
    done = run("ingest", "gfs", "--mirror", runs, "--bucket", s3.base, "--json", *USUAL)
    assert done.returncode == 0, done.stderr
    report = IngestReport.model_validate_json(done.stdout)
    assert not windlass.bucket.exists()
    done = run("sync", "--bucket", s3.base, "--once")
    assert done.returncode == 0, done.stderr
    manifest = read_manifest(FolderBucket(windlass.stores), "gfs")
    assert manifest is not None
    assert manifest.model_dump(mode="json") == report.manifest
    told = run("store", "point", windlass.stores / manifest.key, "52.5", "13.4", "--json")
    assert run("ingest", "gfs", "--mirror", runs, *USUAL).returncode == 0
    assert json.loads(told.stdout) == json.loads(
        run("store", "point", windlass.bucket / manifest.key, "52.5", "13.4", "--json").stdout
    )


@pytest.mark.parametrize(("fault", "told"), [("InvalidAccessKeyId", "InvalidAccessKeyId"), ("NoSuchKey", "s3://")])
def test_s3_that_refuses_is_one_line(run: Run, s3: Any, runs: Path, fault: str, told: str) -> None:
    s3.fault = lambda environ: fault if environ["REQUEST_METHOD"] in ("PUT", "POST") else None
    error = run("ingest", "gfs", "--mirror", runs, "--bucket", s3.base, *USUAL).error
    assert "gfs 2026-04-20T06Z" in error
    assert s3.base in error
    assert told in error
    s3.fault = None
    assert run("sync", "--bucket", s3.base, "--once").stderr == f"no run is published in {s3.base}\n"
    assert run("ingest", "gfs", "--mirror", runs, "--bucket", s3.base, *USUAL).returncode == 0
