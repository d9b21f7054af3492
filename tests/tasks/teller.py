"""A teller in a process of its own that may be killed where it is told to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


TELLER = """
import sys
from datetime import UTC, datetime
from storage.bucket import open_bucket
import tasks.telling as telling
from tasks.receivers import Webhook
from tasks.incidents import Incident, Kind, open_incident

url, hook, point = sys.argv[1:]
def pause(*arguments):
    print("paused", flush=True)
    sys.stdin.readline()
bucket = open_bucket(url)
now = datetime(2026, 4, 20, 12, tzinfo=UTC)
if point == "claimed":
    telling.deliver = pause
elif point == "sent":
    telling._settle = pause
if point == "start":
    pause()
open_incident(bucket, Incident(model="gfs", kind=Kind.LATE, reason="nothing new", since=now))
if point == "opened":
    pause()
telling.tell_pending(bucket, [Webhook("hook", hook)], lambda: now)
"""


def teller(*arguments: str) -> subprocess.Popen[str]:
    """A process that opens an incident and tells of it, and has paused at a point."""
    process = subprocess.Popen(
        [sys.executable, "-c", TELLER, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "paused\n"
    return process
