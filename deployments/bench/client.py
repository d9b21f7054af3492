"""A small HTTP client that costs little beside the server it measures: one request at a time on each connection."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

import numpy as np


class Reply(NamedTuple):
    """One answer."""

    status: int
    head: bytes
    body: bytes


class Connection(asyncio.Protocol):
    """Asks and waits for the answer, which must tell its length or have no body."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiting: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the server hung up"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def ask(self, request: bytes) -> asyncio.Future[Reply]:
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[: end + 2])
        at = head.find(b"\r\ncontent-length: ")
        length = int(head[at + 18 : head.index(b"\r\n", at + 2)]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        self._buffer.clear()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Reply(int(head[9:12]), head, body))


def request_of(path: str, **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: bench", *(f"{name.replace('_', '-')}: {headers[name]}" for name in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Told:
    """What became of some requests. seconds: of each, from when it was due."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall

    def percentile(self, percent: float) -> float:
        """Milliseconds."""
        return 1000 * float(np.percentile(self.seconds, percent))

    def count(self, reply: Reply, seconds: float) -> None:
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        self.seconds.append(seconds)


Look = Callable[[Reply], None]


async def one(port: int, request: bytes) -> Reply:
    """The answer to one request."""
    (connection,) = await _connect(port, 1)
    try:
        return await connection.ask(request)
    finally:
        connection.close()


async def as_fast_as_possible(port: int, requests: Sequence[bytes], connections: int) -> Told:
    """Every request once, each connection asking again as soon as it is answered."""
    told, left = Told(), iter(requests)

    async def work(connection: Connection) -> None:
        for request in left:
            begun = perf_counter()
            told.count(await connection.ask(request), perf_counter() - begun)

    opened = await _connect(port, connections)
    begun = perf_counter()
    await asyncio.gather(*map(work, opened))
    told.wall = perf_counter() - begun
    for connection in opened:
        connection.close()
    return told


async def at_a_rate(port: int, requests: Sequence[bytes], rate: float, connections: int, look: Look) -> Told:
    """Requests due at a steady rate, whether those before are answered or not: a slow answer makes others wait.

    look: at each answer; what it takes counts for nobody's time, but delays what is due meanwhile. No garbage is sought
    meanwhile: in a process that has imported everything that takes 50 ms, in which a dozen answers are due.
    """
    told = Told()
    gc.collect()
    gc.disable()
    try:
        await _ask_at(told, port, requests, rate, connections, look)
    finally:
        gc.enable()
    return told


async def _ask_at(told: Told, port: int, requests: Sequence[bytes], rate: float, connections: int, look: Look) -> None:
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    opened = await _connect(port, connections)
    for connection in opened:
        idle.put_nowait(connection)

    async def work(request: bytes, due: float) -> None:
        connection = await idle.get()
        reply = await connection.ask(request)
        told.count(reply, perf_counter() - due)
        idle.put_nowait(connection)
        look(reply)

    begun = perf_counter()
    tasks = []
    for number, request in enumerate(requests):
        due = begun + number / rate
        if (pause := due - perf_counter()) > 0:
            await asyncio.sleep(pause)
        tasks.append(asyncio.create_task(work(request, due)))
    await asyncio.gather(*tasks)
    told.wall = perf_counter() - begun
    for connection in opened:
        connection.close()


async def _connect(port: int, count: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
