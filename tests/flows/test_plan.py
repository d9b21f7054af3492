from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.gfs import MODEL
from flows.ifs import MODEL as IFS
from flows.plan import plan_run
from flows.request import IngestRequest, Job, job_for
from flows.search import Found
from tasks.errors import DiskFull

RUN = datetime(2026, 4, 20, tzinfo=UTC)


def found(job: Job) -> Found:
    leads = MODEL.leads(RUN)
    return Found(RUN, leads, leads[-1], job.mirrors, short=MODEL.history(RUN))


def test_a_whole_gfs_run_is_announced_in_gigabytes(tmp_path: Path) -> None:
    job = job_for(MODEL, IngestRequest(bucket="b", work=tmp_path))
    plan = plan_run(MODEL, found(job), job.box, tmp_path)
    assert plan.messages == 22 * 209 - 3
    assert 2e9 < plan.download < 4e9
    assert 450_000_000 < plan.memory < 600_000_000
    assert "GB to download from aws, then google, then nomads" in plan.in_words()


def test_a_box_needs_less_disk_and_memory_but_the_same_download(tmp_path: Path) -> None:
    whole = job_for(MODEL, IngestRequest(bucket="b", work=tmp_path))
    europe = job_for(MODEL, IngestRequest(bucket="b", work=tmp_path, bbox="-11,35,31,60"))
    plans = [plan_run(MODEL, found(job), job.box, tmp_path) for job in (whole, europe)]
    assert plans[0].download == plans[1].download
    assert plans[1].disk < plans[0].disk
    assert plans[1].memory < plans[0].memory


def test_only_a_model_that_eccodes_decodes_takes_scratch(tmp_path: Path) -> None:
    job = job_for(MODEL, IngestRequest(bucket="b", work=tmp_path))
    here, elsewhere = (
        plan_run(model, found(job), job.box, tmp_path) for model in (MODEL, replace(MODEL, by_eccodes=True))
    )
    assert elsewhere.disk - here.disk == pytest.approx(2 * MODEL.points * here.messages, abs=2)
    assert IFS.by_eccodes


def test_a_disk_without_room_is_an_error_before_anything_is_fetched(tmp_path: Path) -> None:
    job = job_for(MODEL, IngestRequest(bucket="b", work=tmp_path))
    plan = plan_run(MODEL, found(job), job.box, tmp_path)
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(DiskFull, match=r"gfs 2026-04-20T00Z needs about .* --work .* --leads, --bbox"):
        replace(plan, disk=2 * free + 2_000_000_000).require_room()
    replace(plan, disk=free // 2).require_room()
