"""`windlass serve` as people run it: a process of its own, under load, until it is told to end."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest

from deployments.commands.serve import counting
from storage.grids import LatLonGrid
from storage.layout import shard_grid
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band
from tests.deployments.served import run, serving

INIT = datetime(2026, 4, 20, tzinfo=UTC)


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


def test_no_worker_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    publish(tmp_path, 0)
    stores = ("--stores", str(tmp_path), "--now", "2026-04-20T09", "--workers", "2")
    with serving(*stores) as (process, url, _):
        assert temperature(url) == (0.0, "2026-04-20 00Z")
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive
    # Its port is free for the next.
    with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
        pass


def test_counts_of_servers_that_were_killed_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed, fresh = tmp_path / "windlass-metrics-killed", tmp_path / "windlass-metrics-fresh"
    for folder in (killed, fresh):
        folder.mkdir()
    os.utime(killed, (0, 0))
    with counting() as running:
        (running / "counter_1.db").write_bytes(b"")
        os.utime(running, (0, 0))
        with counting() as other:
            assert sorted(tmp_path.iterdir()) == sorted((fresh, running, other))
    assert list(tmp_path.iterdir()) == [fresh]


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


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WINDLASS_STORES", "", "error: WINDLASS_STORES: it is empty: give it a value, or unset it for the default"),
        ("WINDLASS_NOW", "tomorrow", "error: WINDLASS_NOW: Input should be a valid datetime"),
    ],
)
def test_a_bad_setting_ends_one_node_with_one_line_while_the_other_serves(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    """An outage of 3 h 45: one bad file of settings took both nodes down."""
    publish(tmp_path, 0)
    with serving("--stores", str(tmp_path), "--now", "2026-04-20T09") as (process, url, _):
        done = run("--port", "0", **{name: value})
        assert done.returncode == 1
        assert done.stderr.startswith(told)
        assert len(done.stderr.strip().splitlines()) == 1
        assert temperature(url) == (0.0, "2026-04-20 00Z")
        assert process.poll() is None


def test_a_new_node_lives_at_once_and_is_ready_with_its_first_store(tmp_path: Path) -> None:
    """A balancer sends nobody to a node without data, and nobody restarts it for having none."""

    def status(path: str) -> int:
        try:
            with urllib.request.urlopen(url + path, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    stores = tmp_path / "not-yet"
    with serving("--stores", str(stores), "--now", "2026-04-20T09") as (process, url, _):
        assert [status(path) for path in ("/livez", "/readyz", "/forecast/key/52,13")] == [200, 503, 503]
        publish(stores, 0)
        while (ready := status("/readyz")) != 200:
            assert (ready, process.poll()) == (503, None)
        assert temperature(url) == (0.0, "2026-04-20 00Z")
