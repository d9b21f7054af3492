"""Log lines as text and as JSON: one a record, nothing secret in them, about what they are about."""

from __future__ import annotations

import io
import json
import logging
import string
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import redact
from storage.logs import JsonLines, TextLines, about, redacting

ROOT = Path(__file__).parents[2]
SECRETS = st.text(string.ascii_letters + string.digits + "_-~%", min_size=8, max_size=30).map(lambda text: f"Zq9{text}")
AROUND = st.text(max_size=30).filter(lambda text: "Zq9" not in text)
PLACES = (
    "https://user:{}@example.org/gfs",
    "https://example.org/gfs?X-Amz-Signature={}",
    "slack://T00000000/B00000000/{}",
    "https://hooks.slack.com/services/T00000000/B00000000/{}",
    "mailto://me:{}@example.org",
    "token={}",
    "{{'aws_secret_access_key': '{}'}}",
    "Authorization: Bearer {}",
)


class Lines:
    """A logger of the test's own, and what it wrote as text, as JSON, and behind the filter for others' handlers."""

    def __init__(self) -> None:
        self.log = logging.Logger("test", logging.DEBUG)
        self.outputs: dict[str, io.StringIO] = {}
        for name, formatter in (("json", JsonLines()), ("text", TextLines()), ("foreign", logging.Formatter())):
            self.outputs[name] = io.StringIO()
            handler = logging.StreamHandler(self.outputs[name])
            handler.setFormatter(formatter)
            if name == "foreign":
                handler.addFilter(redacting)
            self.log.addHandler(handler)

    def written(self, name: str) -> str:
        return self.outputs[name].getvalue()

    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written("json").splitlines()]


@pytest.fixture
def lines() -> Lines:
    return Lines()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), secret=SECRETS, before=AROUND, after=AROUND)
def test_no_planted_secret_is_in_any_line(place: str, secret: str, before: str, after: str) -> None:
    lines = Lines()
    planted = place.format(secret)
    lines.log.warning("%s %s %s", before, planted, after)
    lines.log.warning(f"{before} {planted} {after}".replace("%", "%%"))
    lines.log.error("about %s", {"url": planted}, extra={"mirror": planted, "model": planted})
    try:
        try:
            raise ValueError(planted)
        except ValueError as error:
            raise OSError(f"{before} {planted}") from error
    except OSError:
        lines.log.exception("failed: %s", planted)
    with about(mirror=planted):
        lines.log.info("hello")
    lines.log.info("%d is no number: %s", planted)
    for name in lines.outputs:
        assert "Zq9" not in lines.written(name), lines.written(name)
    assert len(lines.objects()) == 6


def test_a_json_line_says_what_it_is_about(lines: Lines) -> None:
    with about(model="gfs", init_time=datetime(2026, 11, 24, tzinfo=UTC)), about(lead=6):
        lines.log.info("line\none", extra={"mirror": "aws"})
    lines.log.warning("alone")
    first, second = lines.objects()
    assert datetime.fromisoformat(first.pop("time")).tzinfo is not None
    assert first == {
        "level": "info",
        "logger": "test",
        "message": "line\none",
        "model": "gfs",
        "init_time": "2026-11-24T00:00Z",
        "lead": 6,
        "mirror": "aws",
    }
    assert second.keys() == {"time", "level", "logger", "message"}


def test_an_exception_is_part_of_its_object(lines: Lines) -> None:
    try:
        raise RuntimeError("https://me:hunter2@example.org")
    except RuntimeError:
        lines.log.exception("oh")
    (line,) = lines.objects()
    assert line["exception"].startswith("Traceback (most recent call last)")
    assert line["exception"].endswith("RuntimeError: https://...@example.org")
    assert "hunter2" not in lines.written("text")
    assert "\nTraceback (most recent call last)" in lines.written("text")


def test_threads_are_about_their_own(lines: Lines) -> None:
    def work() -> None:
        lines.log.info("elsewhere")

    with about(model="gfs"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert "model" not in lines.objects()[0]


@pytest.fixture
def forgetful() -> Iterator[None]:
    before = redact._known
    yield
    redact._known = before


def test_a_secret_that_looks_like_nothing_is_hidden_where_it_is_known(lines: Lines, forgetful: None) -> None:
    lines.log.warning("POST https://example.org/hooks/plain-words-only")
    redact.hide("plain-words-only", "gfs")
    lines.log.warning("POST https://example.org/hooks/plain-words-only for gfs")
    first, second = lines.objects()
    assert first["message"].endswith("/plain-words-only")
    assert second["message"] == "POST https://example.org/hooks/... for gfs"


CODE = """
import logging, os, threading, warnings
from storage.logs import log_to_stderr
from storage.settings import Settings
log_to_stderr(Settings())
logging.getLogger("windlass").info("known to JSON only")
logging.getLogger("botocore").info("nobody's business")
logging.getLogger("botocore").warning("https://me:hunter2@example.org")
logging.getLogger("windlass").error("key %s of hook %s", os.environ["AWS_SECRET_ACCESS_KEY"], "very-own-path")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise ValueError("token=hunter2")
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_process_tells_also_what_nobody_catches(form: str, tmp_path: Path) -> None:
    env = {
        "PYTHONPATH": str(ROOT),
        "WINDLASS_LOG_FORMAT": form,
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "WINDLASS_NOTIFY_URLS": "https://example.org/very-own-path",
    }
    done = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    for secret in ("hunter2", "wJalrXUtnFEMI", "very-own-path"):
        assert secret not in done.stderr + done.stdout
    assert "nobody's business" not in done.stderr
    assert ("known to JSON only" in done.stderr) == (form == "json")
    if form == "json":
        told = [json.loads(line) for line in done.stderr.splitlines()]
        assert [line["level"] for line in told] == ["info", "warning", "error", "critical", "critical"]
        assert "ZeroDivisionError" in told[3]["exception"]
        assert told[4]["exception"].endswith("ValueError: token=...")
    else:
        assert "ERROR: windlass: key ... of hook ..." in done.stderr
        assert "ZeroDivisionError" in done.stderr
