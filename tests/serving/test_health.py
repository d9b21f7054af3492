"""How the data stands, for programs and load balancers: health, readiness, and the 503 that says what is known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.app import create_app
from storage.reader import Store
from storage.shard import INDEX_BYTES, PLACE

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = INIT + timedelta(hours=3)
LONDON = "/forecast/key/51.5,-0.12"
DUE, LATE, STALE = 330, 400, 7200

Ask = Callable[..., httpx.Response]


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
    ) -> Path:
        init = INIT - timedelta(hours=hours_before)
        store = series_store(
            model, init, leads or range(last + 1), {"air_temperature_2m": 280.0}, stale_after=stale_after
        )
        store = type(store)(replace(store.schema, withheld=withheld or {}), store.values)
        return Path(tmp_path / publish(tmp_path, store).key)

    return put


def standing(report: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Model -> (state, rung)."""
    return {model["model"]: (model["state"], model["rung"]) for model in report["models"]}


def test_status_json_is_the_report_of_health_and_always_200(ask: Ask, put: Any) -> None:
    assert ask("/health").status_code == 503
    empty = ask("/status.json")
    assert empty.status_code == 200
    assert empty.json() == ask("/health").json()
    assert (empty.json()["status"], empty.json()["rung"], empty.json()["models"]) == ("down", "none", [])
    put("ifs")
    put("gfs")
    report = ask("/status.json").json()
    assert report == ask("/health").json()
    assert (report["status"], report["rung"]) == ("ok", "newest")
    assert standing(report) == {"gfs": ("fresh", "newest"), "ifs": ("fresh", "newest")}
    assert report["models"][1]["source"] == "ecmwf_ifs"
    assert report["models"][1]["expected_next"] == "2026-11-24T05:30:00Z"
    assert report["time"] == "2026-11-24T03:00:00Z"


def test_each_age_has_its_rung(ask: Ask, put: Any) -> None:
    put("ifs", last=150)
    put("gfs", -100)
    told = []
    for minutes in (DUE, DUE + 1, LATE + 1, STALE + 1, 150 * 60 + 1):
        report = ask("/status.json", INIT + timedelta(minutes=minutes)).json()
        told.append((*standing(report)["ifs"], report["status"]))
    # The other model starts 100 h later: until then this clock is told to be wrong.
    assert [each[:2] for each in told] == [
        ("fresh", "newest"),
        ("due", "newest"),
        ("late", "last-good"),
        ("stale", "next-model"),
        ("ended", "next-model"),
    ]
    assert {each[2] for each in told} == {"degraded"}


def test_all_stale_stand_on_the_last_good_and_all_ended_on_none(ask: Ask, put: Any) -> None:
    put("ifs", last=150)
    put("gfs", last=160)
    stale, half, over = (INIT + timedelta(hours=hours) for hours in (130, 155, 161))
    assert standing(ask("/health", stale).json()) == {"gfs": ("stale", "last-good"), "ifs": ("stale", "last-good")}
    assert ask("/health", stale).json()["status"] == "degraded"
    assert ask(LONDON, stale).status_code == 200
    assert standing(ask("/health", half).json()) == {"gfs": ("stale", "last-good"), "ifs": ("ended", "next-model")}
    assert standing(ask("/health", over).json()) == {"gfs": ("ended", "none"), "ifs": ("ended", "none")}
    assert ask("/health", over).status_code == 503


@pytest.mark.parametrize(
    ("newest", "rung"),
    [
        ({}, "newest"),
        ({"last": 24}, "previous-run"),
        ({"leads": [*range(30), *range(50, 241)]}, "previous-run"),
        ({"leads": [*range(30), *range(35, 241)]}, "newest"),
        ({"withheld": {"air_temperature_2m": "jumps by 80 K"}}, "previous-run"),
        ({"withheld": {"wind_gust_10m": "jumps by 80 m s-1"}}, "newest"),
    ],
    ids=["whole", "first leads", "wide gap", "gap a line closes", "withheld", "withheld from both"],
)
def test_what_the_run_before_fills_is_told(ask: Ask, put: Any, newest: dict[str, Any], rung: str) -> None:
    put("ifs", 12)
    put("ifs", 0, **newest)
    (model,) = ask("/status.json").json()["models"]
    assert (model["init_time"], model["previous_init_time"]) == ("2026-11-24T00:00:00Z", "2026-11-23T12:00:00Z")
    assert model["rung"] == rung
    assert model["withheld"] == newest.get("withheld", {})
    assert ask("/health").json()["status"] == ("degraded" if model["withheld"] else "ok")


def test_a_run_before_that_is_stale_fills_nothing(ask: Ask, put: Any) -> None:
    put("ifs", 12, stale_after=600)
    put("ifs", 0, last=24)
    assert standing(ask("/health").json()) == {"ifs": ("fresh", "newest")}


def test_a_newer_run_that_does_not_open_leaves_the_last_good_one(ask: Ask, put: Any) -> None:
    put("ifs", 12)
    put("ifs", 6)
    put("ifs", 0).write_bytes(b"no zip")
    report = ask("/status.json").json()
    (model,) = report["models"]
    assert model["rung"] == "last-good"
    assert model["init_time"] == "2026-11-23T18:00:00Z"
    assert model["previous_init_time"] == "2026-11-23T12:00:00Z"
    assert model["newest_seen"] == "2026-11-24T00:00:00Z"
    assert "20261124T0000Z" in model["problem"]
    flags = ask(LONDON).json()["flags"]
    assert flags["rungs"] == {"ecmwf_ifs": "last-good"}
    assert flags["sourceTimes"] == {"ecmwf_ifs": "2026-11-23 18Z"}


def test_a_model_of_which_nothing_opens_stands_on_the_next_or_on_none(ask: Ask, put: Any) -> None:
    put("ifs").write_bytes(b"no zip")
    report = ask("/status.json").json()
    assert standing(report) == {"ifs": ("missing", "none")}
    put("gfs")
    report = ask("/status.json").json()
    assert standing(report) == {"gfs": ("fresh", "newest"), "ifs": ("missing", "next-model")}
    assert ask(LONDON).json()["flags"]["rungs"] == {"gfs": "newest", "ecmwf_ifs": "next-model"}


def test_a_run_from_the_future_is_a_problem(ask: Ask, put: Any) -> None:
    put("gfs", -10)
    (model,) = ask("/health").json()["models"]
    assert (model["state"], model["age_minutes"]) == ("fresh", -420)
    assert "starts 420 minutes from now" in model["problem"]
    assert ask("/health").json()["status"] == "degraded"
    assert ask("/health", INIT + timedelta(hours=10)).json()["status"] == "ok"


def test_alive_is_whoever_answers(ask: Ask) -> None:
    answer = ask("/livez")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert answer.headers["cache-control"] == "no-store"


def test_ready_is_one_model_within_its_limit_and_never_all(ask: Ask, put: Any) -> None:
    assert ask("/readyz").status_code == 503
    put("ifs").write_bytes(b"no zip")
    assert ask("/readyz").status_code == 503
    put("gfs", last=200)
    answer = ask("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "models": {"gfs": "fresh", "ifs": "missing"}}
    assert ask("/readyz", INIT + timedelta(minutes=STALE)).status_code == 200
    over = ask("/readyz", INIT + timedelta(minutes=STALE + 1))
    assert over.status_code == 503
    assert over.headers["content-type"] == "application/problem+json"
    assert over.headers["cache-control"] == "no-store"
    told = over.json()
    assert "no model is within its limit" in told["detail"]
    assert "is too old since 2026-11-29T00:00Z" in told["detail"]
    assert {model["model"]: model["since"] for model in told["models"]} == {
        "gfs": "2026-11-29T00:00:00Z",
        "ifs": None,
    }


def test_a_503_says_what_is_known_since_when_and_when_more_is_expected(ask: Ask, put: Any) -> None:
    put("ifs", 0).write_bytes(b"no zip")
    put("gfs", 1, last=2)
    now = INIT + timedelta(hours=2)
    answer = ask(LONDON, now)
    assert answer.status_code == 503
    told = answer.json()
    assert list(told) == ["type", "title", "status", "detail", "rung", "models"]
    assert told["rung"] == "none"
    gfs, ifs = told["models"]
    assert gfs == {
        "model": "gfs",
        "source": "gfs",
        "state": "ended",
        "init_time": "2026-11-23T23:00:00Z",
        "newest_seen": "2026-11-23T23:00:00Z",
        "age_minutes": 180,
        "reason": "the run of 2026-11-23T23:00Z, 3 hours old, ended at 2026-11-24T01:00Z",
        "since": "2026-11-24T01:00:00Z",
        "expected_next": "2026-11-24T04:30:00Z",
    }
    assert (ifs["state"], ifs["init_time"], ifs["newest_seen"]) == ("missing", None, "2026-11-24T00:00:00Z")
    assert "20261124T0000Z.zarr.zip" in ifs["reason"]
    for text in (gfs["reason"], "ifs: ", "The next run is expected by 2026-11-24T04:30Z."):
        assert text in told["detail"]
    assert answer.headers["retry-after"] == "900"
    soon = ask(LONDON, datetime(2026, 11, 24, 4, 28, tzinfo=UTC))
    assert soon.headers["retry-after"] == "120"
    overdue = ask(LONDON, INIT + timedelta(hours=5))
    assert "The next run is overdue since 2026-11-24T04:30Z." in overdue.json()["detail"]
    assert overdue.headers["retry-after"] == "60"


def test_a_503_names_what_the_request_excludes_and_what_is_damaged_there(ask: Ask, put: Any) -> None:
    path = put("ifs")
    put("gfs", 1, last=2)
    answer = ask(LONDON + "?exclude=ifs", INIT + timedelta(hours=5))
    reasons = {model["model"]: model["reason"] for model in answer.json()["models"]}
    assert reasons["ifs"] == "the request excludes it"
    assert "ended" in reasons["gfs"]
    # Row 6, column 4: not among the cells that are read when a store is opened.
    damage_chunk(path, 6 // 2 * 5 + 4 // 2)
    answer = ask("/forecast/key/30,40", INIT + timedelta(hours=5))
    reasons = {model["model"]: model["reason"] for model in answer.json()["models"]}
    assert reasons["ifs"] == "its newest run is damaged at this place"


def damage_chunk(path: Path, number: int) -> None:
    """Flip bits in one chunk of the first shard."""
    with Store.open(path) as store:
        entry = store.directory.entry(0)
        index = store.read(INDEX_BYTES, entry.end - INDEX_BYTES)
    offset, length = PLACE.unpack_from(index, number * PLACE.size)
    data = bytearray(path.read_bytes())
    data[entry.data + offset + length // 2] ^= 0x55
    path.write_bytes(data)


def test_no_internal_path_is_told(ask: Ask, put: Any, tmp_path: Path) -> None:
    put("ifs").write_bytes(b"no zip")
    for path in (LONDON, "/health", "/status", "/status.json", "/readyz", "/metrics"):
        assert str(tmp_path) not in ask(path).text
    assert json.loads(ask(LONDON).text)["status"] == 503
