from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tasks.notify import Notice, NotifyError, notify

NOTICE = Notice("gfs", "gfs 2026-04-20T00Z", "Failed", "no mirror left", "flow-run-id")


@contextmanager
def webhook(status: int) -> Iterator[tuple[str, list[bytes]]]:
    told: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook?token=secret", told
        finally:
            server.shutdown()
            thread.join()


def test_a_webhook_is_told_once_in_json_that_chats_show() -> None:
    with webhook(204) as (url, told):
        notify(NOTICE, url)
    (body,) = told
    assert json.loads(body) == {
        "text": "windlass: gfs 2026-04-20T00Z failed: no mirror left",
        "model": "gfs",
        "run": "gfs 2026-04-20T00Z",
        "state": "Failed",
        "reason": "no mirror left",
        "flow_run": "flow-run-id",
    }


def test_a_webhook_that_refuses_is_an_error_without_its_secret() -> None:
    with (
        webhook(500) as (url, told),
        pytest.raises(NotifyError, match=r"127\.0\.0\.1 .*HTTP 500.*WINDLASS_NOTIFY") as e,
    ):
        notify(NOTICE, url)
    assert "secret" not in str(e.value)
    assert len(told) == 1


@pytest.mark.parametrize("url", ["ftp://secret", "secret", "http://"])
def test_an_address_that_is_none_is_an_error_without_its_secret(url: str) -> None:
    with pytest.raises(NotifyError, match="webhook") as e:
        notify(NOTICE, url)
    assert "secret" not in str(e.value)


def test_nobody_listening_is_an_error() -> None:
    with webhook(204) as (url, _):
        pass
    with pytest.raises(NotifyError, match="refused"):
        notify(NOTICE, url)
