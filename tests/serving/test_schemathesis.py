"""The OpenAPI document held against the server by schemathesis: what it allows and what it forbids, at random.

Nothing is a 500, every status and every body is as the document says, and what it forbids is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.app import create_app
from tests.serving.client import NOW

Get = Callable[[str, dict[str, Any]], httpx.Response]

WEATHER = ("/forecast/{key}/{location}", "/timemachine/{key}/{location}")
STATE = ("/health", "/status.json", "/livez", "/readyz", "/metrics", "/models")
AS_TOLD = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

_places = st.builds("{:.4f},{:.4f}".format, st.floats(-90, 90), st.floats(-180, 360))
_times = st.one_of(
    st.integers(-110_000, int(NOW.timestamp()) + 7200).map(str),
    st.builds("-{}{}".format, st.integers(0, 400), st.sampled_from("shdSHD")),
    st.datetimes().map(lambda time: time.isoformat(timespec="seconds")),
    st.text(max_size=12),
)
_locations = st.one_of(
    _places,
    st.builds("{},{}".format, _places, _times),
    st.sampled_from(["Berlin,DE", "New York,US", "nowhere,nowhere", "Paris,France,-3600"]),
    st.text(max_size=40),
)
schemathesis.openapi.format("location", _locations)


@pytest.fixture(scope="module")
def get(folder: Path) -> Iterator[Get]:
    """get(path, parameters): one answer of an application that runs for all of the file."""
    app = create_app(folder, lambda: NOW, pause=3600)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    with asyncio.Runner() as runner:
        running = app.router.lifespan_context(app)
        runner.run(running.__aenter__())
        client = httpx.AsyncClient(transport=transport, base_url="http://api")
        yield lambda path, parameters: runner.run(client.get(path, params=parameters))
        runner.run(client.aclose())
        runner.run(running.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_dict(create_app(tmp_path_factory.mktemp("none")).openapi())


def _held(get: Get, document: Any, path: str, mode: GenerationMode, checks: list[Any], examples: int) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(document[path]["GET"].as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://api")
        case.validate_response(get(sent["url"], sent["params"]), checks=checks)

    hold()


@pytest.mark.parametrize("path", WEATHER)
def test_what_the_document_allows_is_answered_as_it_says(get: Get, document: Any, path: str) -> None:
    _held(get, document, path, GenerationMode.POSITIVE, AS_TOLD, 25)


@pytest.mark.parametrize("path", WEATHER)
def test_what_the_document_forbids_is_refused_as_it_says(get: Get, document: Any, path: str) -> None:
    _held(get, document, path, GenerationMode.NEGATIVE, [*AS_TOLD, negative_data_rejection], 25)


@pytest.mark.parametrize("path", STATE)
def test_the_state_is_told_as_the_document_says(get: Get, document: Any, path: str) -> None:
    _held(get, document, path, GenerationMode.POSITIVE, AS_TOLD, 3)
