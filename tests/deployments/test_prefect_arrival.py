"""Leads that land on a mirror, seen by the watch, told to a real Prefect server, ingested by a real worker, served."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.children import Children
from storage.folder import FolderBucket
from storage.manifest import Manifest, read_manifest
from tests.fixtures.yard import until, watching

SILENCE = timedelta(seconds=10)


@pytest.fixture
def api(windlass: Any, tmp_path: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """api(): what /health says of GFS, of an API beside a sync that looks every second."""
    with Children(tmp_path / "logs") as children:
        command = (sys.executable, "-m", "deployments.cli")
        children.start("sync", (*command, "sync", "--every", "1"), windlass.env)
        serve = children.start("serve", (*command, "serve", "--port", "0"), windlass.env)
        url = until(
            lambda: [line.split()[-1] for line in serve.tail(50).splitlines() if line.startswith("health ")], ""
        )

        def api() -> dict[str, Any]:
            with urllib.request.urlopen(url[0], timeout=60) as answer:
                models = {model["model"]: model for model in json.loads(answer.read())["models"]}
            return models.get("gfs", {})

        yield api


def test_leads_that_land_in_stages_are_published_twice_and_served(
    lossless: Any, yard: Any, monkeypatch: pytest.MonkeyPatch, api: Callable[[], dict[str, Any]]
) -> None:
    from deployments.bootstrap.alarms import Windows

    monkeypatch.setenv("PREFECT_API_URL", lossless.url)
    with yard(windows=Windows(silence=SILENCE)) as it, it.worker(), watching(it) as said:
        it.landed.add(0)
        until(it.waits_for(1, skip=3), "a run that waits for lead 1")
        (first,) = it.started_by_the_server("gfs")
        # Somebody starts a second one: it waits for the first one, and no server takes it for dead.
        second = it.client.create_flow_run_from_deployment(it.deployment("gfs").id)
        beats = "prefect.flow-run.heartbeat"
        until(lambda: len(it.events(beats, first.id)) > SILENCE.seconds + 5, "signs of life of the waiting run")
        assert it.client.read_flow_run(first.id).state.name == "Running"
        assert it.client.read_flow_run(second.id).state.name == "AwaitingConcurrencySlot"

        it.landed.add(1)
        bucket = FolderBucket(it.windlass.bucket)

        def published(leads: int) -> Callable[[], Manifest | None]:
            def look() -> Manifest | None:
                manifest = read_manifest(bucket, "gfs")
                return manifest if manifest and manifest.leads == leads else None

            return look

        stage = until(published(2), "the first stage")
        until(lambda: it.client.read_flow_run(second.id).state.is_final(), "the end of the second run")
        assert it.states(second.id)[-1] == "NoNewRun"
        assert it.client.read_flow_run(first.id).state.name == "Completed"
        assert "Crashed" not in it.states(first.id) + it.states(second.id)
        served = until(lambda: api().get("leads") == 2 and api(), "the first stage at the API")
        assert served["generation"] == stage.generation == 1

        it.landed.add(2)
        until(it.waits_for(3, skip=3), "a run that waits for lead 3")
        it.landed.add(3)
        whole = until(published(4), "the whole run")
        assert (whole.init_time, whole.generation) == (stage.init_time, 2)
        served = until(lambda: api().get("leads") == 4 and api(), "the whole run at the API")
        assert served["generation"] == 2
        runs = until(lambda: [run for run in it.runs("gfs") if run.state.is_final()][2:], "the end of the last run")
        assert [run.state.name for run in runs] == ["Completed"]
        assert {run.name for run in it.runs("gfs")} >= {f"gfs {stage.init_time:%Y-%m-%dT%HZ}"}
        assert sum("is on here" in line for line in said) == 2, said
