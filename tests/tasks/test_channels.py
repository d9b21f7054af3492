"""Addresses, against real receivers; what each was told, what is refused, and that no secret shows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from storage.settings import Settings
from tasks.channels import read_channels, split_addresses
from tasks.notice import Notice
from tasks.receivers import NotifyError, Slack, redacted

NOTICE = Notice(
    title="windlass: gfs late",
    text="windlass: gfs late\nnothing since 06Z & <nobody> knows",
    fields={"model": "gfs", "run": "gfs 2026-04-20T00Z", "state": "late"},
)
SLACK = "T0000000A/B0000000A/s3cr3tXXXXXXXXXXXXXXXXXX"

HttpSink = Callable[..., AbstractContextManager[Any]]


def settings_for(*urls: str, one: str | None = None) -> Settings:
    return Settings(notify_urls=",".join(urls) or None, notify_url=one, _env_file=None)  # type: ignore[call-arg, arg-type]


def channel_for(url: str) -> Any:
    (channel,) = read_channels(settings_for(url))
    return channel


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Any:
    caplog.set_level(logging.DEBUG)
    yield
    shown = caplog.text + "".join(capfd.readouterr())
    assert "s3cr3t" not in shown
    assert "passw0rd" not in shown


def test_a_webhook_gets_text_and_fields(http_sink: HttpSink) -> None:
    with http_sink() as sink:
        channel = channel_for(sink.url)
        channel.send(NOTICE)
    assert channel.name == "http://127.0.0.1"
    assert sink.told == [{"text": NOTICE.text, "title": NOTICE.title, **NOTICE.fields}]


def test_slack_gets_text_alone_and_must_say_ok(http_sink: HttpSink) -> None:
    with http_sink() as sink:
        slack = Slack("slack://", sink.url)
        slack.send(NOTICE)
        sink.body = b"<html>a page of somebody else</html>"
        with pytest.raises(NotifyError, match="not answer as Slack") as refused:
            slack.send(NOTICE)
    assert sink.told[0] == {"text": "windlass: gfs late\nnothing since 06Z &amp; &lt;nobody&gt; knows"}
    assert not refused.value.again


@pytest.mark.parametrize(
    "url", [f"slack://{SLACK}", f"slack://bot@{SLACK}/", f"https://hooks.slack.com/services/{SLACK}"]
)
def test_slack_webhooks_are_known_by_either_address(url: str) -> None:
    assert isinstance(channel_for(url), Slack)
    assert channel_for(url)._url == f"https://hooks.slack.com/services/{SLACK}"


def test_any_apprise_address_is_told(http_sink: HttpSink) -> None:
    with http_sink() as sink:
        channel = channel_for(f"json://user:passw0rd@127.0.0.1:{sink.port}/s3cr3t")
        channel.send(NOTICE)
    assert channel.name == "json://"
    assert sink.told[0]["message"] == NOTICE.text
    assert sink.told[0]["title"] == NOTICE.title


def test_e_mail_reaches_every_recipient(postbox: Any) -> None:
    to = "ops@windlass.example,night@windlass.example"
    channel = channel_for(f"mailto://windlass.example:{postbox.port}?smtp=127.0.0.1&from=told@windlass.example&to={to}")
    channel.send(NOTICE)
    assert channel.name == "mailto://windlass.example"
    assert sorted(letter[1][0] for letter in postbox.letters) == ["night@windlass.example", "ops@windlass.example"]
    sender, _, text = postbox.letters[0]
    assert sender == "told@windlass.example"
    assert "Subject: windlass: gfs late" in text
    assert "nothing since 06Z" in text


def test_a_mail_server_says_why_and_those_reached_are_not_told_twice(postbox: Any) -> None:
    where = f"mailto://windlass.example:{postbox.port}?smtp=127.0.0.1&from=told@windlass.example"
    with pytest.raises(NotifyError, match="550") as nobody:
        channel_for(f"{where}&to=refused@windlass.example").send(NOTICE)
    assert nobody.value.again
    with pytest.raises(NotifyError) as some:
        channel_for(f"{where}&to=ops@windlass.example,refused@windlass.example").send(NOTICE)
    assert not some.value.again
    assert len(postbox.letters) == 1


@pytest.mark.parametrize(
    ("answer", "again", "words"),
    [
        (500, True, "HTTP 500"),
        (503, True, "HTTP 503"),
        (429, True, "HTTP 429"),
        (404, False, "HTTP 404"),
        (403, False, "HTTP 403"),
        ((302, "Location", "https://elsewhere.example/s3cr3t"), False, "redirects to https://elsewhere.example: give"),
        ("drop", True, "closed connection"),
    ],
)
def test_a_webhook_that_does_not_take_it_says_whether_to_try_again(
    http_sink: HttpSink, answer: Any, again: bool, words: str
) -> None:
    with http_sink(answer) as sink, pytest.raises(NotifyError, match=words) as error:
        channel_for(sink.url).send(NOTICE)
    assert error.value.again is again
    assert len(sink.told) == 1
    assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize("scheme", ["http", "json", "mailto"])
def test_nobody_listening_is_worth_another_try(http_sink: HttpSink, scheme: str) -> None:
    with http_sink() as sink:
        port = sink.port
    urls = {
        "http": f"http://127.0.0.1:{port}/s3cr3t",
        "json": f"json://127.0.0.1:{port}/s3cr3t",
        "mailto": f"mailto://me:passw0rd@windlass.example:{port}?smtp=127.0.0.1&to=ops@windlass.example",
    }
    with pytest.raises(NotifyError) as error:
        channel_for(urls[scheme]).send(NOTICE)
    assert error.value.again
    assert "s3cr3t" not in str(error.value)
    assert "passw0rd" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("slack://example.com/services/s3cr3t", "https:// address"),
        ("slack://127.0.0.1:8080/hook/s3cr3t", "https:// address"),
        ("https://hooks.slack.com/s3cr3t", "hooks.slack.com/services/T"),
        ("https://", "a webhook needs a host"),
        ("https://example.com/s3cr3t,ops@example.com", "%2C"),
        ("https://example.com:port/s3cr3t", "no URL"),
        ("mailto://windlass.example/s3cr3t", "From"),
        ("nope://s3cr3t", "Apprise|nope"),
        ("mailto://windlass.example?to=s3cr3t", "e-mail address"),
        ("mailto://windlass.example?from=a@windlass.example&to=s3cr3t,ops@windlass.example", "e-mail address"),
    ],
)
def test_what_would_be_dropped_silently_is_refused_when_settings_are_read(url: str, words: str) -> None:
    good = "http://127.0.0.1:9/hook"
    with pytest.raises(NotifyError, match=words) as error:
        read_channels(settings_for(good, url))
    assert "address 2 of WINDLASS_NOTIFY_URLS" in str(error.value)
    assert "s3cr3t" not in str(error.value)


def test_what_is_no_address_is_refused_without_being_shown() -> None:
    with pytest.raises(NotifyError, match="no URL") as error:
        read_channels(settings_for(one="s3cr3t"))
    assert "s3cr3t" not in str(error.value)


def test_addresses_are_split_where_the_next_scheme_begins_and_count_once() -> None:
    text = "https://a.example/x, mailto://b.example?to=c@b.example,d@b.example\n json://e.example"
    assert split_addresses(text) == [
        "https://a.example/x",
        "mailto://b.example?to=c@b.example,d@b.example",
        "json://e.example",
    ]
    settings = settings_for("https://a.example/x", "https://a.example/y", one="https://a.example/x")
    assert [channel.name for channel in read_channels(settings)] == ["https://a.example", "https://a.example #2"]
    assert read_channels(settings_for()) == ()


def test_settings_show_no_address() -> None:
    assert "s3cr3t" not in repr(settings_for("https://a.example/s3cr3t", one="https://a.example/s3cr3t"))


def test_a_reason_is_shown_without_any_part_of_the_address_but_its_host() -> None:
    url = "https://me:pass%20word@host.example:8443/s3cr3t/path?token=abc"
    said = "cannot reach host.example:8443 as me with 'pass word' at /s3cr3t/path?token=abc"
    shown = redacted(said, url)
    assert shown.startswith("cannot reach host.example:8443")
    for part in ("pass word", "s3cr3t", "path", "abc"):
        assert part not in shown
