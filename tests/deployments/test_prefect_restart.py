"""A Prefect server that is gone for a while: what goes on without it, and what comes again with it."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage.folder import FolderBucket
from storage.manifest import read_manifest
from tests.fixtures.yard import until, watching


def test_a_server_that_was_killed_finds_its_worker_its_run_and_its_schedule_again(
    lossless: Any, yard: Any, runs: Any, warm: Any, windlass: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import IntervalSchedule

    monkeypatch.setenv("PREFECT_API_URL", lossless.url)
    monkeypatch.setattr("deployments.watch.watch.RETRY", 1.0)
    monkeypatch.setattr("deployments.watch.watch.LONGEST_RETRY", 1.0)
    with yard() as it, it.worker() as worker:
        chore = it.deployment("prune")
        often = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(seconds=15)), slug="often")
        it.client.create_deployment_schedules(chore.id, [often])
        it.landed.add(0)
        waiting = it.client.create_flow_run_from_deployment(it.deployment("gfs").id).id
        until(it.waits_for(1, skip=3), "a run that waits for lead 1")

        # Of the watch's own children alone.
        monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
        lossless.stop(signal.SIGKILL)
        assert not lossless.answers()
        with watching(it) as said:
            until(lambda: any("did not take it" in line for line in said), "the watch cannot tell")
            direct = ("ingest", "gfs", "--mirror", runs, "--leads", "0-2", "--init-time", "2026-04-20T00", "--direct")
            done = warm.begin(replace(windlass, home=windlass.home / "direct"), *direct).wait()
            assert done.returncode == 0, done.stderr
            lossless.start()
            until(lambda: it.started_by_the_server("gfs"), "the watch tells")
        heard = it.events("prefect.flow-run.heartbeat", waiting)
        until(lambda: set(it.events("prefect.flow-run.heartbeat", waiting)) - set(heard), "signs of life come again")
        it.client.resume_deployment(chore.id)
        again = until(lambda: [row for row in it.runs("prune") if row.auto_scheduled], "scheduled runs come again")
        until(lambda: it.client.read_flow_run(again[0].id).state.is_completed(), "the worker runs them")
        it.landed.add(1)
        until(lambda: it.client.read_flow_run(waiting).state.is_final(), "the end of the run that waited")
        assert it.client.read_flow_run(waiting).state.is_completed()
        manifest = read_manifest(FolderBucket(windlass.bucket), "gfs")
        assert manifest
        assert (manifest.init_time, manifest.leads) == (it.init_time, 2)
        assert worker.poll() is None
