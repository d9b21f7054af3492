"""What every answer says: which machine gave it, and that pages of any origin may read it.

No key is a cookie, nothing here is private.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

ALLOWED = (b"access-control-allow-origin", b"*")
_EXPOSED = (b"access-control-expose-headers", b"ETag, Retry-After, X-Handler-Time, X-Node-ID, X-Response-Time")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"If-None-Match, Apikey, Authorization, *"),
    (b"access-control-max-age", b"86400"),
    (b"content-length", b"0"),
)


def headers_of(node: str) -> Headers:
    """The headers of every answer of a node."""
    return ALLOWED, _EXPOSED, (b"x-node-id", node.encode("ascii"))


class AllowEveryOrigin:
    """Middleware that adds these headers to every answer, and answers preflights itself."""

    def __init__(self, app: ASGIApp, headers: Headers) -> None:
        self.app = app
        self._added = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._added]
            await send(message)

        if scope["method"] == "OPTIONS" and any(
            name == b"access-control-request-method" for name, _ in scope["headers"]
        ):
            await with_headers({"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT)})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, with_headers)
