"""What commands write where WINDLASS_LOG_FORMAT asks for JSON, and that secrets are in no output of theirs."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deployments.simulator.server import Fault, serve
from storage.bucket import open_bucket
from storage.record import read_record

SECRET = "Zq9hunter2"
ASKED = ("--leads", "0-2", "--init-time", "2026-04-20T06", "--direct")


def objects(text: str) -> list[dict[str, Any]]:
    """Every line of a log, each of which is an object."""
    return [json.loads(line) for line in text.splitlines()]


def run(windlass: Any, form: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = windlass.command(*arguments, env={"WINDLASS_LOG_FORMAT": form})
    return subprocess.run(**command, capture_output=True)


def mirror_with_secrets(url: str) -> str:
    return url.replace("://", f"://me:{SECRET}@") + f"?X-Amz-Signature={SECRET}&token={SECRET}"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_failing_ingest_tells_no_secret_anywhere(windlass: Any, runs: Path, form: str) -> None:
    with serve(runs, [Fault("*.f001", status=403)]) as server:
        done = run(windlass, form, "ingest", "gfs", "--mirror", mirror_with_secrets(server.url), *ASKED)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr
    assert "HTTP 403" in done.stderr
    assert server.url in done.stderr
    record = read_record(open_bucket(str(windlass.bucket)), "gfs")
    assert record is not None
    assert record.last is not None
    assert record.last.error is not None
    assert "HTTP 403" in record.last.error
    for path in windlass.home.rglob("*"):
        if path.is_file() and path.is_relative_to(windlass.bucket):
            assert SECRET.encode() not in path.read_bytes(), path


def test_every_line_of_an_ingest_is_an_object_that_names_its_run(windlass: Any, runs: Path) -> None:
    with serve(runs, [Fault("*.f001.idx", times=1, status=404)]) as server:
        done = run(windlass, "json", "ingest", "gfs", "--mirror", server.url, *ASKED)
    assert done.returncode == 0, done.stderr
    lines = objects(done.stderr)
    assert all(line["level"] == "info" and line["model"] == "gfs" for line in lines), lines
    assert all(line["init_time"] == "2026-04-20T06:00Z" for line in lines[1:])
    (failed,) = [line for line in lines if "mirror" in line]
    assert failed["mirror"] == server.url.removeprefix("http://")
    assert failed["lead"] == 1
    assert "published as gfs/20260420T0600Z.zarr.zip" in lines[-1]["message"]


def test_an_error_of_a_command_is_an_object(windlass: Any) -> None:
    done = run(windlass, "json", "ingest", "nosuch")
    assert done.returncode == 1
    (line,) = objects(done.stderr)
    assert line["level"] == "error"
    assert "nosuch" in line["message"]


def test_a_format_that_is_none_is_refused_in_one_line(windlass: Any) -> None:
    done = run(windlass, "xml", "metrics")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "WINDLASS_LOG_FORMAT" in done.stderr


def test_sync_freshness_and_metrics_keep_to_it(windlass: Any, published: Any) -> None:
    (line,) = objects(run(windlass, "json", "sync", "--once").stderr)
    assert (line["model"], line["init_time"]) == ("gfs", "2026-04-20T00:00Z")
    assert objects(run(windlass, "json", "freshness").stderr)
    done = run(windlass, "json", "metrics")
    assert done.returncode == 0
    assert "windlass_bucket_readable 1.0" in done.stdout
    assert done.stderr == ""


def test_the_log_of_the_api_is_one_too(windlass: Any, published: Any) -> None:
    name = "gfs"
    (windlass.stores / name / "latest.json").write_bytes(b"{")
    command = windlass.command("serve", "--port", "0", env={"WINDLASS_LOG_FORMAT": "json"})
    with subprocess.Popen(**command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            text = ""
            while "http://" not in text:
                line = process.stderr.readline()
                assert line, text
                text += line
            base = next(word for word in text.replace("\\n", " ").split() if word.startswith("http://"))
            urllib.request.urlopen(f"{base.split('/forecast')[0]}/livez", timeout=30).read()
            process.send_signal(signal.SIGTERM)
            text += process.stderr.read()
        finally:
            process.kill()
    assert process.returncode == 0
    lines = objects(text)
    assert any(line["message"].startswith("serving") for line in lines)
    warned = [line for line in lines if line["level"] in ("warning", "error")]
    assert warned
    assert all(line["logger"].startswith("serving") for line in warned)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_queue_and_a_watch_tell_no_secret(windlass: Any, form: str) -> None:
    """A mirror that answers with a redirect to an address with a secret, and a watch that looks at it once."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"https://example.org/?token={SECRET}")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = mirror_with_secrets(f"http://127.0.0.1:{server.server_port}")
        done = run(windlass, form, "watch", "gfs", "--ingest", "--once", "--mirror", url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert SECRET not in done.stdout + done.stderr
    if form == "json":
        objects(done.stderr)
