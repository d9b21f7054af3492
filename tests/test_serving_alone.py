"""A node that only serves: what `pip install windlass[serving]` brings, and what it must do without."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("deployments", "flows", "tasks", "storage", "serving")
FORBIDDEN = ("prefect", "eccodes", "cfgrib", "dask", "matplotlib", "moto", "pytest")

ANSWER = """
import importlib.util, json, sys, tempfile, asyncio
from pathlib import Path
for name in sys.argv[1].split(","):
    assert importlib.util.find_spec(name) is None, f"{name} is installed"
import serving.app, serving.sync, storage.engine, storage.reader
app = serving.app.create_app(Path(tempfile.mkdtemp()))
told = []
async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}
async def send(message):
    told.append(message)
scope = {
    "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
    "path": "/health", "raw_path": b"/health", "query_string": b"", "root_path": "", "headers": [],
    "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
}
asyncio.run(app(scope, receive, send))
assert told[0]["status"] == 503, told
assert json.loads(told[1]["body"]), told
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with `windlass[serving]` in it, from what the test setup has fetched already."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not installed: run `make test`")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    environment = tmp_path_factory.mktemp("alone") / "venv"
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, environment],
        [
            *(uv, "pip", "install", "--quiet", "--offline", "--python", environment / "bin" / "python"),
            *("--constraint", ROOT / "requirements.lock", f"{source}[serving]"),
        ],
    ):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return environment


def test_serving_alone_brings_no_prefect_eccodes_or_dask_and_answers(alone: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [alone / "bin" / "python", "-c", ANSWER, ",".join(FORBIDDEN)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [("--help",), ("serve", "--help"), ("sync", "--help"), ("store", "--help")])
def test_the_command_line_works_without_ingest(alone: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = subprocess.run([alone / "bin" / "windlass", *command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_ingest_without_its_extra_says_what_to_install(alone: Path, tmp_path: Path) -> None:
    done = subprocess.run([alone / "bin" / "windlass", "ingest", "gfs"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "windlass[ingest]" in done.stderr
    assert "Traceback" not in done.stderr
