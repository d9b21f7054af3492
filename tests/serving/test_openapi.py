"""What the API says of itself, in OpenAPI and in its documents."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.blocks import BLOCK_FIELDS
from serving.openapi import point_name
from tests.serving.client import BERLIN, INIT, Ask


def test_health_tells_the_age_of_what_is_served(ask: Ask) -> None:
    answer = ask("/health")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    report = answer.json()
    assert report["status"] == "degraded", "late_after of these stores is 400 minutes"
    gfs = report["models"][0]
    assert gfs == {
        "model": "gfs",
        "source": "gfs",
        "traits": [],
        "state": "late",
        "rung": "last-good",
        "init_time": "2026-11-24T00:00:00Z",
        "age_minutes": 522,
        "leads": 209,
        "leads_expected": None,
        "incomplete": False,
        "last_valid_time": "2026-12-10T00:00:00Z",
        "expected_next": "2026-11-24T05:30:00Z",
        "stale_from": "2026-11-29T00:00:00Z",
        "generation": 1,
        "store": "20261124T0000Z.zarr.zip",
        "previous_init_time": None,
        "past_since": None,
        "past_lacks": [],
        "newest_seen": "2026-11-24T00:00:00Z",
        "withheld": {},
        "problem": None,
        "last_error": None,
    }


@pytest.mark.parametrize(
    ("minutes", "word", "status"),
    [(329, "fresh", "ok"), (331, "due", "ok"), (401, "late", "degraded"), (7201, "stale", "degraded")],
)
def test_age_in_a_word(ask: Ask, minutes: int, word: str, status: str) -> None:
    answer = ask("/health", now=INIT + timedelta(minutes=minutes))
    assert answer.status_code == 200
    assert answer.json()["status"] == status
    assert {model["state"] for model in answer.json()["models"]} == {word}


def test_health_tells_why_a_run_is_not_taken_up(ask: Ask, series_store: Any, publish: Any, tmp_path: Path) -> None:
    for hours in (0, 6):
        manifest = publish(
            tmp_path, series_store("gfs", INIT + timedelta(hours=hours), range(30), {"air_temperature_2m": 280})
        )
    (tmp_path / manifest.key).write_bytes(b"no zip")
    answer = ask("/health", stores=tmp_path)
    assert answer.status_code == 200
    report = answer.json()
    assert report["status"] == "degraded"
    assert report["models"][0]["init_time"] == "2026-11-24T00:00:00Z"
    assert "gfs/20261124T0600Z.zarr.zip" in report["models"][0]["problem"]
    assert str(tmp_path) not in answer.text


def test_models_describe_their_stores(ask: Ask) -> None:
    gfs, ifs = ask("/models").json()
    assert (gfs["model"], gfs["source"], ifs["source"]) == ("gfs", "gfs", "ecmwf_ifs")
    assert gfs["title"] == "GFS of 2026-11-24T00:00Z"
    assert (gfs["attribution"], gfs["licence"]) == ("nobody", "none")
    assert gfs["lead_hours"][:3] == [0, 1, 2]
    assert gfs["lead_hours"][-1] == 384
    assert gfs["grid"]["kind"] == "latlon"
    assert gfs["grid"]["shape"] == [19, 36]
    temperature = gfs["variables"][0]
    assert (temperature["name"], temperature["units"]) == ("air_temperature_2m", "K")
    assert temperature["statistic"] == "instant"


def test_openapi_is_valid_and_names_every_operation(ask: Ask) -> None:
    document = ask("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {
        (verb, path): operation["operationId"]
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }
    assert operations == {
        ("get", "/forecast/{key}/{location}"): "getForecast",
        ("get", "/timemachine/{key}/{location}"): "getPast",
        ("get", "/health"): "getHealth",
        ("get", "/status.json"): "getStatus",
        ("get", "/livez"): "getLive",
        ("get", "/readyz"): "getReady",
        ("get", "/metrics"): "getMetrics",
        ("get", "/models"): "getModels",
    }
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(document)


def test_answers_are_what_openapi_says(ask: Ask) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    document = ask("/openapi.json").json()

    def check(name: str, body: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(body)

    for units in ("us", "uk2"):
        check("Forecast", ask(f"{BERLIN}?units={units}&extend=hourly").json())
    check("Health", ask("/health").json())
    check("Health", ask("/status.json").json())
    ready = document["paths"]["/readyz"]["get"]["responses"]["200"]["content"]["application/json"]
    for body in (ask("/readyz").json(), ready["example"]):
        jsonschema.Draft202012Validator({**ready["schema"], "components": document["components"]}).validate(body)
    later = INIT + timedelta(days=30)
    example = document["paths"]["/readyz"]["get"]["responses"]["503"]["content"]["application/problem+json"]["example"]
    for body in (ask(BERLIN, now=later).json(), ask("/readyz", now=later).json(), example):
        check("Problem", body)
        check("Unavailable", body)
    for store in ask("/models").json():
        check("ModelStore", store)
    check("Problem", ask("/nosuch").json())
    forecast = document["paths"]["/forecast/{key}/{location}"]["get"]["responses"]
    check("Forecast", forecast["200"]["content"]["application/json"]["example"])
    check("Problem", forecast["400"]["content"]["application/problem+json"]["example"])
    for block, fields in BLOCK_FIELDS.items():
        told = document["components"]["schemas"][point_name(block)]["properties"]
        assert [name for name in told if name != "provenance"] == [field.name for field in fields]
        assert all(row["description"] for row in told.values())


def test_the_documentation_needs_no_other_server(ask: Ask) -> None:
    page = ask("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.text)
    for text in ("getForecast", "getHealth", "getReady", "getModels", "temperatureHighTime", "previousTimes"):
        assert text in page.text
    root = ask("/")
    assert root.status_code == 307
    assert root.headers["location"] == "docs"
