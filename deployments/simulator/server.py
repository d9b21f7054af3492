"""An HTTP server over a folder, as a public bucket would serve it: ranges, and on request faults and late files."""

from __future__ import annotations

import asyncio
import mimetypes
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from aiohttp import web

BLOCK = 256 << 10


@dataclass(frozen=True)
class Fault:
    """What goes wrong when a path that matches `path` (a shell pattern, without leading slash) is asked for.

    `times`: how often, None for ever. `skip`: how many requests go well before. The rest may be combined:
    `latency`: seconds before the answer. `status`, `headers`: answer so, with an empty body.
    `stall_after`, `close_after`, `reset_after`: bytes of the body after which nothing more comes, the connection is
    closed as if all was said, or is reset. `bytes_per_second`: how slow the body comes.
    `flip`: file offsets whose byte arrives inverted. `instead`: the path of the file that is served in its place.
    `cut`: bytes after which the file ends. `ignore_range`: 200 and the whole file.
    """

    path: str
    times: int | None = None
    skip: int = 0
    latency: float = 0.0
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    stall_after: int | None = None
    close_after: int | None = None
    reset_after: int | None = None
    bytes_per_second: float | None = None
    flip: tuple[int, ...] = ()
    instead: str | None = None
    cut: int | None = None
    ignore_range: bool = False


@dataclass(frozen=True)
class Asked:
    """One request that came. `range`: the header as sent."""

    method: str
    path: str
    range: str | None


@dataclass
class Server:
    """A running server. `asked`: every request so far. `faults` may be exchanged while it runs.

    `appears(path)`: whether a file that lies in the folder has landed in the bucket by now.
    """

    folder: Path
    url: str
    faults: Sequence[Fault] = ()
    appears: Callable[[str], bool] = lambda path: True
    asked: list[Asked] = field(default_factory=list)
    _counts: dict[Fault, int] = field(default_factory=dict)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Handle one request."""
        path = request.path.lstrip("/")
        self.asked.append(Asked(request.method, path, request.headers.get("Range")))
        fault = self._fault(path)
        await asyncio.sleep(fault.latency)
        if fault.status is not None:
            return web.Response(status=fault.status, headers=dict(fault.headers))
        file = (self.folder / (fault.instead or path)).resolve()
        if not file.is_file() or not file.is_relative_to(self.folder.resolve()) or not self.appears(path):
            return web.Response(status=404)
        stat = file.stat()
        etag = f'"{stat.st_ino:x}-{stat.st_mtime_ns:x}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        size = stat.st_size if fault.cut is None else min(fault.cut, stat.st_size)
        ranged = "Range" in request.headers and not fault.ignore_range
        try:
            start, stop, _ = request.http_range.indices(size) if ranged else (0, size, 1)
        except ValueError:
            # What is no range is as if it had not been sent (RFC 9110, 14.2).
            ranged, start, stop = False, 0, size
        if ranged and start >= stop:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
        answer = web.StreamResponse(status=206 if ranged else 200, headers={"Accept-Ranges": "bytes", "ETag": etag})
        answer.content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        answer.content_length = stop - start
        answer.last_modified = stat.st_mtime
        if ranged:
            answer.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        # A client that has gone is no error of the server's.
        with suppress(ConnectionResetError):
            await answer.prepare(request)
            if request.method != "HEAD":
                await self._send(request, answer, fault, file, start, stop)
        return answer

    def _fault(self, path: str) -> Fault:
        """The first fault due for a path; one that does nothing where there is none."""
        for fault in self.faults:
            if fnmatchcase(path, fault.path):
                count = self._counts.get(fault, 0)
                self._counts[fault] = count + 1
                if count >= fault.skip and (fault.times is None or count < fault.skip + fault.times):
                    return fault
        return Fault(path)

    async def _send(
        self, request: web.Request, answer: web.StreamResponse, fault: Fault, file: Path, start: int, stop: int
    ) -> None:
        limits = [limit for limit in (fault.stall_after, fault.close_after, fault.reset_after) if limit is not None]
        until = min([stop, *(start + limit for limit in limits)])
        block = BLOCK if fault.bytes_per_second is None else max(1, int(fault.bytes_per_second / 20))
        with file.open("rb") as source:
            source.seek(start)
            while start < until:
                data = bytearray(source.read(min(block, until - start)))
                for offset in fault.flip:
                    if start <= offset < start + len(data):
                        data[offset - start] ^= 0xFF
                await answer.write(data)
                start += len(data)
                if fault.bytes_per_second is not None:
                    await asyncio.sleep(len(data) / fault.bytes_per_second)
        transport = request.transport
        if not limits or transport is None:
            return
        if fault.stall_after is not None:
            await asyncio.Event().wait()
        if fault.reset_after is not None:
            # Lingering for no time turns the close into a reset.
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()


@contextmanager
def serve(
    folder: Path,
    faults: Sequence[Fault] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    appears: Callable[[str], bool] = lambda path: True,
) -> Iterator[Server]:
    """A server in a thread of its own, listening when the block begins and gone when it ends.

    Port 0 takes a free one; `Server.url` says which. Raises OSError where the port is taken.
    """
    listening = socket.create_server((host, port))
    shown = f"[{host}]" if ":" in host else host
    server = Server(folder, f"http://{shown}:{listening.getsockname()[1]}", faults, appears)
    loop = asyncio.new_event_loop()
    started, stop = threading.Event(), asyncio.Event()
    thread = threading.Thread(
        target=lambda: asyncio.Runner(loop_factory=lambda: loop).run(_run(server, listening, started, stop)),
        name=f"simulated bucket {server.url}",
        daemon=True,
    )
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _run(server: Server, listening: socket.socket, started: threading.Event, stop: asyncio.Event) -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    # Without cancellation a stalled answer would outlive its client.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        started.set()
        await stop.wait()
    finally:
        started.set()
        await runner.cleanup()
