"""An API to ask, and runs to put into its stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.app import create_app
from storage.schema import Whole
from tests.serving.health.asked import NOW, STALE, Ask
from tests.serving.standing import INIT


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """ask(path, now): one answer of an API over the test's folder that has just started."""

    def ask(path: str, now: datetime = NOW) -> httpx.Response:
        async def talk() -> httpx.Response:
            app = create_app(tmp_path, lambda: now, pause=0)
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://api") as client,
            ):
                return await client.get(path)

        return asyncio.run(talk())

    return ask


@pytest.fixture
def put(series_store: Any, publish: Any, tmp_path: Path) -> Callable[..., Path]:
    """put(model, hours_before, last): publish a run; the path of its store."""

    def put(
        model: str,
        hours_before: float = 0,
        last: int = 240,
        withheld: dict[str, str] | None = None,
        leads: Any = None,
        stale_after: int = STALE,
        whole: Whole | None = None,
    ) -> Path:
        init = INIT - timedelta(hours=hours_before)
        store = series_store(
            model, init, leads or range(last + 1), {"air_temperature_2m": 280.0}, stale_after=stale_after
        )
        store = type(store)(replace(store.schema, withheld=withheld or {}, whole=whole), store.values)
        return Path(tmp_path / publish(tmp_path, store).key)

    return put
