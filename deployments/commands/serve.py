"""`windlass serve`: the HTTP API over a folder of stores."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fastapi import FastAPI

HELP = """Serve point forecasts over HTTP, from stores on this machine.

The folder of stores is what [bold]windlass sync[/bold] keeps; a local bucket folder works too. New runs are \
taken up within a second, without a restart and without an error for anybody. Ctrl-C or SIGTERM ends it.

[bold]Examples[/bold]

  windlass serve                               what windlass sync brought
  windlass serve --stores BUCKET --port 9000   a local bucket folder
  windlass serve --host 0.0.0.0 --workers 4    for others, on four cores
  windlass serve --now 2026-04-20T06           replay an old run

[bold]Then[/bold]

  curl 'http://127.0.0.1:8080/forecast/demo/52.52,13.41?units=si'

/docs explains every parameter and field, /status shows how old each model's data is; /livez, /readyz, /health and \
/metrics are for machines.

[bold]Environment[/bold]

  WINDLASS_STORES      the folder of stores
  WINDLASS_TERRAIN     a store of how high places lie, to which temperatures are led: see windlass terrain
  WINDLASS_NODE        what answers call this machine; its host name where nothing is set
  WINDLASS_LOG_FORMAT  json: one object a line
"""


def serve(
    stores: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The stores. Default: WINDLASS_STORES or a folder in your home."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen here; 0.0.0.0 or :: for everybody.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes; each one uses one core.")] = 1,
    now: Annotated[
        str | None, typer.Option(metavar="T", help="Freeze the clock at this time, UTC: 2026-04-20T06.")
    ] = None,
) -> None:
    from deployments.console import fail, say
    from serving.settings import ApiSettings
    from serving.terrain import open_terrain
    from storage.errors import StorageError

    frozen = read_time(now) if now else None
    # A setting that means nothing ends this process now, not each worker later.
    settings = ApiSettings()
    if settings.terrain:
        try:
            open_terrain(settings.terrain)
        except (StorageError, ValueError, OSError) as error:
            fail(f"WINDLASS_TERRAIN: {error}")
    folder = (stores or settings.stores).expanduser().absolute()
    # Workers are processes of their own: they read the same environment.
    os.environ["WINDLASS_STORES"] = str(folder)
    if frozen:
        os.environ["WINDLASS_NOW"] = frozen.isoformat()
    try:
        listening = listen(host, port)
    except OSError as error:
        fail(why_not(host, port, error))
    with listening:
        say(introduction(folder, address_of(listening), frozen))
        run(listening, workers)


serve.__doc__ = HELP


def read_time(text: str) -> datetime:
    """A time as ISO 8601 writes it, UTC where it names no zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"cannot read the time {text!r}: write UTC such as 2026-04-20T06") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def listen(host: str, port: int) -> socket.socket:
    """A socket that others may inherit; raises OSError."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Bound twice is told only here: two sockets may share an address until one of them listens.
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    listening.set_inheritable(True)
    return listening


def why_not(host: str, port: int, error: OSError) -> str:
    """Why nothing can listen there, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken by another program: choose another one with --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} needs more rights than you have: choose one above 1023 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def address_of(listening: socket.socket) -> str:
    """The URL of a listening socket, as one would type it on this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}"


def introduction(folder: Path, base: str, frozen: datetime | None) -> str:
    """What is served, and where to look."""
    from serving.stores import Stores

    found = Stores(folder)
    found.check()
    lines = [f"serving {folder}" + (f", the clock stands at {frozen:%Y-%m-%dT%H:%MZ}" if frozen else "")]
    for state in found.snapshot.models:
        run = f"run of {state.store.schema.init_time:%Y-%m-%dT%H:%MZ}" if state.store else "no run"
        lines.append(f"  {state.model}: {run}" + (f" ({state.problem})" if state.problem else ""))
    if not found.snapshot.stores:
        lines.append(
            "  no run of any model is there yet: `windlass sync` brings them from the bucket, and this server takes "
            "them up when they come; `windlass demo` makes some"
        )
    lines += [
        f"forecast  {base}/forecast/demo/52.52,13.405?units=si",
        f"API docs  {base}/docs",
        f"status    {base}/status",
        f"health    {base}/health",
    ]
    return "\n".join(lines)


def run(listening: socket.socket, workers: int) -> None:
    """Serve until SIGINT or SIGTERM, then end with code 0; with code 1 where the application does not start."""
    import signal

    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from serving.metrics import share_counts
    from serving.settings import FACTORY

    config = uvicorn.Config(
        FACTORY if workers == 1 else "deployments.commands.serve:worker",
        factory=True,
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        # Its records go to our own log.
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
        # Nothing here asks who the client is.
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    if workers > 1:
        with counting() as counts:
            share_counts(counts)
            Multiprocess(config, sockets=[listening]).run()
        return

    def ended(number: int, frame: object) -> None:
        raise SystemExit(0)

    # The server raises the signal that ended it once more when it has ended.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ended)
    server.run(sockets=[listening])
    if not server.started:
        raise SystemExit(1)


def worker() -> FastAPI:
    """The application of one of several workers. None outlives the process that started them, and its port with it."""
    from deployments.children import end_with_parent
    from serving.settings import api

    end_with_parent()
    return api()


@contextmanager
def counting() -> Iterator[Path]:
    """A folder for the workers' counts; those of servers that were killed are removed."""
    prefix = "windlass-metrics-"
    for left in Path(gettempdir()).glob(f"{prefix}*"):
        # One that is a moment old may not be held yet.
        with suppress(OSError):
            if time() - left.stat().st_mtime > 60:
                with _held(left):
                    shutil.rmtree(left)
    with TemporaryDirectory(prefix=prefix) as folder, _held(Path(folder)):
        yield Path(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """A lock on a folder, which the kernel lets go of when its holder dies; raises OSError where another holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
