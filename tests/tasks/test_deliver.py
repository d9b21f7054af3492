"""One notice to many receivers, some of which are down, slow, broken or creep."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from storage.settings import Settings
from tasks.deliver import PAUSES, deliver, tell
from tasks.notice import Notice
from tasks.receivers import Channel, Webhook

NOTICE = Notice(title="windlass: gfs late", text="windlass: gfs late", fields={"state": "late"})
HttpSink = Callable[..., AbstractContextManager[Any]]


def test_what_one_receiver_does_never_stops_the_others(http_sink: HttpSink, caplog: pytest.LogCaptureFixture) -> None:
    paused: list[float] = []
    with http_sink() as good, http_sink(500, 500, 500) as broken, http_sink(404) as wrong, http_sink() as down:
        pass
    with http_sink() as good, http_sink(500, 500, 500) as broken, http_sink(404) as wrong:
        channels = [Webhook(name, sink.url) for name, sink in zip("bwdg", (broken, wrong, down, good), strict=True)]
        done = deliver([(channel, NOTICE) for channel in channels], paused.append)
    assert [(one.channel, one.delivered, one.tries) for one in done] == [
        ("b", False, 3),
        ("w", False, 1),
        ("d", False, 3),
        ("g", True, 1),
    ]
    assert [len(sink.told) for sink in (broken, wrong, good)] == [3, 1, 1]
    assert "HTTP 404" in done[1].in_words()
    assert len(paused) == 4
    assert all(pause >= min(PAUSES) for pause in paused)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 3
    assert "s3cr3t" not in caplog.text


def test_a_receiver_that_comes_back_is_told_once(http_sink: HttpSink) -> None:
    with http_sink(503, "drop") as sink:
        (done,) = deliver([(Webhook("g", sink.url), NOTICE)], lambda seconds: None)
    assert done.delivered
    assert done.in_words() == "g: told after 3 tries"
    assert len(sink.told) == 3


def test_a_receiver_that_creeps_is_left_at_the_deadline() -> None:
    """Each byte comes in time for the socket's own timeout."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def creep() -> None:
            connection = listening.accept()[0]
            with connection:
                connection.sendall(b"HTTP/1.1 200")
                stop.wait(120)

        thread = threading.Thread(target=creep)
        thread.start()
        channel = Webhook("slow", f"http://127.0.0.1:{listening.getsockname()[1]}/")
        (done,) = deliver([(channel, NOTICE)], lambda seconds: None, deadline=0.2)
        stop.set()
        thread.join()
    assert not done.delivered
    assert "no answer" in done.in_words()


def test_a_bug_of_one_channel_is_its_own() -> None:
    class Broken(Channel):
        def send(self, notice: Notice) -> None:
            raise KeyError("s3cr3t")

    (done,) = deliver([(Broken("b"), NOTICE)], lambda seconds: None)
    assert done.problem == "KeyError in its plug-in"


def test_tell_reads_the_settings(http_sink: HttpSink) -> None:
    with http_sink() as one, http_sink() as two:
        settings = Settings(notify_urls=f"{one.url},{two.url}", _env_file=None)  # type: ignore[call-arg, arg-type]
        done = tell(settings, NOTICE)
    assert [delivery.delivered for delivery in done] == [True, True]
    assert [delivery.channel for delivery in done] == ["http://127.0.0.1", "http://127.0.0.1 #2"]
    assert one.told == two.told == [{"text": NOTICE.text, "title": NOTICE.title, "state": "late"}]
