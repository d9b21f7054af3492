"""The API: forecasts from a folder of stores, their health, their documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import gethostname
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.responses import RedirectResponse
from starlette.routing import Route

from serving.clock import Clock, wall_clock
from serving.cors import AllowEveryOrigin, headers_of
from serving.docs_page import docs_page
from serving.door import ForecastDoor
from serving.flags import product_version
from serving.forecast import warm
from serving.front import Front
from serving.kept_page import always
from serving.metrics import Metrics
from serving.openapi import describe_api
from serving.problems import answer_problems
from serving.readable import readable
from serving.state import add_state
from serving.static import Static
from serving.stores import Stores


def create_app(
    folder: Path, clock: Clock = wall_clock, pause: float = 1.0, terrain: Static | None = None, node: str = ""
) -> FastAPI:
    """The application over a folder laid out as a bucket.

    The stores are opened when the application starts (its lifespan), and looked at again every `pause` seconds.
    terrain: how high places lie, None where that is not known better than by the models.
    node: what answers call the machine that gave them; empty for its host name.
    """
    stores = Stores(folder.expanduser().absolute(), terrain)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm()
        stores.check()
        watching = asyncio.create_task(stores.watch(pause))
        yield
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    metrics = Metrics(stores, clock)
    headers = headers_of(node or host_name())
    doors = {
        name: ForecastDoor(stores, clock, metrics, headers, past=past)
        for name, past in (("forecast", False), ("timemachine", True))
    }
    app = Front(
        doors,
        title="Windlass",
        version=product_version().split()[-1],
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.stores = stores
    answer_problems(app)
    app.add_middleware(AllowEveryOrigin, headers=headers)
    add_state(app, stores, clock, metrics)
    document: dict[str, Any] = describe_api(app)
    app.openapi = lambda: document  # type: ignore[method-assign]
    for path, body, media_type in (
        ("/docs", docs_page(document).encode(), "text/html; charset=utf-8"),
        ("/openapi.json", orjson.dumps(document), "application/json"),
    ):
        app.router.routes.append(Route(path, always(body, media_type), methods=["GET"]))

    @readable(app, "/", include_in_schema=False)
    async def get_root() -> RedirectResponse:
        return RedirectResponse("docs")

    return app


def host_name() -> str:
    """The machine's name, as a header can tell it."""
    return gethostname().encode("ascii", "replace").decode()
