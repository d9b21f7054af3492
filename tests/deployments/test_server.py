"""The simulated bucket, seen with another client than ours."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path

import pytest

from deployments.simulator.clock import JumpingClock
from deployments.simulator.server import Asked, Fault, Server, serve

CONTENT = bytes(range(200))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "bucket" / "deep").mkdir(parents=True)
    (tmp_path / "bucket" / "deep" / "file").write_bytes(CONTENT)
    (tmp_path / "bucket" / "other").write_bytes(b"other")
    (tmp_path / "outside").write_text("secret")
    with serve(tmp_path / "bucket") as server:
        yield server


def get(server: Server, path: str, asked: str | None = None, method: str = "GET") -> HTTPResponse:
    request = urllib.request.Request(f"{server.url}/{path}", headers={"Range": asked} if asked else {}, method=method)
    answer: HTTPResponse = urllib.request.urlopen(request, timeout=20)
    return answer


def status(server: Server, path: str, asked: str | None = None) -> int:
    try:
        return get(server, path, asked).status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_file_is_served_whole(server: Server) -> None:
    with get(server, "deep/file") as answer:
        assert answer.status == 200
        assert answer.read() == CONTENT
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Last-Modified"]
    assert server.asked == [Asked("GET", "deep/file", None)]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=150-", slice(150, None)),
        ("bytes=-5", slice(195, None)),
        ("bytes=190-999", slice(190, None)),
    ],
)
def test_ranges(server: Server, asked: str, part: slice) -> None:
    with get(server, "deep/file", asked) as answer:
        assert answer.status == 206
        assert answer.read() == CONTENT[part]
        start, stop, _ = part.indices(200)
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/200"


def test_head_gives_the_size_without_the_bytes(server: Server) -> None:
    with get(server, "deep/file", method="HEAD") as answer:
        assert answer.headers["Content-Length"] == "200"
        assert answer.read() == b""


def test_what_is_not_there_or_outside_is_not_found(server: Server) -> None:
    for path in ("nothing", "deep", "", "../outside", "deep/%2e%2e/%2e%2e/outside"):
        assert status(server, path) == 404
    assert status(server, "deep/file", "bytes=200-300") == 416
    assert status(server, "deep/file", "lines=1-2") == 200


def test_a_fault_happens_as_often_as_asked_and_to_its_paths(server: Server) -> None:
    server.faults = [Fault("deep/*", times=2, skip=1, status=503, headers=(("Retry-After", "3"),))]
    assert [status(server, path) for path in ("deep/file", "deep/file", "other", "deep/file", "deep/file")] == [
        200,
        503,
        200,
        503,
        200,
    ]


def test_the_first_due_fault_of_several_happens(server: Server) -> None:
    server.faults = [Fault("*", times=1, status=500), Fault("*", times=1, status=429)]
    assert [status(server, "other") for _ in range(3)] == [500, 429, 200]


def test_bytes_may_be_wrong_short_or_another_files(server: Server) -> None:
    server.faults = [Fault("deep/file", flip=(3, 199))]
    wrong = bytearray(CONTENT)
    wrong[3] ^= 0xFF
    wrong[199] ^= 0xFF
    assert get(server, "deep/file").read() == wrong
    assert get(server, "deep/file", "bytes=2-4").read() == wrong[2:5]
    server.faults = [Fault("deep/file", instead="other")]
    assert get(server, "deep/file").read() == b"other"
    server.faults = [Fault("deep/file", cut=7)]
    assert get(server, "deep/file").read() == CONTENT[:7]
    server.faults = [Fault("deep/file", ignore_range=True)]
    assert get(server, "deep/file", "bytes=2-4").read() == CONTENT


def test_connections_may_end_stall_or_creep(server: Server) -> None:
    server.faults = [Fault("*", close_after=7)]
    with pytest.raises(IncompleteRead) as raised:
        get(server, "deep/file").read()
    assert raised.value.partial == CONTENT[:7]
    server.faults = [Fault("*", reset_after=7)]
    with pytest.raises((ConnectionResetError, IncompleteRead)):
        get(server, "deep/file").read()
    server.faults = [Fault("*", stall_after=7)]
    request = urllib.request.urlopen(f"{server.url}/deep/file", timeout=0.05)
    assert request.read(7) == CONTENT[:7]
    with pytest.raises(TimeoutError):
        request.read(1)
    request.close()
    server.faults = [Fault("*", bytes_per_second=20_000.0, latency=0.001)]
    assert get(server, "deep/file").read() == CONTENT


def test_many_ask_at_once_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    before = threading.active_count()
    with serve(tmp_path) as first, serve(tmp_path) as second:
        assert first.url != second.url
        threads = [threading.Thread(target=lambda: get(first, "file").read()) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(first.asked) == 8
    assert threading.active_count() == before
    with pytest.raises(urllib.error.URLError):
        get(first, "file")


def test_a_taken_port_is_an_error(server: Server, tmp_path: Path) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"), serve(tmp_path, port=port):
        pass


def test_a_stalled_client_does_not_hold_up_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    with serve(tmp_path, [Fault("*", stall_after=7)]) as server:
        answer = urllib.request.urlopen(f"{server.url}/file", timeout=20)
        assert answer.read(7) == CONTENT[:7]
    answer.close()


def test_who_knows_a_file_is_told_that_it_has_not_changed(server: Server) -> None:
    def asked(mark: str) -> int:
        request = urllib.request.Request(f"{server.url}/deep/file", headers={"If-None-Match": mark})
        try:
            return urllib.request.urlopen(request, timeout=20).status  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            return error.code

    mark = get(server, "deep/file").headers["ETag"]
    assert asked(mark) == 304
    assert asked('"another"') == 200
    (server.folder / "deep" / "file").write_bytes(CONTENT * 2)
    assert asked(mark) == 200


def test_files_appear_at_their_time_and_not_before(tmp_path: Path) -> None:
    time = datetime(2026, 4, 20, 3, 40, tzinfo=UTC)
    clock = JumpingClock(time)
    (tmp_path / "early").write_bytes(b"early")
    (tmp_path / "late").write_bytes(b"late")
    lands = {"late": time + timedelta(minutes=10)}
    with serve(tmp_path, appears=lambda path: path not in lands or clock.now() >= lands[path]) as server:
        assert (status(server, "early"), status(server, "late")) == (200, 404)
        clock.jump(599)
        assert status(server, "late") == 404
        clock.jump(1)
        assert status(server, "late") == 200
