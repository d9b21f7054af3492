"""A publication in a process of its own that stops where it is told to."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


PAUSE_AT = """
import os, pickle, sys
from datetime import datetime, timedelta, UTC
from pathlib import Path
from storage.bucket import open_bucket
from tasks import publish as verb

url, file, point = sys.argv[1:]
bucket = open_bucket(url)

def pause(*arguments):
    print("paused", flush=True)
    sys.stdin.readline()

def pausing(function):
    def call(*arguments):
        pause()
        return function(*arguments)
    return call

if point == "swapping":
    bucket.swap = pausing(bucket.swap)
elif point == "swapped":
    verb.prune = pausing(verb.prune)
elif point == "start":
    pause()
written = pickle.loads(Path(file).read_bytes())
verb.publish(
    written,
    bucket,
    datetime(2026, 4, 20, 20, tzinfo=UTC),
    pause if point == "uploading" else None,
    timedelta(hours=12),
    getattr(written, "short", None),
)
"""


def child(url: str, written: Any, point: str) -> subprocess.Popen[str]:
    """A process that publishes and has paused at a point."""
    file = written.path.with_suffix(".pickle")
    file.write_bytes(pickle.dumps(written))
    process = subprocess.Popen(
        [sys.executable, "-c", PAUSE_AT, url, str(file), point],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "paused\n", process.communicate()[1]
    return process
