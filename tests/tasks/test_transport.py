"""What every way of reading a mirror must do, and what HTTP does beyond it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TypeVar

import pytest

from deployments.simulator.server import Fault, serve
from tasks.errors import Absent, Interrupted, MirrorError, RangeIgnored, Refused, Throttled, Unfit
from tasks.transport import Transport, open_session, open_transport, proxy_of
from tasks.wanted import Mirror

Result = TypeVar("Result")
Use = Callable[[str, Callable[[Transport], Awaitable[Result]]], Result]

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(CONTENT)
    (folder / "empty").write_bytes(b"")
    return folder


def use(base: str, action: Callable[[Transport], Awaitable[Result]], stall: float = 5.0) -> Result:
    """The result of action(transport) on the mirror at `base`."""

    async def run() -> Result:
        async with open_session(2, 5.0, stall) as session:
            return await action(open_transport(Mirror("m", base), session))

    return asyncio.run(run())


@pytest.fixture(params=["folder", "http"])
def base(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """One mirror, both ways."""
    if request.param == "folder":
        yield str(folder)
    else:
        with serve(folder) as server:
            yield server.url


def test_a_file_is_read_whole_and_in_parts(base: str) -> None:
    assert use(base, lambda mirror: mirror.read("deep/file")) == CONTENT
    assert use(base, lambda mirror: mirror.read("deep/file", 10, 20)) == CONTENT[10:20]
    assert use(base, lambda mirror: mirror.read("deep/file", 1000)) == CONTENT[1000:]
    assert use(base, lambda mirror: mirror.read("deep/file", 1023, 1024)) == CONTENT[1023:]
    assert use(base, lambda mirror: mirror.size("deep/file")) == len(CONTENT)
    assert use(base, lambda mirror: mirror.read("empty")) == b""


def test_bytes_behind_the_end_do_not_fit(base: str) -> None:
    for start, end in ((1000, 1025), (2000, 2010), (5000, None)):
        with pytest.raises(Unfit, match="deep/file"):
            use(base, lambda mirror, start=start, end=end: mirror.read("deep/file", start, end))


def test_a_look_tells_a_file_from_what_it_becomes(base: str, folder: Path) -> None:
    mark = use(base, lambda mirror: mirror.look("deep/file"))
    assert use(base, lambda mirror: mirror.look("deep/file", mark)) == mark
    assert use(base, lambda mirror: mirror.look("deep/file", "another")) == mark
    (folder / "deep" / "file").write_bytes(CONTENT[:-1] + b"?")
    assert use(base, lambda mirror: mirror.look("deep/file", mark)) != mark
    with pytest.raises(Absent, match="nothing"):
        use(base, lambda mirror: mirror.look("nothing"))


def test_a_look_brings_no_more_than_a_byte(folder: Path) -> None:
    with serve(folder) as server:
        mark = use(server.url, lambda mirror: mirror.look("deep/file"))
        use(server.url, lambda mirror: mirror.look("deep/file", mark))
        assert [asked.range for asked in server.asked] == ["bytes=0-0"] * 2


def test_what_is_not_there_is_absent(base: str) -> None:
    for path in ("nothing", "deep/file/below", "deep/nothing"):
        with pytest.raises(Absent, match=path):
            use(base, lambda mirror, path=path: mirror.read(path))
        with pytest.raises(Absent, match=path):
            use(base, lambda mirror, path=path: mirror.size(path))


def test_an_index_of_absurd_size_is_refused(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.transport.LARGEST_INDEX", 1000)
    with pytest.raises(MirrorError, match="more than 1000 bytes"):
        use(base, lambda mirror: mirror.read("deep/file"))


def test_urls_name_the_file(base: str) -> None:
    async def url(mirror: Transport) -> str:
        return mirror.url("deep/file")

    assert use(base, url) == f"{base}/deep/file"


FAULTS = [
    (Fault("*", status=301, headers=(("Location", "/deep/file"),)), Throttled),
    (Fault("*", status=302, headers=(("Location", "/deep/file"),)), Throttled),
    (Fault("*", status=401), Refused),
    (Fault("*", status=403), Refused),
    (Fault("*", status=404), Absent),
    (Fault("*", status=408), Throttled),
    (Fault("*", status=410), Absent),
    (Fault("*", status=416), Unfit),
    (Fault("*", status=429), Throttled),
    (Fault("*", status=500), Throttled),
    (Fault("*", status=503), Throttled),
    (Fault("*", close_after=4), Interrupted),
    (Fault("*", reset_after=4), Interrupted),
    (Fault("*", reset_after=0), Interrupted),
    (Fault("*", cut=15), Unfit),
    (Fault("*", ignore_range=True), RangeIgnored),
]


@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=lambda value: str(value)[:70])
def test_each_fault_of_a_server_has_its_name(folder: Path, fault: Fault, error: type[MirrorError]) -> None:
    with serve(folder, [fault]) as server:
        with pytest.raises(error, match=f"{server.url}/deep/file") as raised:
            use(server.url, lambda mirror: mirror.read("deep/file", 10, 20))
        assert type(raised.value) is error
        assert len(server.asked) == 1


def test_a_redirect_is_never_followed(folder: Path) -> None:
    fault = Fault("deep/file", status=302, headers=(("Location", "/empty"),))
    with serve(folder, [fault]) as server, pytest.raises(Throttled):
        use(server.url, lambda mirror: mirror.read("deep/file"))
    assert server.paths() == ["deep/file"]


def test_a_stall_is_not_waited_out(folder: Path) -> None:
    for fault in (Fault("*", stall_after=4), Fault("*", latency=30.0)):
        with serve(folder, [fault]) as server, pytest.raises(Interrupted, match="stalled"):
            use(server.url, lambda mirror: mirror.read("deep/file", 10, 20), stall=0.05)


def test_nobody_listens(folder: Path) -> None:
    with serve(folder) as server:
        gone = server.url
    with pytest.raises(Interrupted, match=f"{gone}/deep/file cannot be reached"):
        use(gone, lambda mirror: mirror.read("deep/file"))


def in_hours(hours: int) -> str:
    """An HTTP date so far from now."""
    return format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)


@pytest.mark.parametrize(
    ("say", "least", "most"),
    [
        (lambda: "7", 7, 7),
        (lambda: in_hours(1), 3000, 3600),
        (lambda: in_hours(-1), 0, 0),
        (lambda: "soon", 0, 0),
        (lambda: "", 0, 0),
    ],
    ids=["seconds", "a date ahead", "a date gone by", "neither", "nothing"],
)
def test_retry_after_is_read_as_number_and_as_date(
    folder: Path, say: Callable[[], str], least: float, most: float
) -> None:
    fault = Fault("*", status=503, headers=(("Retry-After", say()),))
    with serve(folder, [fault]) as server, pytest.raises(Throttled) as raised:
        use(server.url, lambda mirror: mirror.read("deep/file"))
    assert least <= raised.value.retry_after <= most


def test_the_whole_file_is_read_only_up_to_the_range_where_ranges_are_known_to_be_ignored(folder: Path) -> None:
    with (folder / "deep" / "file").open("ab") as file:
        file.truncate(500_000_000)

    async def read(mirror: Transport) -> bytes:
        mirror.ranges = False
        return await mirror.read("deep/file", 1000, 1030)

    with serve(folder, [Fault("*", ignore_range=True)]) as server:
        assert use(server.url, read) == CONTENT[1000:] + bytes(6)


def test_a_mirror_that_answers_ranges_again_is_asked_for_them_again(folder: Path) -> None:
    async def read(mirror: Transport) -> bool:
        mirror.ranges = False
        assert await mirror.read("deep/file", 10, 20) == CONTENT[10:20]
        assert not mirror.ranges
        assert await mirror.read("deep/file", 10, 20) == CONTENT[10:20]
        return mirror.ranges

    with serve(folder, [Fault("*", ignore_range=True, times=1)]) as server:
        assert use(server.url, read)


def test_a_size_cannot_be_had_where_ranges_are_ignored(folder: Path) -> None:
    with serve(folder, [Fault("*", ignore_range=True)]) as server, pytest.raises(RangeIgnored):
        use(server.url, lambda mirror: mirror.size("deep/file"))


def test_secrets_of_a_url_are_sent_but_never_shown(folder: Path) -> None:
    async def url(mirror: Transport) -> str:
        assert await mirror.read("deep/file", 0, 4) == CONTENT[:4]
        return mirror.url("deep/file")

    with serve(folder) as server:
        secret = server.url.replace("//", "//user:hunter2@") + "/?sig=hunter2"
        assert use(secret, url) == f"{server.url}/deep/file"
        with pytest.raises(Absent) as raised:
            use(secret, lambda mirror: mirror.read("nothing"))
    assert "hunter2" not in str(raised.value)


def test_a_url_that_is_none_is_refused() -> None:
    for base in ("http://", "http://exa mple"):
        with pytest.raises(MirrorError):
            use(base, lambda mirror: mirror.read("file"))


def test_an_unreadable_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(Refused, match="may not be read"):
        use(str(folder), lambda mirror: mirror.read("deep/file"))


def test_the_proxy_of_the_environment_is_asked_in_the_mirrors_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(folder) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert use("http://mirror.invalid/deep", lambda mirror: mirror.read("file", 0, 9)) == CONTENT[:9]
        assert proxy.paths() == ["deep/file"]
    assert proxy_of("http://mirror.invalid/deep") == proxy.url
    monkeypatch.setenv("no_proxy", "mirror.invalid")
    assert proxy_of("http://mirror.invalid/deep") is None
    assert proxy_of("no url") is None
