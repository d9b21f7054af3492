"""The API: forecasts from a folder of stores, their health, their documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from serving.cors import AllowEveryOrigin
from serving.docs_page import docs_page
from serving.door import Clock, ForecastDoor
from serving.forecast import warm
from serving.health import Health, ModelStore, Status, describe, health
from serving.openapi import describe_api
from serving.problems import answer_problems
from serving.sources import product_version
from serving.stores import Stores


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


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
    door = ForecastDoor(stores, clock)
    # First, because routes are tried in order. What is not a location is the door's to refuse, slashes too.
    app.router.routes.insert(0, Route("/forecast/{key}/{location:path}", door, methods=["GET"], name="forecast"))

    @app.head("/health", include_in_schema=False)
    @app.get("/health", operation_id="getHealth", tags=["state"], response_description="The state of the data")
    async def get_health(response: Response) -> Health:
        """How old the data served is, per model. 503 when nothing can be served."""
        report = health(stores.snapshot, stores.folder, clock())
        response.headers["cache-control"] = "no-store"
        response.status_code = 503 if report.status is Status.DOWN else 200
        return report

    @app.head("/models", include_in_schema=False)
    @app.get("/models", operation_id="getModels", tags=["state"], response_description="The stores")
    async def get_models(response: Response) -> list[ModelStore]:
        """What each store that is served says of itself: grid, variables, leads, attribution, licence."""
        response.headers["cache-control"] = "no-cache"
        return [describe(store) for store in stores.snapshot.stores]

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
