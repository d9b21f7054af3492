"""The API: forecasts from a folder of stores, their health, their documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from serving.clock import Clock, wall_clock
from serving.cors import AllowEveryOrigin
from serving.docs_page import docs_page
from serving.door import ForecastDoor
from serving.forecast import warm
from serving.metrics import Metrics
from serving.openapi import describe_api
from serving.problems import answer_problems
from serving.sources import product_version
from serving.state import add_state
from serving.stores import Stores


def create_app(folder: Path, clock: Clock = wall_clock, pause: float = 1.0) -> FastAPI:
    """The application over a folder laid out as a bucket.

    The stores are opened when the application starts (its lifespan), and looked at again every `pause` seconds.
    """
    stores = Stores(folder.expanduser().absolute())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm()
        stores.check()
        watching = asyncio.create_task(stores.watch(pause))
        yield
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    app = FastAPI(
        title="Windlass",
        version=product_version().split()[-1],
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.stores = stores
    app.add_middleware(AllowEveryOrigin)
    answer_problems(app)
    metrics = Metrics(stores, clock)
    door = ForecastDoor(stores, clock, metrics)
    # First, because routes are tried in order. What is not a location is the door's to refuse, slashes too.
    app.router.routes.insert(0, Route("/forecast/{key}/{location:path}", door, methods=["GET"], name="forecast"))

    add_state(app, stores, clock, metrics)
    document: dict[str, Any] = describe_api(app)
    page = docs_page(document)
    app.openapi = lambda: document  # type: ignore[method-assign]

    @app.head("/docs", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> HTMLResponse:
        return HTMLResponse(page)

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def get_root() -> RedirectResponse:
        return RedirectResponse("docs")

    return app
