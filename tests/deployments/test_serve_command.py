"""`windlass serve` as people run it: a process of its own, under load, until it is told to end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest

from storage.grids import LatLonGrid
from storage.layout import shard_grid
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band

ROOT = Path(__file__).parents[2]
INIT = datetime(2026, 4, 20, tzinfo=UTC)
COMMAND = (
    "import sys, typer\n"
    "from deployments.commands.serve import serve\n"
    "from deployments.console import report_errors\n"
    "app = typer.Typer(rich_markup_mode='rich')\n"
    "app.command()(serve)\n"
    "with report_errors():\n"
    "    app()\n"
)


def publish(folder: Path, number: int) -> None:
    """Run `number` of a model of one variable: it starts `number` hours after INIT, and is that many degrees warm."""
    row = variable("air_temperature_2m")
    schema = StoreSchema(
        model="gfs",
        init_time=INIT + timedelta(hours=number),
        lead_times=tuple(range(0, 4200, 60)),
        variables=(StoredVariable(row, row.precision, 273.15, (0,) * 70),),
        grid=LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36),
        freshness=Freshness(330, 400, 7200),
        attribution="nobody",
        licence="none",
    )
    key = store_key("gfs", schema.init_time)
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    with StoreWriter(path, schema) as writer:
        for shard_row in range(shard_grid(schema)[0]):
            rows = min(10, 19 - 10 * shard_row)
            values = np.full((70, rows, 36), 273.15 + number, np.float32)
            writer.append(encode_band(schema, shard_row, lambda _, values=values: values))
    manifest = Manifest(
        model="gfs",
        init_time=schema.init_time,
        key=key,
        size=path.stat().st_size,
        sha256="0" * 64,
        generation=1,
        leads=70,
        last_lead=4140,
        published_at=schema.init_time,
        freshness=replace(schema.freshness),
    )
    part = folder / "gfs" / ".part"
    part.write_bytes(manifest.to_bytes())
    part.replace(folder / manifest_key("gfs"))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", COMMAND, *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """(process, URL, what it said first). Its socket listens before it speaks: a request waits for the start."""
    process = subprocess.Popen(
        command(*arguments, "--port", "0"), cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "200"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said: list[str] = []
    assert process.stderr is not None
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.match(r"health +(http\S+)/health", line):
                # Nobody reads on: a full pipe would stop the server.
                drain = threading.Thread(target=process.stderr.read, daemon=True)
                drain.start()
                yield process, found[1], said
                break
        else:
            pytest.fail(f"it ended: {''.join(said)}")
    finally:
        process.kill()
        process.wait()


def get(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        body: dict[str, object] = json.loads(answer.read())
        return body


def temperature(url: str) -> tuple[float, str]:
    """(degrees now, start of the run that said so)."""
    body = get(f"{url}/forecast/key/52,13?units=si&exclude=hourly,daily")
    return body["currently"]["temperature"], body["flags"]["sourceTimes"]["gfs"]  # type: ignore[index]


def test_help_teaches() -> None:
    done = run("--help")
    assert done.returncode == 0
    for taught in ("windlass sync", "--now 2026-04-20T06", "--workers", "52.52,13.41"):
        assert taught in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_swaps_under_load_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    publish(tmp_path, 0)
    with serving("--stores", str(tmp_path), "--now", "2026-04-20T09") as (process, url, said):
        assert any("gfs: run of 2026-04-20T00:00Z" in line for line in said)
        assert temperature(url) == (0.0, "2026-04-20 00Z")
        wrong: list[object] = []
        swapped = threading.Event()

        def hammer() -> None:
            while not swapped.is_set():
                try:
                    degrees, run = temperature(url)
                except OSError as error:
                    wrong.append(error)
                    return
                if run != f"2026-04-20 {degrees:02.0f}Z":
                    wrong.append((degrees, run))
                if degrees == 3.0:
                    swapped.set()

        clients = [threading.Thread(target=hammer) for _ in range(3)]
        for client in clients:
            client.start()
        for generation in (1, 2, 3):
            publish(tmp_path, generation)
        for client in clients:
            client.join()
        assert not wrong
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


def test_workers_serve_and_leave_nobody_behind(tmp_path: Path) -> None:
    publish(tmp_path, 0)
    with serving("--stores", str(tmp_path), "--now", "2026-04-20T09", "--workers", "2") as (process, url, _):
        for _ in range(20):
            assert temperature(url) == (0.0, "2026-04-20 00Z")
        with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
            told = answer.read().decode()
        assert 'windlass_requests_total{status="200"} 20.0' in told, "whichever worker is scraped, all are counted"
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(timeout=30) == 0
        _, alive = psutil.wait_procs(family, timeout=20)
        assert not alive


def test_an_empty_folder_is_served_and_says_what_to_do(tmp_path: Path) -> None:
    with serving("--stores", str(tmp_path / "nosuch")) as (process, url, said):
        assert "windlass sync" in "".join(said)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            get(f"{url}/health")
        process.terminate()
        assert process.wait(timeout=20) == 0


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--stores", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken by another program" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_time_that_is_none_is_told(tmp_path: Path) -> None:
    done = run("--stores", str(tmp_path), "--now", "tomorrow")
    assert done.returncode == 2
    assert "2026-04-20T06" in done.stderr
