"""What is served, held against what is published."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from storage.folder import FolderBucket
from storage.manifest import Manifest, manifest_key, store_key
from storage.schema import Freshness
from tasks.lag import Lag, Served, Unanswered, compare, served_by, served_from

RUN = datetime(2026, 4, 20, 6, tzinfo=UTC)
PUBLISHED = RUN + timedelta(minutes=320)
GRACE = timedelta(minutes=20)


def manifest(model: str = "gfs", size: int = 10) -> Manifest:
    return Manifest(
        model=model,
        init_time=RUN,
        key=store_key(model, RUN),
        size=size,
        sha256="ab" * 32,
        generation=7,
        leads=1,
        last_lead=0,
        published_at=PUBLISHED,
        freshness=Freshness(1, 2, 3),
    )


@pytest.mark.parametrize(
    ("served", "minutes", "state", "lag", "age"),
    [
        (Served(init_time=RUN, generation=7), 500, Lag.NONE, 0, 820),
        # An API that took a store up without its manifest knows the run alone.
        (Served(init_time=RUN), 500, Lag.NONE, 0, 820),
        (Served(init_time=RUN, generation=6), 20, Lag.BEHIND, 20, 340),
        (Served(init_time=RUN, generation=6), 21, Lag.BROKEN, 21, 341),
        (Served(init_time=RUN - timedelta(hours=6), generation=6), 5, Lag.BEHIND, 5, 685),
        (Served(init_time=RUN - timedelta(hours=6)), 60, Lag.BROKEN, 60, 740),
        (Served(init_time=RUN + timedelta(hours=6), generation=8), 500, Lag.AHEAD, 0, 460),
        (None, 20, Lag.BEHIND, 20, None),
        (None, 45, Lag.BROKEN, 45, None),
    ],
)
def test_what_is_not_served_within_the_grace_is_broken(
    served: Served | None, minutes: int, state: Lag, lag: int, age: int | None
) -> None:
    row = compare(manifest(), served, PUBLISHED + timedelta(minutes=minutes), GRACE)
    assert (row.state, row.lag, row.age) == (state, lag, age)
    assert "gfs 2026-04-20T06Z (generation 7)" in row.in_words()
    assert str(lag or age) in row.in_words()


def test_a_folder_serves_what_its_manifests_name_and_is_whole(tmp_path: Path) -> None:
    folder = FolderBucket(tmp_path)
    for model, size in (("gfs", 10), ("ifs", 11)):
        folder.write(manifest_key(model), manifest(model).to_bytes())
        folder.write(store_key(model, RUN), b"x" * size)
    folder.write(manifest_key("hrrr"), manifest("hrrr").to_bytes())
    assert served_from(tmp_path) == {"gfs": Served(init_time=RUN, generation=7)}


def test_a_folder_that_is_not_there_or_is_damaged_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match=r"no folder of stores .*nowhere"):
        served_from(tmp_path / "nowhere")
    FolderBucket(tmp_path).write(manifest_key("gfs"), b"garbage")
    with pytest.raises(Unanswered, match=r"cannot be read: .*not a valid manifest"):
        served_from(tmp_path)


@pytest.fixture
def answering() -> Callable[..., AbstractContextManager[str]]:
    """answering(status, body): an HTTP server that answers every GET so; gives its URL."""

    @contextmanager
    def answering(status: int, body: bytes) -> Iterator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path == "/health" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    return answering


def test_an_api_says_what_it_serves_also_when_that_is_nothing_any_more(
    answering: Callable[..., AbstractContextManager[str]],
) -> None:
    models = [
        {"model": "gfs", "init_time": "2026-04-20T06:00:00Z", "generation": 7, "state": "fresh", "more": []},
        {"model": "ifs", "init_time": "2026-04-10T06:00:00Z", "generation": None, "state": "ended"},
        {"model": "hrrr", "init_time": None, "generation": None, "state": "missing"},
    ]
    told = json.dumps({"status": "down", "models": models}).encode()
    for status in (200, 503):
        with answering(status, told) as url:
            assert served_by(f"{url}/") == {
                "gfs": Served(init_time=RUN, generation=7),
                "ifs": Served(init_time=RUN - timedelta(days=10)),
            }


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>a captive portal</html>", "does not answer as this API does"),
        (200, b'{"models": [{"model": "gfs"}]}', "does not answer as this API does"),
        (200, b"[]", "does not answer as this API does"),
        (500, b"", "does not answer: "),
        (503, b"no healthy upstream", "does not answer as this API does"),
    ],
)
def test_other_answers_are_none(
    answering: Callable[..., AbstractContextManager[str]],
    status: int,
    body: bytes,
    said: str,
) -> None:
    with answering(status, body) as url, pytest.raises(Unanswered, match=f"{url}/health {said}"):
        served_by(url)


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    with pytest.raises(Unanswered, match="Connection refused"):
        served_by(f"http://127.0.0.1:{port}")
