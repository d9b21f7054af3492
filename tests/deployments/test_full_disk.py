"""Disks that are full, before an ingest or a sync begins and wherever in the middle."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployments.simulator.server import serve
from flows.gfs import MODEL as GFS
from flows.ingest import ingest
from flows.request import IngestRequest
from storage import errors as storage_errors
from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import read_manifest
from storage.verify import verify
from tasks import errors as task_errors

Run = Callable[..., Any]
PAGE = 4096
RUN = datetime(2026, 4, 20, tzinfo=UTC)
NEXT = datetime(2026, 4, 20, 6, tzinfo=UTC)
USUAL = ("--leads", "0-2", "--init-time", "2026-04-20T06", "--direct")
FULL = (task_errors.DiskFull, storage_errors.DiskFull)


def leave(disk: Path, free: int) -> Path:
    """Fill a disk up to `free` bytes, in whole pages; returns the ballast, to be thrown off."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(disk).free - free, 1))
    return ballast


def full(work: Callable[[], object]) -> str | None:
    """What is said of a full disk, None where there was room."""
    try:
        work()
    except FULL as error:
        return str(error)
    return None


def test_a_work_folder_without_room_is_said_before_anything_is_fetched(
    run: Run, published: Any, runs: Path, small_disk: Path
) -> None:
    with serve(runs) as server:
        error = run("ingest", "gfs", "--mirror", server.url, "--work", small_disk / "work", *USUAL).error
        assert all(path.endswith(".idx") for path in server.paths())
    assert error.startswith("error: gfs 2026-04-20T06Z needs about ")
    assert f"in {small_disk / 'work' / 'gfs' / '20260420T0600Z'}, where " in error
    assert "make room, choose another --work folder, or ask for less with --leads, --bbox" in error
    published.stays()


def test_a_full_disk_without_a_byte_for_the_work_folder_is_said(
    run: Run, published: Any, runs: Path, small_disk: Path
) -> None:
    leave(small_disk, 0)
    error = run("ingest", "gfs", "--mirror", runs, "--work", small_disk / "work", *USUAL).error
    assert f"no room left on the disk of {small_disk / 'work' / 'gfs'}" in error
    published.stays()


def test_a_disk_that_fills_up_while_files_are_ingested_is_said(
    run: Run, published: Any, runs: Path, small_disk: Path
) -> None:
    files = sorted(file for file in runs.glob("gfs.20260420/06/atmos/*") if file.suffix != ".idx")
    command = ("ingest", "gfs", "--files", *files, "--work", small_disk / "work", "--direct")
    ballast = leave(small_disk, 20 * PAGE)
    error = run(*command).error
    assert "gfs 2026-04-20T06Z" in error
    assert str(small_disk / "work") in error
    assert "room" in error
    published.stays()
    ballast.unlink()
    done = run(*command)
    assert done.returncode == 0, done.stderr


def test_wherever_in_an_ingest_the_disk_fills_up_the_old_run_stays_and_room_helps(
    runs: Path, small_disk: Path, published: Any
) -> None:
    model = replace(GFS, bytes_per_message=0, grid=LatLonGrid(0.0, 1.0, 1, 0.0, 1.0, 1))
    work, bucket = small_disk / "work", published.windlass.bucket
    request = IngestRequest(mirror=str(runs), leads="0-2", init_time=NEXT, bucket=str(bucket), work=work)
    told = set()
    for pages in range(2, 200, 4):
        ballast = leave(small_disk, pages * PAGE)
        problem = full(lambda: ingest(model, request))
        ballast.unlink()
        if problem is None:
            break
        assert "gfs 2026-04-20T06" in problem
        assert str(work) in problem
        told.add(problem.split("Z")[1].split(str(small_disk))[0])
        published.stays()
        left = [path.relative_to(work / "gfs").parts for path in work.rglob("*") if path.is_file()]
        assert all(parts == (".lock",) or parts[1] == "staged" for parts in left), left
    assert problem is None
    assert told == {": no room in ", ": no room left on the disk of "}
    manifest = read_manifest(FolderBucket(bucket), "gfs")
    assert manifest is not None
    assert manifest.init_time == NEXT
    verify(bucket / manifest.key)


def test_a_bucket_without_room_keeps_the_old_run_until_there_is_room(
    run: Run, published: Any, runs: Path, small_disk: Path
) -> None:
    place = Path(shutil.copytree(published.windlass.bucket, small_disk / "bucket"))
    bucket = FolderBucket(place)
    before, keys = read_manifest(bucket, "gfs"), bucket.list()
    command = ("ingest", "gfs", "--mirror", runs, "--bucket", place, *USUAL)
    for pages in (0, 1, 8):
        ballast = leave(small_disk, pages * PAGE)
        error = run(*command).error
        assert error.startswith("error: gfs 2026-04-20T06Z: no room left on the disk of ")
        assert str(place) in error
        assert "free some space" in error
        assert (read_manifest(bucket, "gfs"), bucket.list()) == (before, keys)
        assert not list(place.rglob("*.part"))
    ballast.unlink()
    done = run(*command)
    assert done.returncode == 0, done.stderr
    after = read_manifest(bucket, "gfs")
    assert after is not None
    assert after.init_time == NEXT
    verify(place / after.key)


def test_stores_without_room_stay_as_they_were_until_there_is_room(
    run: Run, published: Any, runs: Path, small_disk: Path
) -> None:
    stores = Path(shutil.copytree(published.windlass.stores, small_disk / "stores"))
    # What became of ingests takes little room and may have changed.
    besides = (".lock", "ingest.json")
    before = {path: path.read_bytes() for path in stores.rglob("*.*") if path.name not in besides}
    assert run("ingest", "gfs", "--mirror", runs, *USUAL).returncode == 0
    for pages in (0, 8):
        ballast = leave(small_disk, pages * PAGE)
        done = run("sync", "--once", "--to", stores)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"no room left on the disk of {stores / 'gfs'}")
        assert {path: path.read_bytes() for path in stores.rglob("*.*") if path.name not in besides} == before
    ballast.unlink()
    assert run("sync", "--once", "--to", stores).returncode == 0
    manifest = read_manifest(FolderBucket(stores), "gfs")
    assert manifest is not None
    assert manifest.init_time == NEXT
    verify(stores / manifest.key)
