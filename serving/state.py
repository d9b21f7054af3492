"""The routes that tell how the data stands: for people, for load balancers, for Prometheus, for programs."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import TypeAdapter
from starlette.responses import HTMLResponse

from serving.clock import Clock
from serving.health import Health, Status, health
from serving.kept_page import kept_page
from serving.metrics import CONTENT_TYPE, Metrics
from serving.models import ModelStore, describe
from serving.problems import MEDIA_TYPE, problem_headers
from serving.readable import readable
from serving.status_page import status_page
from serving.stores import Stores
from serving.unavailable import no_forecast

NO_STORE = {"cache-control": "no-store"}
_MODELS = TypeAdapter(list[ModelStore])


def add_state(app: FastAPI, stores: Stores, clock: Clock, metrics: Metrics) -> None:
    """Give an app its routes of state. Each report is of one generation of stores."""

    def report() -> Health:
        return health(stores.snapshot, stores.folder, clock())

    @readable(app, "/health", operation_id="getHealth", tags=["state"], response_description="The state of the data")
    async def get_health(response: Response) -> Health:
        """How old the data served is, per model. 503 when nothing can be served."""
        told = report()
        response.headers.update(NO_STORE)
        response.status_code = 503 if told.status is Status.DOWN else 200
        return told

    @readable(
        app, "/status.json", operation_id="getStatus", tags=["state"], response_description="The state of the data"
    )
    async def get_status(response: Response) -> Health:
        """The same as /health, always with status 200. `/status` is a page for people made of it."""
        response.headers.update(NO_STORE)
        return report()

    @readable(app, "/status", include_in_schema=False)
    async def get_status_page() -> HTMLResponse:
        return HTMLResponse(status_page(report()), headers=NO_STORE)

    @readable(
        app,
        "/livez",
        operation_id="getLive",
        tags=["state"],
        response_class=PlainTextResponse,
        response_description="The process answers",
    )
    async def get_live() -> Response:
        """Whether the process answers: nothing else is looked at."""
        return PlainTextResponse("ok\n", headers=NO_STORE)

    @readable(
        app,
        "/readyz",
        operation_id="getReady",
        tags=["state"],
        response_description="One model at least is within its limit",
    )
    async def get_ready() -> Response:
        """Whether one model at least is within its limit, never all of them. 503 with the reasons otherwise."""
        told = report()
        if told.ready:
            return JSONResponse({"ready": True, "models": {m.model: m.state for m in told.models}}, headers=NO_STORE)
        body, headers = no_forecast("no model is within its limit", told, {})
        return Response(body, 503, {**problem_headers(503), **headers}, media_type=MEDIA_TYPE)

    @readable(
        app,
        "/metrics",
        operation_id="getMetrics",
        tags=["state"],
        response_class=PlainTextResponse,
        response_description="Prometheus text format",
    )
    async def get_metrics() -> Response:
        """Requests, their time, fallbacks, and the age of the data, for Prometheus."""
        return Response(metrics.page(), headers={**NO_STORE, "content-type": CONTENT_TYPE})

    @readable(
        app,
        "/models",
        operation_id="getModels",
        tags=["state"],
        response_model=list[ModelStore],
        response_description="The stores",
    )
    async def get_models(request: Request) -> Response:
        """What each store that is served says of itself: grid, variables, leads, attribution, licence."""
        told = [describe(state.store, state.static) for state in stores.snapshot.models if state.store]
        return kept_page(request, _MODELS.dump_json(told), "application/json")
