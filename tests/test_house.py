"""Laws of the house itself: import directions, lock file, what the project may hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("deployments", "flows", "tasks", "storage", "serving")


def test_imports_point_down() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_lock_pins_every_package_and_names_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][^\s/]*( ; .*)?", line), line


def test_lock_holds_the_two_pins_that_prefect_needs() -> None:
    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if ";" not in line)
    assert tuple(map(int, pins["fastapi"].split(".")))[:2] < (0, 151)
    assert tuple(map(int, pins["sqlalchemy"].split(".")))[:2] < (2, 1)


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_starts_nothing(room: str) -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "__main__.py"
    )
    code = (
        "import importlib, os, sys, threading\n"
        "before = dict(os.environ)\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "threads = [t.name for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]\n"
        "assert not threads, threads\n"
        "changed = {k for k in set(before) | set(os.environ) if before.get(k) != os.environ.get(k)}\n"
        "assert not {k for k in changed if k.startswith('WINDLASS')}, changed\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_no_file_over_a_megabyte_is_tracked() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        assert not path.exists() or path.stat().st_size < 1_000_000, name
