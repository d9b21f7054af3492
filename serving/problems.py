"""Every error as RFC 9457 `application/problem+json`; `detail` is what Dark Sky clients read."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serving.bad_request import shown

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 60

BROKEN = "something broke while this was answered; the server's log says what"
NOT_FOUND = (
    "there is no {path} here: forecasts are at /forecast/KEY/LATITUDE,LONGITUDE, the state of the data at /health and "
    "/models, the documentation at /docs"
)


def problem(status: int, detail: str, more: Mapping[str, Any] | None = None) -> bytes:
    """The body; `more`: members of its own that this problem has."""
    title = HTTPStatus(status).phrase
    return orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail, **(more or {})})


def problem_headers(status: int) -> dict[str, str]:
    """What goes with every problem; a 503 says when to come back."""
    headers = {"cache-control": "no-store"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_AFTER)
    return headers


def problem_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        problem(status, detail), status, {**problem_headers(status), **(headers or {})}, media_type=MEDIA_TYPE
    )


def not_answered(method: str, allowed: str) -> str:
    """What a 405 says; allowed: as in its header `Allow`."""
    return f"{method} is not answered here, only {allowed}"


def answer_problems(app: FastAPI) -> None:
    """Make the app answer each of its own errors so: 404, 405, bad parameters, bugs."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = str(error.detail)
        if error.status_code == HTTPStatus.NOT_FOUND:
            detail = NOT_FOUND.format(path=shown(request.url.path, 80))
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            detail = not_answered(request.method, (error.headers or {}).get("Allow", "GET"))
        return problem_response(error.status_code, detail, error.headers)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return problem_response(HTTPStatus.BAD_REQUEST, f"{where}: {first['msg']}")

    async def broken(request: Request, error: Exception) -> Response:
        # The server logs the stack trace. This answer is made outside of the middleware.
        return problem_response(HTTPStatus.INTERNAL_SERVER_ERROR, BROKEN, {"access-control-allow-origin": "*"})

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(Exception, broken)
