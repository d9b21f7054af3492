"""The hot route: one forecast request, from the address to the bytes, as raw ASGI.

Reads are inline: a hop to a thread costs more than the 20 us that a read takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from time import perf_counter_ns
from typing import NamedTuple

from starlette.types import Scope, Send

from serving.ask import PLAIN, parse_request
from serving.bad_request import BadRequest
from serving.cities import UnknownCity
from serving.clock import Clock
from serving.compress import IDENTITY, acceptable, encode
from serving.cors import Headers
from serving.etag import Tags, Validity, coding_held, entity_tag
from serving.forecast import ForecastUnavailable, NoForecast, build_forecast
from serving.health import health
from serving.metrics import Metrics
from serving.options import AI_MODELS, ForecastOptions
from serving.preference import is_plain
from serving.problems import BROKEN, MEDIA_TYPE, problem, problem_headers
from serving.roster import is_asked, is_excluded
from serving.rungs import Rung
from serving.sampling import Sampler
from serving.stores import Snapshot, Stores
from serving.unavailable import no_forecast
from storage.schema import AI

STALE_IF_ERROR = 3 * 3600
"""Seconds for which a cache may tell an answer on where nobody answers: most of its hours are still to come."""
CACHE_CONTROL = "max-age={}, stale-if-error={}"
_JSON = (b"content-type", b"application/json; charset=utf-8")


class Wanted(NamedTuple):
    """How a client wants to be answered: the codings that it takes, best first, and what it holds (`If-None-Match`)."""

    codings: tuple[str, ...] = (IDENTITY,)
    held: str = ""


class Told(NamedTuple):
    """An answer: its status and body, on which rung each model stood, headers of its own.

    validity: of a forecast that others would tell alike; coding: in which a client holds it that is told nothing new.
    """

    status: int
    body: bytes
    rungs: Mapping[str, Rung] = {}
    headers: Mapping[str, str] = {}
    validity: Validity | None = None
    coding: str = IDENTITY
    max_age: int = 1


class ForecastDoor:
    """Answers GET and HEAD of /forecast/{key}/{location}, and of /timemachine, where a time is needed (`past`).

    headers: what every answer has.
    """

    def __init__(
        self, stores: Stores, clock: Clock, metrics: Metrics, headers: Headers = (), *, past: bool = False
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._metrics = metrics
        self._headers = headers
        self._past = past
        self._tags = Tags(stores.snapshot)

    async def serve(self, scope: Scope, location: str, send: Send) -> None:
        """Answer a request, of which `location` is what stands behind the key.

        What breaks is answered, too, and raised, for the server to log it.
        """
        began = perf_counter_ns()
        bug = None
        try:
            wanted = _wanted(scope["headers"])
            told = self.answer(location, scope["query_string"], wanted)
            made = perf_counter_ns()
            body, coding = (b"", told.coding) if told.status == 304 else encode(told.body, wanted.codings)
        except Exception as error:  # noqa: BLE001 - raised when it is answered
            told, made, bug = Told(500, problem(500, BROKEN)), perf_counter_ns(), error
            body, coding = told.body, IDENTITY
        headers = [*_headers(told, coding), *self._headers]
        if told.status != 304:
            headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"x-handler-time", b"%.3f" % ((made - began) / 1e6)))
        took = perf_counter_ns() - began
        headers.append((b"x-response-time", b"%.3f" % (took / 1e6)))
        sent = b"" if scope["method"] == "HEAD" else body
        self._metrics.answered(told.status, took / 1e9, told.rungs, coding, len(sent))
        await send({"type": "http.response.start", "status": told.status, "headers": headers})
        await send({"type": "http.response.body", "body": sent})
        if bug is not None:
            raise bug

    def answer(self, location: str, query: bytes, wanted: Wanted = Wanted()) -> Told:  # noqa: B008
        """What to say to one request, from one generation of stores.

        A client that holds what would be said is told so, and nothing is read.
        """
        snapshot = self._stores.snapshot
        now = self._clock()
        options = PLAIN
        try:
            # Offsets from now are counted from the minute, too: their answers can be kept as long.
            minute = now.replace(second=0, microsecond=0)
            place, options = parse_request(location, query, minute, snapshot.names, past=self._past)
            if not snapshot.stores:
                return self._unavailable("there is no forecast yet", snapshot, options, now, {})
            if not snapshot.runs.roster(options).runs:
                return self._unasked(snapshot, options, now)
            tags = self._tags_of(snapshot)
            sampler = Sampler(place, options.nearest, snapshot.grounds)
            validity = tags.of(sampler, options, now)
            max_age = max(validity.until - validity.instant, 1)
            if wanted.held and (coding := coding_held(wanted.held, validity.tag, wanted.codings)):
                return Told(304, b"", {}, {}, validity, coding, max_age)
            time = validity.moment.time
            answer = build_forecast(
                place,
                snapshot.runs,
                options,
                time,
                troubled(snapshot, options),
                snapshot.pasts,
                sampler,
            )
            if not (answer.sound and tags.hold(snapshot)):
                return Told(200, answer.body, answer.rungs)
            status = 304 if wanted.held.strip() == "*" else 200
            return Told(status, answer.body, answer.rungs, {}, validity, IDENTITY, max_age)
        except BadRequest as error:
            return Told(400, problem(400, str(error)))
        except ForecastUnavailable as error:
            return self._unavailable(str(error), snapshot, options, now, error.why)
        except (NoForecast, UnknownCity) as error:
            return Told(404, problem(404, str(error)))

    def _tags_of(self, snapshot: Snapshot) -> Tags:
        if not self._tags.hold(snapshot):
            self._tags = Tags(snapshot)
        return self._tags

    def _unasked(self, snapshot: Snapshot, options: ForecastOptions, now: datetime) -> Told:
        """Nothing that is here is asked: by what it excludes, or because there are AI models only."""
        learned = any(
            is_asked(store.schema, replace(options, include=options.include | {AI_MODELS})) for store in snapshot.stores
        )
        more = f"; include={AI_MODELS} asks for AI models, too" if learned else ""
        if options.exclude:
            names = ", ".join(sorted(snapshot.names))
            raise BadRequest(f"exclude leaves no source of {names}{more}")
        return self._unavailable(f"nothing that is here forecasts plain values{more}", snapshot, options, now, {})

    def _unavailable(
        self, told: str, snapshot: Snapshot, options: ForecastOptions, now: datetime, why: Mapping[str, str]
    ) -> Told:
        report = health(snapshot, self._stores.folder, now)
        unasked = {
            each.model: f"an AI model, which include={AI_MODELS} asks for"
            for each in report.models
            if AI in each.traits and not options.ai
        }
        unasked |= {each.model: "the request excludes it" for each in report.models if is_excluded(each.model, options)}
        body, headers = no_forecast(told, report, {**why, **unasked})
        return Told(503, body, {each.model: Rung.NONE for each in report.models}, headers)


def _wanted(headers: Iterable[tuple[bytes, bytes]]) -> Wanted:
    """What a request's headers say of it. A header that is given twice is one list (RFC 9110, 5.3)."""
    accepted: list[str] = []
    held: list[str] = []
    for name, value in headers:
        if name == b"accept-encoding":
            accepted.append(value.decode("latin-1"))
        elif name == b"if-none-match":
            held.append(value.decode("latin-1"))
    return Wanted(acceptable(", ".join(accepted) if accepted else None), ", ".join(held))


def _headers(told: Told, coding: str) -> list[tuple[bytes, bytes]]:
    """The headers of an answer in a coding, but those that its length and its time make."""
    if told.status not in (200, 304):
        given = {"content-type": MEDIA_TYPE, **problem_headers(told.status), **told.headers}
        headers = [(name.encode(), value.encode()) for name, value in given.items()]
    elif told.validity is None:
        headers = [_JSON, (b"cache-control", b"no-store")]
    else:
        headers = [
            (b"cache-control", CACHE_CONTROL.format(told.max_age, STALE_IF_ERROR).encode()),
            (b"etag", entity_tag(told.validity.tag, coding).encode()),
        ]
        if told.status == 200:
            headers.append(_JSON)
    headers.append((b"vary", b"Accept-Encoding"))
    if coding != IDENTITY and told.status != 304:
        headers.append((b"content-encoding", coding.encode()))
    return headers


def troubled(snapshot: Snapshot, options: ForecastOptions) -> frozenset[str]:
    """The models of which something newer cannot be used, but those that nobody asks, and ensembles of which nothing is
    here: they would not have made a forecast where there is none."""
    if not snapshot.troubled:
        return snapshot.troubled
    asked = {store.schema.model: is_asked(store.schema, options) for store in snapshot.stores}
    return frozenset(model for model in snapshot.troubled if asked.get(model, is_plain(model)))
