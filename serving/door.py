"""The hot route: one forecast request, from the address to the bytes, as a raw ASGI endpoint.

Starlette's routing and this take about 15 us of an answer; FastAPI's parameters and Response would take 50 more.
Reads are inline: a hop to a thread costs more than the 30 us that a read takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from time import perf_counter_ns
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from serving.ask import BadRequest, parse_options, parse_place
from serving.clock import Clock
from serving.forecast import ForecastUnavailable, NoForecast, build_forecast
from serving.health import health
from serving.metrics import Metrics
from serving.options import ForecastOptions
from serving.preference import source_name
from serving.problems import MEDIA_TYPE, problem, problem_headers
from serving.rungs import Rung
from serving.sources import is_excluded
from serving.stores import Snapshot, Stores
from serving.unavailable import no_forecast

# `currently` changes by the minute, but what it is made of by the hour.
CACHE_CONTROL = "max-age=900, must-revalidate"
_HEADERS = (
    (b"content-type", b"application/json; charset=utf-8"),
    (b"cache-control", CACHE_CONTROL.encode()),
)


class ForecastDoor:
    """Answers GET and HEAD of /forecast/{key}/{location}."""

    def __init__(self, stores: Stores, clock: Clock, metrics: Metrics) -> None:
        self._stores = stores
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter_ns()
        try:
            status, body, rungs, more = self.answer(scope["path_params"]["location"], scope["query_string"])
        except Exception:
            self._metrics.answered(500, (perf_counter_ns() - began) / 1e9, {})
            raise
        headers = list(_HEADERS)
        if status != 200:
            given = {"content-type": MEDIA_TYPE, **problem_headers(status), **more}
            headers = [(name.encode(), value.encode()) for name, value in given.items()]
        headers.append((b"content-length", b"%d" % len(body)))
        took = perf_counter_ns() - began
        headers.append((b"x-response-time", b"%.3f" % (took / 1e6)))
        self._metrics.answered(status, took / 1e9, rungs)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def answer(self, location: str, query: bytes) -> Told:
        """What to say to one request, from one generation of stores."""
        snapshot = self._stores.snapshot
        now = self._clock()
        options = ForecastOptions()
        try:
            place = parse_place(location)
            options = parse_options(query, source_names(snapshot))
            if not snapshot.stores:
                return self._unavailable("there is no forecast yet", snapshot, options, now, {})
            if options.exclude and all(is_excluded(store.schema.model, options) for store in snapshot.stores):
                raise BadRequest(f"exclude leaves no source of {', '.join(sorted(source_names(snapshot)))}")
            body, rungs = build_forecast(place, snapshot.runs, options, now, snapshot.troubled)
            return Told(200, body, rungs)
        except BadRequest as error:
            return Told(400, problem(400, str(error)))
        except ForecastUnavailable as error:
            return self._unavailable(str(error), snapshot, options, now, error.why)
        except NoForecast as error:
            return Told(404, problem(404, str(error)))

    def _unavailable(
        self, told: str, snapshot: Snapshot, options: ForecastOptions, now: datetime, why: Mapping[str, str]
    ) -> Told:
        report = health(snapshot, self._stores.folder, now)
        unasked = {each.model: "the request excludes it" for each in report.models if is_excluded(each.model, options)}
        body, headers = no_forecast(told, report, {**why, **unasked})
        return Told(503, body, {each.model: Rung.NONE for each in report.models}, headers)


class Told(NamedTuple):
    """An answer: its status and body, on which rung each model stood, headers of its own."""

    status: int
    body: bytes
    rungs: Mapping[str, Rung] = {}
    headers: Mapping[str, str] = {}


def source_names(snapshot: Snapshot) -> set[str]:
    """What the models that are known here may be called."""
    models = [state.model for state in snapshot.models]
    return {*models, *map(source_name, models)}
