"""Bodies that seldom change, as routes beside the forecasts answer them: in the client's coding, with a strong tag."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from hashlib import blake2b

from fastapi import Request, Response

from serving.compress import IDENTITY, acceptable, encode
from serving.etag import coding_held, entity_tag

_BYTES = 12


def kept_page(request: Request, body: bytes, media_type: str) -> Response:
    """The body, which a cache may keep and has to ask about; 304 for who holds it."""
    tag = urlsafe_b64encode(blake2b(body, digest_size=_BYTES).digest()).decode()
    codings = acceptable(", ".join(request.headers.getlist("accept-encoding")) or None)
    headers = {"cache-control": "no-cache", "vary": "Accept-Encoding"}
    held = coding_held(", ".join(request.headers.getlist("if-none-match")), tag, codings)
    if held is not None:
        return Response(status_code=304, headers={**headers, "etag": entity_tag(tag, held)})
    coded, coding = encode(body, codings)
    if coding != IDENTITY:
        headers["content-encoding"] = coding
    return Response(coded, headers={**headers, "etag": entity_tag(tag, coding)}, media_type=media_type)


def always(body: bytes, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """What answers with one body."""

    async def answer(request: Request) -> Response:
        return kept_page(request, body, media_type)

    return answer
