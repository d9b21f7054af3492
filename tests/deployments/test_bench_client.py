"""The client that measures the API, against a server that says what it was asked, in pieces."""

from __future__ import annotations

import asyncio

from deployments.bench.client import Reply, Told, as_fast_as_possible, at_a_rate, request_of


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        path = head.split(b" ")[1]
        if path == b"/same":
            writer.write(b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n")
            continue
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-le")
        await writer.drain()
        writer.write(b"ngth: %d\r\n\r\n" % len(path) + path)


def test_every_request_has_its_own_answer() -> None:
    requests = [request_of(f"/{number}") for number in range(40)] + [request_of("/same")]
    seen: list[bytes] = []

    def look(reply: Reply) -> None:
        seen.append(reply.body)

    async def talk() -> tuple[Told, Told]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        fast = await as_fast_as_possible(port, requests, 3)
        steady = await at_a_rate(port, requests, 1000.0, 3, look)
        server.close()
        return fast, steady

    for told in asyncio.run(talk()):
        assert told.statuses == {200: 40, 304: 1}
        assert len(told.seconds) == 41
    assert sorted(seen) == sorted([b"", *(b"/%d" % number for number in range(40))])


def test_a_request_is_what_http_wants() -> None:
    lines = request_of("/x?y=1", Accept_Encoding="gzip").decode().split("\r\n")
    assert lines == ["GET /x?y=1 HTTP/1.1", "Host: bench", "Accept-Encoding: gzip", "", ""]
