"""Laws of the house itself: import directions, lock file, what the project may hold."""

from __future__ import annotations

import ast
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


def test_every_test_that_the_known_failures_name_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "known-failures.md").read_text())
    assert named
    for file, name in named:
        path = ROOT / file
        assert path.is_file(), file
        tree = ast.parse(path.read_text())
        assert name in {part.name for part in tree.body if isinstance(part, ast.FunctionDef)}, f"{file}::{name}"


def test_every_row_of_the_known_failures_names_a_test() -> None:
    lines = (ROOT / "docs" / "known-failures.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| what happened")]
    assert len(rows) > 20
    for row in rows:
        assert "::test_" in row.split(" | ")[2], row


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_leaves_without_saying_how_it_went(room: str) -> None:
    """`sys.exit()` after an error is a success to whoever started the program. Below the yard, errors are raised."""
    for path in (ROOT / room).rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func).split(".")[-1]
            if name in ("exit", "quit", "SystemExit", "Exit", "_exit"):
                assert call.args, f"{path}:{call.lineno}"
                assert room == "deployments" or name == "_exit", f"{path}:{call.lineno}"


def test_files_are_short_enough_to_hold_one_thought() -> None:
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    limits = dict.fromkeys(sources, 280) | dict.fromkeys((ROOT / "tests").rglob("*.py"), 305)
    too_long = {
        path.relative_to(ROOT).as_posix()
        for path, limit in limits.items()
        if len(path.read_text().splitlines()) > limit
    }
    assert not too_long
