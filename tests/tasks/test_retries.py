"""Which failures are worth another try: on the same mirror, on the next one, or by whoever runs the ingest."""

from __future__ import annotations

import asyncio
import pickle
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployments.simulator.faults import messages
from deployments.simulator.server import Fault, serve
from tasks.ask import LeadOrder
from tasks.errors import (
    Absent,
    DiskFull,
    Interrupted,
    MirrorError,
    NoMirrorLeft,
    OutOfTime,
    RangeIgnored,
    Refused,
    Throttled,
    Unfit,
)
from tasks.fetch import fetch_leads
from tasks.mirrors import Patience, Place, Places, now
from tasks.transport import FolderTransport, open_session, open_transport
from tasks.wanted import Mirror


@pytest.fixture
def order(toy: SimpleNamespace, tmp_path: Path) -> Callable[..., LeadOrder]:
    """order(mirror, ...): lead 2 of the toy run, of its main file only."""

    def order(*mirrors: str) -> LeadOrder:
        return LeadOrder(
            model="toy",
            init_time=toy.run,
            lead=2,
            products=toy.products,
            wanted=tuple(row for row in toy.wanted if row.required),
            mirrors=tuple(Mirror(f"mirror{number}", base) for number, base in enumerate(mirrors, 1)),
            folder=tmp_path / "staged",
        )

    return order


PASSING = {Absent, Throttled, Interrupted, OutOfTime}
LASTING = {Refused, Unfit, RangeIgnored, MirrorError}


def test_what_may_pass_is_said_of_every_error_of_a_mirror() -> None:
    known = {MirrorError, *MirrorError.__subclasses__(), OutOfTime} - {NoMirrorLeft}
    assert known == PASSING | LASTING
    assert {kind for kind in known if kind("why").passing} == PASSING


def test_errors_say_so_in_another_process_too() -> None:
    for passing in (True, False):
        assert pickle.loads(pickle.dumps(NoMirrorLeft("gone", passing))).passing is passing
    assert pickle.loads(pickle.dumps(Throttled("429", 7.0))).retry_after == 7.0


def indexes(paths: list[str]) -> int:
    """Requests for an index."""
    return sum(path.endswith(".idx") for path in paths)


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429}, {"status": 302}, {"reset_after": 0}, {"close_after": 10}], ids=str
)
def test_what_passes_is_asked_for_again_until_it_has(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience, fault: dict[str, Any]
) -> None:
    with serve(bucket, [Fault("*.idx", times=4, **fault)]) as server:
        (result,) = fetch_leads([order(server.url)], hasty)
        assert result.missing == ()
        # aiohttp asks once more where a connection that it kept is gone.
        assert indexes(server.paths()) >= 5


def test_when_there_is_no_time_left_whoever_asked_may_come_back(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience
) -> None:
    with serve(bucket, [Fault("*.idx", status=503)]) as server, pytest.raises(NoMirrorLeft) as raised:
        list(fetch_leads([order(server.url)], replace(hasty, lead=0.0)))
    assert raised.value.passing


@pytest.mark.parametrize(
    ("fault", "passing"),
    [
        # Not yet, or never: whoever asks decides for how long.
        (Fault("*.idx", status=404), True),
        (Fault("*.idx", status=403), False),
        (Fault("*.idx", status=401), False),
    ],
    ids=["404", "403", "401"],
)
def test_what_does_not_pass_is_asked_for_once(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience, fault: Fault, passing: bool
) -> None:
    with serve(bucket, [fault]) as server, pytest.raises(NoMirrorLeft) as raised:
        list(fetch_leads([order(server.url)], hasty))
    assert indexes(server.paths()) == 1
    assert raised.value.passing is passing


def without_end(bucket: Path) -> Fault:
    """The second message of lead 2 arrives with another end mark."""
    (file,) = bucket.rglob("main.f002")
    _, (_, end), *_ = messages(file.read_bytes())
    return Fault("*main.f002", flip=(end - 1,))


def test_bytes_that_are_no_message_are_no_reason_to_ask_the_same_mirror_again(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience
) -> None:
    with serve(bucket, [without_end(bucket)]) as server, pytest.raises(NoMirrorLeft) as raised:
        list(fetch_leads([order(server.url)], hasty))
    assert indexes(server.paths()) == 1
    assert not raised.value.passing


def test_a_broken_message_comes_from_the_next_mirror_without_a_second_try(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience
) -> None:
    with serve(bucket, [without_end(bucket)]) as broken, serve(bucket) as whole:
        (result,) = fetch_leads([order(broken.url, whole.url)], hasty)
        assert result.mirrors == ("mirror2",)
        assert indexes(broken.paths()) == 1


def test_a_lead_that_no_waiting_brings_decides_for_all(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience
) -> None:
    with serve(bucket, [Fault("*f002*", status=404), Fault("*f003*", status=403)]) as server:
        orders = [replace(order(server.url), lead=lead) for lead in (2, 3)]
        with pytest.raises(NoMirrorLeft, match="lead 3") as raised:
            list(fetch_leads(orders, hasty))
    assert not raised.value.passing


@pytest.mark.parametrize("error", [KeyError("a bug of ours"), DiskFull("no room")])
def test_what_is_no_mirrors_fault_is_not_tried_again(
    order: Callable[..., LeadOrder], bucket: Path, hasty: Patience, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("tasks.haul.identify", fail)
    with serve(bucket) as server, serve(bucket) as other:
        with pytest.raises(type(error)) as raised:
            list(fetch_leads([order(server.url, other.url)], hasty))
        assert raised.value is error
        assert other.asked == []


def test_who_was_told_when_to_come_back_comes_at_a_moment_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def scenario() -> None:
        patience = Patience(first_delay=4.0, longest_delay=4.0, tries=2)
        for _ in range(50):
            place = Place(Mirror("a", "/a"), FolderTransport(Path("/")))

            async def fail() -> None:
                raise Throttled("429", retry_after=3.0)

            with monkeypatch.context() as patched:
                patched.setattr("tasks.mirrors.asyncio.sleep", sleep)
                with pytest.raises(Throttled):
                    await Places([place], patience, 1).persist(place, now() + 1e6, 0, fail)

    asyncio.run(scenario())
    assert len(slept) == 50
    assert all(3.0 <= seconds <= 7.0 for seconds in slept)
    assert max(slept) - min(slept) > 1.0


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    """A server over TLS whose certificate nobody but itself vouches for; its URL."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        server.handle_error = lambda request, address: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_nobody_vouches_for_is_left_at_once(untrusted: str) -> None:
    async def read() -> None:
        async with open_session(1, 5.0, 5.0) as session:
            await open_transport(Mirror("m", untrusted), session).read("file")

    with pytest.raises(Refused, match=r"localhost:\d+/file has no certificate to be trusted: .*self-signed"):
        asyncio.run(read())
