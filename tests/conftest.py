"""Fixtures that several rooms share."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# eccodeslib and pyproj each bring a libproj: with pyproj second, the process dies when it ends (2.50.0, 3.7.2).
import pyproj  # noqa: F401
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Prefect reads its home and its profile when it is imported: neither may be the developer's own."""
    home = tempfile.TemporaryDirectory(prefix="windlass-prefect-")
    config.add_cleanup(home.cleanup)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ |= {"PREFECT_HOME": home.name, "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever needs the Prefect server is marked so, and runs on one worker: it takes 20 s to start."""
    for item in items:
        if "prefect_server" in getattr(item, "fixturenames", ()):
            item.add_marker("prefect")
            item.add_marker(pytest.mark.xdist_group("prefect"))


@dataclass(frozen=True)
class PrefectServer:
    """A Prefect server of the tests' own. `env` makes a child process use it."""

    url: str
    env: dict[str, str]


SERVE = """
import socket, sys, uvicorn
from prefect.server.api.server import create_app
listening = socket.socket(fileno=int(sys.argv[1]))
uvicorn.Server(uvicorn.Config(create_app(), log_level="warning")).run(sockets=[listening])
"""


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A real Prefect server with its scheduler, on SQLite, which this process uses too until the session ends."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    home = tmp_path_factory.mktemp("prefect")
    log = home / "server.log"
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        env = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": url}
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(listening.fileno())],
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(listening.fileno(),),
        )
    try:
        _await(url, log)
        # A heartbeat makes every flow run wait a second for its thread.
        with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            yield PrefectServer(url, env)
            APILogWorker.instance().drain()
            EventsWorker.drain_all()
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await(url: str, log: Path) -> None:
    """The socket listens already: the request waits for the server, and fails at once if the server dies."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=180) as answer:
            assert answer.status == 200
    except OSError as error:
        raise RuntimeError(f"the Prefect server did not start: {log.read_text()}") from error


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real GRIB2, index and client files; skips where it is not on this machine."""
    folder = Path(os.environ.get("WINDLASS_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs the shared folder of real files at {folder}")
    return folder


@pytest.fixture
def webhook() -> Callable[[int], AbstractContextManager[tuple[str, list[bytes]]]]:
    """webhook(status): an HTTP server that answers every POST so; gives its URL and the bodies it was told."""

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

    return webhook


Environ = dict[str, Any]


class S3Server:
    """An S3 server of the tests' own. It takes one request after another, so its conditional puts are atomic, as S3's.

    `fault(environ)` may return an S3 error code to answer with, "cut" to break the body's second half off, "lost" to
    do as asked and answer that it failed, or None.
    """

    def __init__(self, url: str, client: Any) -> None:
        self.url = url
        self.client = client
        self.bucket = ""
        self.fault: Callable[[Environ], str | None] | None = None
        self.asked: list[str] = []

    @property
    def base(self) -> str:
        """A prefix in the test's own bucket, as `--bucket` takes it."""
        return f"s3://{self.bucket}/runs"


STATUS = {
    "InvalidAccessKeyId": "403 Forbidden",
    "lost": "500 Internal Server Error",
    "NoSuchUpload": "404 Not Found",
    "NoSuchKey": "404 Not Found",
    "InternalError": "500 Internal Server Error",
    "NotImplemented": "501 Not Implemented",
}


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    import boto3
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    moto = DomainDispatcherApplication(create_backend_app)
    one_by_one = threading.Lock()

    def answer(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        with one_by_one:
            server.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}")
            fault = server.fault(environ) if server.fault else None
            started: list[Any] = []
            if fault is None:
                try:
                    return list(moto(environ, start_response))
                except KeyError:
                    # moto 5.2 does not know what to say of an upload that was aborted.
                    fault = "NoSuchUpload"
                    started.append(None)
            if fault in ("cut", "lost"):
                body = b"".join(moto(environ, lambda *start: started.append(start)))
            if fault == "cut":
                status, headers = started[0][:2]
                start_response(status, [*headers, ("Connection", "close")])
                return [body[: len(body) // 2]]
            if not started:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(STATUS[fault], [("Content-Type", "application/xml"), ("Connection", "close")])
            told = f"<Error><Code>{fault}</Code><Message>told to fail with {fault}</Message></Error>".encode()
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [told]

    listening = make_server("127.0.0.1", 0, answer, threaded=True)
    url = f"http://127.0.0.1:{listening.server_port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    server = S3Server(url, client)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server with a bucket of the test's own and with the environment set for it, for child processes too."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    s3_server.fault = None
    s3_server.asked.clear()
    s3_server.bucket = f"windlass-{secrets.token_hex(4)}"
    s3_server.client.create_bucket(Bucket=s3_server.bucket)
    return s3_server


TMPFS = "mount -t tmpfs -o size=2m tmpfs {folder}"


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on a disk of its own of 2 MiB; skips where neither root nor a user namespace may mount."""
    folder = tmp_path_factory.mktemp("disk")
    mount = TMPFS.format(folder=folder)
    if subprocess.run(mount.split(), capture_output=True).returncode == 0:
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return
    # Whoever may not mount may do so in a namespace of their own; /proc shows that namespace's files to us.
    keeper = ["unshare", "--map-root-user", "--mount", "sh", "-c", f"{mount} && echo mounted && cat"]
    with subprocess.Popen(keeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            if process.stdout.readline() != b"mounted\n":
                pytest.skip(f"no small disk can be mounted: {process.stderr.read().decode().strip()}")
            yield Path(f"/proc/{process.pid}/root{folder}")
        finally:
            process.stdin.close()


@pytest.fixture(scope="session")
def same_through_every_reader() -> Callable[[Path], None]:
    """same_through_every_reader(path): our reader, zarr-python and the xarray engine tell the same of a store.

    Of a large store only its corners and its middle are compared.
    """
    import numpy as np
    import xarray
    import zarr

    from storage.grids import Cell
    from storage.reader import Store

    def parts(length: int) -> list[slice]:
        whole = [slice(start, start + 10) for start in range(0, length, 10)]
        return whole if len(whole) <= 4 else [whole[0], whole[len(whole) // 2], whole[-1]]

    def same_through_every_reader(path: Path) -> None:
        zipped = zarr.storage.ZipStore(path, mode="r")
        plain = xarray.open_zarr(zipped, chunks=None)
        decoded = xarray.open_dataset(path, engine="windlass")
        with Store.open(path) as store, plain, decoded:
            schema = store.schema
            times = np.array([time.replace(tzinfo=None) for time in schema.valid_times], "datetime64[ns]")
            y_name, _, x_name, _ = schema.grid.axes()
            assert plain["variable"].values.tolist()[4:] == list(decoded.data_vars) == list(schema.names)
            for opened in (plain, decoded):
                np.testing.assert_array_equal(opened["time"].values, times)
                assert opened["forecast_reference_time"].values == np.datetime64(schema.init_time.replace(tzinfo=None))
            for name in (y_name, x_name):
                np.testing.assert_array_equal(plain[name].values, decoded[name].values)
            for ys, xs in ((ys, xs) for ys in parts(schema.grid.ny) for xs in parts(schema.grid.nx)):
                told = plain["forecast"][:, :, ys, xs]
                # As anybody would write it: apply the scaling coordinates.
                values = (told.astype("f8") * told["scale_factor"] + told["add_offset"]).astype("f4").values
                days, minutes, lead_days, lead_minutes = told.values[:4].astype("timedelta64[m]")
                in_chunks = np.datetime64(0, "m") + (days + lead_days).astype(int) * np.timedelta64(1440, "m")
                in_chunks = in_chunks + minutes + lead_minutes
                np.testing.assert_array_equal(in_chunks, np.broadcast_to(times[:, None, None], in_chunks.shape))
                for row, name in enumerate(schema.names):
                    np.testing.assert_array_equal(decoded[name][:, ys, xs].values, values[4 + row], name)
                for y, x in np.ndindex(*values.shape[2:]):
                    series = store.point(Cell(ys.start + y, xs.start + x))
                    np.testing.assert_array_equal(series, values[4:, :, y, x])
        zipped.close()

    return same_through_every_reader


@dataclass(frozen=True)
class Page:
    """What a browser made of a page: its DOM after the scripts have run, and what it said on its console."""

    dom: str
    console: list[str]


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[str], Page]:
    """browse(url): the page in headless Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Chromium: apt-get install chromium")

    def browse(url: str) -> Page:
        command = [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'chromium'}", "--virtual-time-budget=20000"),
            *("--enable-logging=stderr", "--dump-dom", url),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        return Page(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])

    return browse


@dataclass
class Sink:
    """What an HTTP receiver was told, and its next answers: a status, (status, header, value), "hang" or "drop".

    With no answer left it says 200 and `body`.
    """

    port: int
    answers: list[Any] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    body: bytes = b"ok"
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address, with secrets in the path and in the query."""
        return f"http://127.0.0.1:{self.port}/hook/s3cr3tpath?token=s3cr3tquery"


@pytest.fixture
def http_sink() -> Callable[..., AbstractContextManager[Sink]]:
    """http_sink(answer, ...): a real HTTP server that gives these answers one after the other; yields its Sink."""

    @contextmanager
    def http_sink(*answers: Any) -> Iterator[Sink]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sink.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = sink.answers.pop(0) if sink.answers else 200
                if answer == "hang":
                    sink.gate.wait(120)
                if answer in ("hang", "drop"):
                    return
                status, *header = answer if isinstance(answer, tuple) else (answer,)
                self.send_response(status)
                if header:
                    self.send_header(*header)
                self.send_header("Content-Length", str(len(sink.body)))
                self.end_headers()
                self.wfile.write(sink.body)

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            sink = Sink(server.server_port, list(answers))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield sink
            finally:
                sink.gate.set()
                server.shutdown()
                thread.join()

    return http_sink


class Postbox:
    """An SMTP server's handler: keeps letters as (sender, recipients, text); refuses recipients called `refused`."""

    def __init__(self) -> None:
        self.port = 0
        self.letters: list[tuple[str, list[str], str]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("refused"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append((envelope.mail_from, envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """A real SMTP server on this machine and what it was sent."""
    from aiosmtpd.controller import Controller

    box = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
