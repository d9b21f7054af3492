"""`windlass sync` as people run it: a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from storage.folder import FolderBucket
from storage.grids import LatLonGrid
from storage.manifest import Manifest, read_manifest
from storage.reader import Store
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band
from tasks.publish import publish

NOW = datetime(2026, 4, 20, 20, tzinfo=UTC)

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def published(bucket: FolderBucket, tmp_path: Path) -> Callable[[str, int], Manifest]:
    """published(model, hour): a tiny run, published."""

    def published(model: str, hour: int) -> Manifest:
        row = StoredVariable(variable("air_temperature_2m"), 0.01, 280.0, (0,))
        grid = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)
        init_time = datetime(2026, 4, 20, hour, tzinfo=UTC)
        schema = StoreSchema(model, init_time, (0,), (row,), grid, Freshness(330, 400, 1440), "nobody", "none")
        path = tmp_path / f"{model}-{hour}.zarr.zip"
        with StoreWriter(path, schema) as writer:
            for number, rows in enumerate((10, 9)):
                values = np.full((1, rows, 36), 280 + hour, np.float32)
                writer.append(encode_band(schema, number, lambda name, values=values: values))
        return publish(SimpleNamespace(path=path, schema=schema), bucket, NOW)

    return published


@pytest.fixture
def command(windlass: Any) -> Command:
    """command(*arguments): what subprocess needs to run `windlass sync` on folders of the test."""

    def command(*arguments: str) -> dict[str, Any]:
        return {**windlass.command("sync", *arguments), "stdin": subprocess.DEVNULL}

    return command


def run(command: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**command, capture_output=True)


def test_help_teaches(command: Command) -> None:
    done = run(command("--help"))
    assert done.returncode == 0
    for taught in ("windlass sync --once", "s3://weather/runs", "AWS_ENDPOINT_URL", "WINDLASS_STORES", "sha256"):
        assert taught in done.stdout


def test_once_brings_every_model_from_the_configured_bucket(
    command: Command, published: Callable[[str, int], Manifest], tmp_path: Path
) -> None:
    for model in ("gfs", "ifs"):
        published(model, 6)
    done = run(command("--once"))
    assert done.returncode == 0, done.stderr
    assert "gfs 2026-04-20T06:00Z synced" in done.stderr
    assert done.stdout == ""
    for model in ("gfs", "ifs"):
        manifest = read_manifest(FolderBucket(tmp_path / "stores"), model)
        assert manifest is not None
        with Store.open(tmp_path / "stores" / manifest.key) as store:
            assert store.schema.model == model
    again = run(command("--once"))
    assert "gfs 2026-04-20T06:00Z is here already" in again.stderr


def test_one_model_that_fails_is_told_after_the_rest_was_synced(
    command: Command, published: Callable[[str, int], Manifest], bucket: FolderBucket, tmp_path: Path
) -> None:
    broken = published("gfs", 0)
    published("ifs", 0)
    bucket.path(broken.key).write_bytes(b"x" * broken.size)
    done = run(command("--once", "--json", "--to", str(tmp_path / "elsewhere")))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    report = json.loads(done.stdout)
    assert [(model["model"], model["outcome"]) for model in report["models"]] == [("gfs", "failed"), ("ifs", "synced")]
    assert f"{bucket.url(broken.key)} is not what its manifest says" in report["models"][0]["problem"]
    assert read_manifest(FolderBucket(tmp_path / "elsewhere"), "ifs") is not None
    assert read_manifest(FolderBucket(tmp_path / "elsewhere"), "gfs") is None


def test_an_empty_bucket_is_said(command: Command, tmp_path: Path) -> None:
    done = run(command("--once", "--bucket", str(tmp_path / "nothing")))
    assert done.returncode == 0
    assert done.stderr == f"no run is published in {tmp_path / 'nothing'}\n"


@pytest.mark.parametrize("address", ["gs://bucket", "s3://key:secret@bucket"])
def test_a_bucket_that_cannot_be_is_one_line_and_a_bad_exit(command: Command, address: str) -> None:
    done = run(command("--once", "--bucket", address))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_s3_that_does_not_answer_is_one_line_and_a_bad_exit(
    command: Command, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    done = run(command("--once", "--bucket", s3.base))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: cannot list objects v2 {s3.base}/: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_watch_tells_news_as_json_lines_and_ends_cleanly(
    command: Command, published: Callable[[str, int], Manifest], number: signal.Signals
) -> None:
    first = published("gfs", 0)
    with subprocess.Popen(**command("--json", "--every", "1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watch:
        assert watch.stdout is not None
        assert json.loads(watch.stdout.readline())["models"][0]["key"] == first.key
        second = published("gfs", 6)
        assert json.loads(watch.stdout.readline())["models"][0]["key"] == second.key
        watch.send_signal(number)
        told = watch.communicate()[1]
    assert watch.returncode == 0
    assert told.splitlines()[-1].startswith("stopped")
    assert "Traceback" not in told
