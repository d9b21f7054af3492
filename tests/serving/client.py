"""The app and its reader of stores in this process, and a client that asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from serving.app import create_app
from serving.stores import Stores

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 8, 42, 17, tzinfo=UTC)
BERLIN = "/forecast/key/52.52,13.405"

Client = httpx.AsyncClient
Ask = Callable[..., httpx.Response]


def with_client(folder: Path, talk: Callable[[Client, Stores], Awaitable[Any]], now: datetime = NOW) -> Any:
    """Run `talk` against a started application over a folder of stores."""

    async def run() -> Any:
        app = create_app(folder, lambda: now, pause=0)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with app.router.lifespan_context(app), Client(transport=transport, base_url="http://api") as client:
            return await talk(client, app.state.stores)

    return asyncio.run(run())


def detail(answer: httpx.Response, status: int) -> str:
    """What a problem says; it is one, and nothing internal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert list(body) == ["type", "title", "status", "detail"] + (["rung", "models"] if status == 503 else [])
    assert body["status"] == status
    assert "Traceback" not in body["detail"]
    return str(body["detail"])
