"""The API from outside, in this process: answers, headers, errors, health, documents, runs that change meanwhile."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import serving.door
from serving.app import create_app
from serving.door import ForecastDoor
from serving.metrics import Metrics
from serving.stores import Stores
from storage.grids import LatLonGrid
from tests.serving.client import BERLIN, INIT, NOW, Ask, Client, detail, with_client

ROOT = Path(__file__).parents[2]


def test_a_forecast_has_blocks_units_and_headers(ask: Ask) -> None:
    answer = ask(BERLIN + "?units=si&lang=de&version=2&icon=pirate", headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert float(answer.headers["x-response-time"]) > 0
    assert int(answer.headers["content-length"]) == len(answer.content)
    body = answer.json()
    assert list(body) == [
        "latitude",
        "longitude",
        "timezone",
        "offset",
        "currently",
        "minutely",
        "hourly",
        "daily",
        "flags",
    ]
    assert body["flags"]["units"] == "si"
    assert body["currently"]["time"] == int(NOW.timestamp()) // 60 * 60
    assert len(body["hourly"]["data"]) == 48


def test_exclude_and_extend(ask: Ask) -> None:
    body = ask(BERLIN + "?exclude=currently,daily,flags,minutely,alerts&extend=hourly").json()
    assert list(body) == ["latitude", "longitude", "timezone", "offset", "hourly"]
    assert len(body["hourly"]["data"]) == 168
    assert ask(BERLIN + "?exclude=ecmwf_ifs").json()["flags"]["sources"] == ["gfs"]
    assert ask(BERLIN + "?exclude=ifs").json()["flags"]["sources"] == ["gfs"]


def test_a_longitude_beyond_180_is_the_same_place_and_told_as_asked(ask: Ask) -> None:
    east, west = ask("/forecast/key/40.7,286").json(), ask("/forecast/key/40.7,-74").json()
    assert east.pop("longitude") == 286.0
    assert west.pop("longitude") == -74.0
    assert east == west


def test_the_comma_may_be_encoded_and_the_path_may_end_in_a_slash(ask: Ask) -> None:
    plain = ask(BERLIN).content
    assert ask("/forecast/key/52.52%2C13.405").content == plain
    assert ask(BERLIN + "/").content == plain


def test_head_is_get_without_a_body(ask: Ask) -> None:
    for path in (BERLIN, "/health", "/status.json", "/status", "/livez", "/readyz", "/metrics", "/models", "/docs"):
        head, get = ask(path, "HEAD"), ask(path)
        assert head.status_code == get.status_code == 200
        assert head.headers["content-type"] == get.headers["content-type"]
    assert ask(BERLIN, "HEAD").content == b""


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/forecast/key/Berlin", "write latitude,longitude"),
        ("/forecast/key/", "is not a location"),
        ("/forecast/key/52.52", "is not a location"),
        ("/forecast/key/91,0", "-90 to 90"),
        ("/timemachine/key/52.52,13.405", "has no time: write latitude,longitude,time"),
        ("/timemachine/key/52.52,13.405,yesterday", "'yesterday' is not a time"),
        ("/forecast/key/52.52/13.405", "is not a location"),
        ("/forecast/key/%C3%A9%FF,1", "is not a latitude"),
        ("/forecast/key/" + "9" * 5000, "too long"),
        (BERLIN + "?units=metric", "us, si, ca, uk2"),
        (BERLIN + "?exclude=hours", "currently, minutely, hourly"),
        (BERLIN + "?extend=daily", "hourly"),
        (BERLIN + "?exclude=gfs,ifs", "exclude leaves no source"),
    ],
)
def test_a_malformed_request_is_a_400_that_says_what_to_write(ask: Ask, path: str, told: str) -> None:
    assert told in detail(ask(path), 400)


def test_a_time_is_answered_alike_on_both_routes_and_a_day_without_data_is_not_found(ask: Ask) -> None:
    place = "key/52.52,13.405,-2h?units=si"
    past = ask(f"/timemachine/{place}")
    assert past.status_code == 200, past.text
    assert past.content == ask(f"/forecast/{place}").content
    assert len(past.json()["daily"]["data"]) == 1
    assert "gfs" in detail(ask("/timemachine/key/52.52,13.405,1700000000"), 404)


def test_unknown_paths_and_methods_are_problems_too(ask: Ask) -> None:
    for path in ("/nosuch", "/forecast", "/forecast/key", "/health/", "/redoc", "/timemachine/key"):
        assert "/forecast/KEY/LATITUDE,LONGITUDE" in detail(ask(path), 404)
    for path in (BERLIN, "/health", "/models", "/openapi.json"):
        answer = ask(path, "POST")
        assert "GET" in detail(answer, 405)
        assert "GET" in answer.headers["allow"]


def test_browsers_may_ask_first(ask: Ask) -> None:
    answer = ask(
        BERLIN, "OPTIONS", headers={"Origin": "https://x.example", "Access-Control-Request-Method": "GET",
                                    "Access-Control-Request-Headers": "apikey"},
    )  # fmt: skip
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"*", "If-None-Match"} <= set(answer.headers["access-control-allow-headers"].split(", "))


def test_without_any_store_the_client_is_told_to_come_back(ask: Ask, tmp_path: Path) -> None:
    answer = ask(BERLIN, stores=tmp_path)
    assert "no run of any model" in detail(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    health = ask("/health", stores=tmp_path / "nosuch")
    assert health.status_code == 503
    assert health.json()["status"] == "down"
    assert str(tmp_path) not in health.text
    assert ask("/models", stores=tmp_path).json() == []


def test_runs_that_have_ended_are_told_with_their_end(ask: Ask) -> None:
    later = INIT + timedelta(days=30)
    answer = ask(BERLIN, now=later)
    told = "gfs: the run of 2026-11-24T00:00Z, 720 hours old, ended at 2026-12-10T00:00Z"
    assert told in detail(answer, 503)
    assert "retry-after" in answer.headers
    health = ask("/health", now=later)
    assert health.status_code == 503
    assert {model["state"] for model in health.json()["models"]} == {"ended"}


def test_a_place_that_no_store_covers_is_not_found(ask: Ask, weather_store: Any, publish: Any, tmp_path: Path) -> None:
    publish(tmp_path, weather_store("gfs", INIT, range(30)), grid=LatLonGrid(56.0, -0.5, 10, 10.0, 0.5, 12))
    assert ask("/forecast/key/52,13", stores=tmp_path).status_code == 200
    assert "no store covers it (stores: gfs)" in detail(ask("/forecast/key/0,0", stores=tmp_path), 404)


def test_behind_a_prefix_forecasts_are_answered_too(folder: Path) -> None:
    """A proxy hands on /weather/..., and says so (`root_path`)."""

    async def talk() -> list[int]:
        app = create_app(folder, lambda: NOW, pause=0)
        transport = httpx.ASGITransport(app, root_path="/weather")
        async with app.router.lifespan_context(app), Client(transport=transport, base_url="http://api") as client:
            return [(await client.get(path)).status_code for path in (f"/weather{BERLIN}", "/weather/livez", BERLIN)]

    assert asyncio.run(talk()) == [200, 200, 200]


def test_a_bug_is_a_500_without_internals(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    with monkeypatch.context() as patched:
        patched.setattr(serving.door, "encode", broken)
        whole = ask(BERLIN)
    monkeypatch.setattr(ForecastDoor, "answer", broken)
    answer = ask(BERLIN)
    assert answer.status_code == 500
    assert (whole.status_code, whole.content) == (500, answer.content), "wherever it breaks"
    assert whole.headers["access-control-allow-origin"] == "*"
    assert "secret" not in answer.text
    assert answer.json()["title"] == "Internal Server Error"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture(scope="module")
def door(folder: Path) -> ForecastDoor:
    stores = Stores(folder)
    stores.check()
    return ForecastDoor(stores, lambda: NOW, Metrics(stores, lambda: NOW))


def checked(status: int, body: bytes) -> None:
    assert status in (200, 400)
    answer = json.loads(body)
    assert ("latitude" in answer) == (status == 200)


@given(
    st.text(max_size=70) | st.from_regex(r"[-+]?[0-9.]{1,8}(e[0-9])?,[-+]?[0-9.]{1,8}", fullmatch=True),
    st.binary(max_size=40) | st.from_regex(rb"(units|exclude|extend)=[a-z,%0-9]{0,20}", fullmatch=True),
)
def test_no_address_breaks_the_door(door: ForecastDoor, location: str, query: bytes) -> None:
    checked(*door.answer(location, query)[:2])


@given(
    st.floats(-90, 90) | st.sampled_from([-90.0, 90.0, 0.0]),
    st.floats(-180, 360) | st.sampled_from([-180.0, 180.0, 179.9999, 360.0]),
)
def test_every_place_on_earth_has_a_forecast(door: ForecastDoor, lat: float, lon: float) -> None:
    status, body, *_ = door.answer(f"{lat},{lon}", b"exclude=hourly,daily")
    assert status == 200, body
    assert "temperature" in json.loads(body)["currently"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=12), max_size=4), st.text(max_size=20))
def test_no_path_breaks_the_app(ask: Ask, parts: list[str], query: str) -> None:
    path = "/" + "/".join(quote(part, safe="") for part in parts) + "?" + quote(query, safe="=&,")
    assert ask(path).status_code in (200, 307, 400, 404)


def test_every_answer_is_of_one_generation_while_runs_are_exchanged(
    series_store: Any, publish: Any, tmp_path: Path
) -> None:
    """Run n starts n hours after the first one, and in it it is n degrees, in both models."""

    def put(number: int) -> None:
        for model in ("gfs", "ifs"):
            store = series_store(
                model, INIT + timedelta(hours=number), range(60), {"air_temperature_2m": 273.15 + number}
            )
            publish(tmp_path, store)

    async def talk(client: Client, stores: Stores) -> set[int]:
        seen: set[int] = set()
        publishing = asyncio.create_task(asyncio.to_thread(lambda: [put(number) for number in range(1, 5)]))

        async def hammer() -> None:
            while not (publishing.done() and 4 in seen):
                answer = await client.get("/forecast/key/52,13?units=si&exclude=daily,hourly")
                assert answer.status_code == 200
                body = answer.json()
                degrees = body["currently"]["temperature"]
                assert body["flags"]["sourceTimes"] == {"ecmwf_ifs": f"2026-11-24 {degrees:02.0f}Z"}
                seen.add(int(degrees))
                # Within one process no request ever waits: without this nobody else would come to word.
                await asyncio.sleep(0)

        await asyncio.gather(publishing, *(hammer() for _ in range(4)))
        return seen

    put(0)
    seen = with_client(tmp_path, talk, INIT + timedelta(hours=9))
    assert seen >= {0, 4}


SERVE_ALONE = """
import asyncio, sys
from pathlib import Path
import httpx
from serving.app import create_app

async def ask():
    app = create_app(Path(sys.argv[1]))
    async with app.router.lifespan_context(app), httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api"
    ) as client:
        for path in ("/forecast/key/52,13", "/health", "/status", "/metrics", "/models", "/docs", "/openapi.json"):
            assert (await client.get(path)).status_code in (200, 503)

asyncio.run(ask())
rooms = {name.partition(".")[0] for name in sys.modules}
print(*sorted(rooms & {"prefect", "eccodes", "gribapi", "cfgrib", "dask", "flows", "tasks", "deployments", "zarr"}))
"""


def test_serving_loads_nothing_of_ingest(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVE_ALONE, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
