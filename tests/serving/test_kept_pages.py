"""The pages beside the forecasts: their coding, their tags, and that nothing is sent twice."""

from __future__ import annotations

import pytest

from tests.serving.client import Ask

PAGES = ["/docs", "/openapi.json", "/models"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_comes_in_the_clients_coding_and_is_not_sent_twice(ask: Ask, path: str) -> None:
    plain = ask(path, headers={"accept-encoding": "identity"})
    coded = ask(path, headers={"accept-encoding": "gzip"})
    assert (plain.status_code, coded.status_code) == (200, 200)
    assert coded.content == plain.content
    assert "content-encoding" not in plain.headers
    assert coded.headers["content-encoding"] == "gzip"
    assert int(coded.headers["content-length"]) < len(plain.content) / 2
    assert plain.headers["etag"] != coded.headers["etag"]
    for answer in (plain, coded):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["cache-control"] == "no-cache"
        assert not answer.headers["etag"].startswith("W/")
    held = ask(path, headers={"accept-encoding": "gzip", "if-none-match": coded.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")
    assert held.headers["etag"] == coded.headers["etag"]
    assert "content-type" not in held.headers
    other = ask(path, headers={"accept-encoding": "gzip", "if-none-match": '"other"'})
    assert other.status_code == 200
    head = ask(path, "HEAD", headers={"accept-encoding": "gzip"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == coded.headers["etag"]
    assert head.headers["content-length"] == coded.headers["content-length"]


def test_another_store_has_another_tag(ask: Ask, tmp_path_factory: pytest.TempPathFactory) -> None:
    nothing = ask("/models", stores=tmp_path_factory.mktemp("none"))
    assert nothing.json() == []
    assert nothing.headers["etag"] != ask("/models").headers["etag"]
