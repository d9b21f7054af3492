"""Manners over HTTP: tags, what a client holds already, codings, lives of answers in caches, names of nodes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import serving.door
from serving.app import create_app
from serving.compress import CODECS
from serving.stores import Stores
from tests.serving.client import BERLIN, INIT, NOW, Ask, Client, with_client
from tests.serving.standing import damage_chunk
from tests.serving.test_compress import DECODE

HOURS = BERLIN + "?exclude=currently,minutely"
PLAIN = {"Accept-Encoding": "identity"}


def seconds(answer: httpx.Response) -> int:
    """How long caches may keep an answer."""
    life, stale = answer.headers["cache-control"].split(", ")
    assert stale == "stale-if-error=10800"
    return int(life.removeprefix("max-age="))


def raw(stores: Path, path: str, headers: dict[str, str], method: str = "GET") -> tuple[httpx.Response, bytes]:
    """An answer and its bytes as they were sent, whatever their coding."""

    async def talk(client: Client, _: Stores) -> tuple[httpx.Response, bytes]:
        async with client.stream(method, path, headers=headers) as answer:
            return answer, b"".join([part async for part in answer.aiter_raw()])

    told: tuple[httpx.Response, bytes] = with_client(stores, talk)
    return told


def test_who_holds_the_answer_is_told_so_without_any_reading(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(BERLIN, headers=PLAIN)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    monkeypatch.delattr(serving.door, "build_forecast")
    for held in (tag, f'"other", {tag}', f"W/{tag}", f'W/"other" ,{tag},'):
        for method in ("GET", "HEAD"):
            again = ask(BERLIN, method, headers={**PLAIN, "If-None-Match": held})
            assert again.status_code == 304
            assert again.content == b""
            assert "content-length" not in again.headers
            for name in ("etag", "cache-control", "vary", "access-control-allow-origin"):
                assert again.headers[name] == first.headers[name]


def test_who_holds_anything_at_all_is_told_that_there_is_something(ask: Ask) -> None:
    assert ask(BERLIN, headers={"If-None-Match": "*"}).status_code == 304
    assert ask("/forecast/key/nowhere", headers={"If-None-Match": "*"}).status_code == 400


@pytest.mark.parametrize("held", ['"other"', "", '"', "W/", "{tag}", '"{tag}', '"{tag}-gzip"', '"{tag}x"', '"x{tag}"'])
def test_who_holds_something_else_gets_the_answer(ask: Ask, held: str) -> None:
    tag = ask(BERLIN, headers=PLAIN).headers["etag"].strip('"')
    answer = ask(BERLIN, headers={**PLAIN, "If-None-Match": held.replace("{tag}", tag)})
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{tag}"'


@pytest.mark.parametrize("coding", CODECS)
def test_each_coding_is_the_same_answer_with_a_tag_of_its_own(folder: Path, coding: str) -> None:
    plain, body = raw(folder, BERLIN, PLAIN)
    coded, sent = raw(folder, BERLIN, {"Accept-Encoding": coding})
    assert coded.headers["content-encoding"] == coding
    assert coded.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert DECODE[coding](sent) == body
    assert int(coded.headers["content-length"]) == len(sent) < len(body) / 2
    assert coded.headers["etag"] == f'{plain.headers["etag"][:-1]}-{coding}"'
    head, nothing = raw(folder, BERLIN, {"Accept-Encoding": coding}, "HEAD")
    assert nothing == b""
    for name in ("content-encoding", "content-length", "content-type", "etag", "vary", "cache-control"):
        assert head.headers[name] == coded.headers[name]
    # What it holds plain is as good; a coding that it does not take any more is not.
    for held, accepted, status in (
        (coded, coding, 304), (plain, coding, 304), (coded, "identity", 200), (plain, f"{coding}, identity;q=0", 200),
    ):  # fmt: skip
        tag = held.headers["etag"]
        again, _ = raw(folder, BERLIN, {"Accept-Encoding": accepted, "If-None-Match": tag})
        assert again.status_code == status
        assert (again.headers["etag"] == tag) == (status == 304)


def test_small_answers_are_not_compressed(folder: Path) -> None:
    answer, body = raw(folder, BERLIN + "?blocks=currently", {"Accept-Encoding": "gzip, br, zstd"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert body.startswith(b"{")


def test_an_answer_of_now_holds_for_its_minute(ask: Ask) -> None:
    first = ask(BERLIN)
    assert seconds(first) == 60 - NOW.second
    same = ask(BERLIN, now=NOW.replace(second=59, microsecond=999_999))
    assert seconds(same) == 1
    assert (same.headers["etag"], same.content) == (first.headers["etag"], first.content)
    other = ask(BERLIN, now=NOW.replace(second=0) + timedelta(minutes=1))
    assert seconds(other) == 60
    assert other.headers["etag"] != first.headers["etag"]


def test_an_answer_of_hours_holds_for_its_hour_or_until_the_next_run_is_due(ask: Ask) -> None:
    """The stores' runs began at 00:00 and are due after 5 h 30 min: overdue ones are asked for every minute."""
    early = ask(HOURS, now=INIT + timedelta(hours=4, minutes=10))
    assert seconds(early) == 50 * 60
    late = ask(HOURS, now=INIT + timedelta(hours=4, minutes=59))
    assert seconds(late) == 60
    assert late.headers["etag"] == early.headers["etag"]
    assert late.content == early.content
    due = ask(HOURS, now=INIT + timedelta(hours=5, minutes=10))
    assert seconds(due) == 20 * 60
    assert due.headers["etag"] != early.headers["etag"]
    assert seconds(ask(HOURS, now=INIT + timedelta(hours=5, minutes=40))) == 60


def test_an_answer_of_hours_is_another_one_once_a_run_is_late(
    ask: Ask, weather_store: Any, publish: Any, tmp_path: Path
) -> None:
    """At 6 h 40 min it is late: `flags` says so from the next minute on."""
    publish(tmp_path, weather_store("gfs", INIT))
    times = (INIT + timedelta(hours=6, minutes=minute) for minute in (40, 41))
    before, after = (ask(HOURS, stores=tmp_path, now=time) for time in times)
    assert seconds(before) == 60
    assert before.headers["etag"] != after.headers["etag"]
    assert (before.json()["flags"]["rung"], after.json()["flags"]["rung"]) == ("newest", "last-good")


def test_an_answer_that_a_damaged_store_made_worse_is_not_kept(
    ask: Ask, weather_store: Any, publish: Any, tmp_path: Path
) -> None:
    """Another machine of the fleet may read its own copy."""
    for model in ("gfs", "ifs"):
        manifest = publish(tmp_path, weather_store(model, INIT))
    store = tmp_path / manifest.key

    async def talk(client: Client, stores: Stores) -> None:
        sound = await client.get("/forecast/key/89,1")
        assert "etag" in sound.headers
        damage_chunk(store, 0)
        stores.check()
        answer = await client.get("/forecast/key/89,1", headers={"If-None-Match": "*"})
        assert answer.status_code == 200
        assert answer.json()["flags"]["unreadableSources"] == ["ecmwf_ifs"]
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers

    with_client(tmp_path, talk)


def test_problems_are_not_kept_and_the_large_ones_are_compressed(folder: Path) -> None:
    later = BERLIN + "?exclude=gfs,ifs"
    answer, _ = raw(folder, later, {"Accept-Encoding": "gzip"})
    assert answer.status_code == 400
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "etag" not in answer.headers


def test_every_answer_names_its_node_and_its_time(folder: Path) -> None:
    async def talk() -> None:
        app = create_app(folder, lambda: NOW, pause=0, node="api-7")
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), Client(transport=transport, base_url="http://api") as client:
            for path in (BERLIN, "/health", "/nosuch", BERLIN + "?units=x"):
                answer = await client.get(path)
                assert answer.headers["x-node-id"] == "api-7"
                exposed = answer.headers["access-control-expose-headers"].split(", ")
                assert {"ETag", "X-Node-ID", "X-Response-Time", "Retry-After"} <= set(exposed)
            answer = await client.get(BERLIN)
            assert 0 < float(answer.headers["x-handler-time"]) < float(answer.headers["x-response-time"])

    asyncio.run(talk())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_header_breaks_the_door(ask: Ask, encodings: bytes, held: bytes) -> None:
    answer = ask(BERLIN + "?exclude=hourly,daily", headers={b"Accept-Encoding": encodings, b"If-None-Match": held})
    assert answer.status_code in (200, 304)
