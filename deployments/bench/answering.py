"""What an answer costs: CPU of the API process per request under load, and answers per second."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.bench.measure import anonymous_bytes, cpu_seconds
from deployments.bench.table import Row
from deployments.children import Child, Children, free_port

SECONDS = 6
CONNECTIONS = 8
QUERY = "?units=si&extend=hourly"
# Another place for every request: no cache helps.
PLACES = """
math.randomseed(1)
function request()
  local lat, lon = math.random() * 170 - 85, math.random() * 358 - 179
  return wrk.format("GET", string.format("/forecast/bench/%.3f,%.3f" .. QUERY, lat, lon))
end
"""


@dataclass(frozen=True)
class Load:
    """One server under load: CPU microseconds a request, requests a second of wall time, anonymous memory."""

    cpu_micros: float
    per_second: float
    anonymous_bytes: int
    failed: int


def measure_answering(stores: Path, scratch: Path) -> list[Row]:
    """Load on the API over `stores`, then on FastAPI returning one such answer as constant bytes."""
    if shutil.which("wrk") is None:
        raise FileNotFoundError("wrk is not installed: apt-get install wrk")
    script = scratch / "places.lua"
    script.write_text(f"QUERY = '{QUERY}'\n{PLACES}")
    serve = (sys.executable, "-m", "deployments.cli", "serve", "--stores", str(stores))
    with _serving(scratch, "windlass", serve, {}) as (base, child):
        body = scratch / "body.json"
        body.write_bytes(child.answer(f"{base}/forecast/bench/52.52,13.41{QUERY}"))
        ours = _load(base, child.process.pid, script)
    uvicorn = (sys.executable, "-m", "uvicorn", "--factory", "deployments.bench.constant:create_app", "--no-access-log")
    with _serving(scratch, "constant", uvicorn, {"WINDLASS_BENCH_BODY": str(body)}) as (base, child):
        child.answer(f"{base}/forecast/bench/52.52,13.41{QUERY}")
        floor = _load(base, child.process.pid, script)
    size = f"{body.stat().st_size / 1000:.0f} kB"
    name = "FastAPI, constant bytes"
    if ours.failed:
        raise RuntimeError(f"{ours.failed} of the answers under load were errors")
    return [
        Row(f"answer, 168 hours, {size}", ours.cpu_micros / 1000, "ms CPU", floor.cpu_micros / 1000, name, "<= 2 ms"),
        Row("answers a second of one worker, wrk beside it", ours.per_second, "1/s", floor.per_second, name, ">= 400"),
        Row("anonymous memory of a worker", ours.anonymous_bytes / 1e6, "MB", None, "", "< 200 MB"),
    ]


@contextmanager
def _serving(scratch: Path, name: str, command: Sequence[str], env: Mapping[str, str]) -> Iterator[tuple[str, Child]]:
    port = free_port(8090)
    with Children(scratch / "logs") as children:
        child = children.start(name, (*command, "--host", "127.0.0.1", "--port", str(port)), env)
        base = f"http://127.0.0.1:{port}"
        child.answer(f"{base}/openapi.json")
        yield base, child


def _load(base: str, pid: int, script: Path) -> Load:
    _wrk(base, script, 1)
    before = cpu_seconds(pid)
    told = _wrk(base, script, SECONDS)
    spent = cpu_seconds(pid) - before
    count = _number(told, r"(\d+) requests in")
    failed = _number(told, r"Non-2xx or 3xx responses: (\d+)") if "Non-2xx" in told else 0.0
    return Load(spent / count * 1e6, _number(told, r"Requests/sec:\s+([\d.]+)"), anonymous_bytes(pid), int(failed))


def _wrk(base: str, script: Path, seconds: int) -> str:
    command = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), base)
    return subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout


def _number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"wrk said nothing like {pattern!r}:\n{text}")
    return float(found[1])
