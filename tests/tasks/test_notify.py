from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tasks.notify import Notice, NotifyError, notify

Webhook = Callable[[int], AbstractContextManager[tuple[str, list[bytes]]]]
NOTICE = Notice("gfs", "gfs 2026-04-20T00Z", "Failed", "no mirror left", "flow-run-id")


def test_a_webhook_is_told_once_in_json_that_chats_show(webhook: Webhook) -> None:
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


def test_a_webhook_that_refuses_is_an_error_without_its_secret(webhook: Webhook) -> None:
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


def test_nobody_listening_is_an_error(webhook: Webhook) -> None:
    with webhook(204) as (url, _):
        pass
    with pytest.raises(NotifyError, match="refused"):
        notify(NOTICE, url)
