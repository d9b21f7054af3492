"""`windlass serve` in a process of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 300
"""Patience with a server on a busy machine: it ends what hangs, and no test waits for it."""

COMMAND = (
    "import sys, typer\n"
    "from deployments.commands.serve import serve\n"
    "from deployments.console import report_errors\n"
    "app = typer.Typer(rich_markup_mode='rich')\n"
    "app.command()(serve)\n"
    "with report_errors():\n"
    "    app()\n"
)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", COMMAND, *arguments]


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=SECONDS,
    )  # fmt: skip


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """(process, URL, what it said first). Its socket listens before it speaks: a request waits for the start.

    It is killed after SECONDS; whoever waits for it then sees it end.
    """
    process = subprocess.Popen(
        command(*arguments, "--port", "0"), cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "200"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said: list[str] = []
    assert process.stderr is not None
    deadline = threading.Timer(SECONDS, process.kill)
    deadline.start()
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
        deadline.cancel()
        process.kill()
        process.wait()
