"""The hot route: one forecast request, from the address to the bytes, as a raw ASGI endpoint.

Starlette's routing and this take about 15 us of an answer; FastAPI's parameters and Response would take 50 more.
Reads are inline: a hop to a thread costs more than the 30 us that a read takes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import perf_counter_ns

from starlette.types import Receive, Scope, Send

from serving.ask import BadRequest, parse_options, parse_place
from serving.forecast import ForecastUnavailable, NoForecast, build_forecast
from serving.preference import source_name
from serving.problems import MEDIA_TYPE, problem, problem_headers
from serving.sources import is_excluded
from serving.stores import Snapshot, Stores

Clock = Callable[[], datetime]

# `currently` changes by the minute, but what it is made of by the hour.
CACHE_CONTROL = "max-age=900, must-revalidate"
_HEADERS = (
    (b"content-type", b"application/json; charset=utf-8"),
    (b"cache-control", CACHE_CONTROL.encode()),
)


class ForecastDoor:
    """Answers GET and HEAD of /forecast/{key}/{location}."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter_ns()
        status, body = self.answer(scope["path_params"]["location"], scope["query_string"])
        headers = list(_HEADERS)
        if status != 200:
            given = {"content-type": MEDIA_TYPE, **problem_headers(status)}
            headers = [(name.encode(), value.encode()) for name, value in given.items()]
        headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"x-response-time", b"%.3f" % ((perf_counter_ns() - began) / 1e6)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def answer(self, location: str, query: bytes) -> tuple[int, bytes]:
        """(status, body) of one request, from one generation of stores."""
        snapshot = self._stores.snapshot
        try:
            place = parse_place(location)
            options = parse_options(query, source_names(snapshot))
            if not snapshot.stores:
                return 503, problem(503, "there is no forecast yet: no run of any model has arrived here")
            if options.exclude and all(is_excluded(store.schema.model, options) for store in snapshot.stores):
                raise BadRequest(f"exclude leaves no source of {', '.join(sorted(source_names(snapshot)))}")
            return 200, build_forecast(place, snapshot.runs, options, self._clock(), snapshot.troubled).body
        except BadRequest as error:
            return 400, problem(400, str(error))
        except ForecastUnavailable as error:
            return 503, problem(503, str(error))
        except NoForecast as error:
            return 404, problem(404, str(error))


def source_names(snapshot: Snapshot) -> set[str]:
    """What the open stores' models may be called."""
    models = [store.schema.model for store in snapshot.stores]
    return {*models, *map(source_name, models)}
