"""AI models answer those who ask for them, and nobody else; analyses tell how it is now, and no forecast."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.schema import AI, ANALYSIS
from tests.serving.client import INIT, NOW, Client, with_client

ASKED = "/forecast/key/52.52,13.405"
Ask = Callable[[str], httpx.Response]


@pytest.fixture
def put(weather_store: Any, publish: Any, tmp_path: Path) -> Callable[..., Path]:
    """put(model, hours_before): publish a run; an AI model where its name begins with ai. Returns the store's file."""

    def put(model: str, hours_before: int = 0) -> Path:
        leads = range(0, 361, 6)
        store = weather_store(model, INIT - timedelta(hours=hours_before), leads)
        if model.startswith("ai"):
            schema = replace(store.schema, traits=(AI,))
            warmer = store.values.copy()
            warmer[schema.names.index("air_temperature_2m")] += 10.0
            store = type(store)(schema, warmer)
        return Path(tmp_path / publish(tmp_path, store).key)

    return put


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def ask(path: str) -> httpx.Response:
        async def talk(client: Client, _: Any) -> httpx.Response:
            return await client.get(path)

        answer: httpx.Response = with_client(tmp_path, talk, NOW)
        return answer

    return ask


def temperature(answer: httpx.Response) -> float:
    found: float = answer.json()["currently"]["temperature"]
    return found


def test_they_are_left_out_of_plain_forecasts_and_first_where_they_are_asked_for(ask: Ask, put: Any) -> None:
    put("ifs")
    alone = ask(f"{ASKED}?units=si")
    put("aifs")
    plain, learned = ask(f"{ASKED}?units=si"), ask(f"{ASKED}?units=si&include=aimodels")
    assert plain.content == alone.content
    assert plain.json()["flags"]["sources"] == ["ecmwf_ifs"]
    assert learned.json()["flags"]["sources"][0] == "ecmwf_aifs"
    assert temperature(learned) == pytest.approx(temperature(plain) + 10.0, abs=0.02)
    both = ask(f"{ASKED}?units=si&include=aimodels&exclude=ecmwf_aifs")
    assert both.content == plain.content


def test_they_fill_nothing_unasked_even_where_no_other_has_a_word(ask: Ask, put: Any) -> None:
    put("aifs")
    refused = ask(ASKED)
    assert refused.status_code == 503
    assert "include=aimodels" in refused.json()["detail"]
    assert ask(f"{ASKED}?include=aimodels").status_code == 200
    assert ask("/readyz").status_code == 503
    assert ask("/health").json()["status"] == "down"
    put("ifs")
    assert ask("/readyz").status_code == 200
    refused = ask(f"{ASKED}?exclude=ecmwf_ifs")
    assert (refused.status_code, "include=aimodels" in refused.json()["detail"]) == (400, True)


def test_a_broken_one_is_no_trouble_of_those_who_did_not_ask(ask: Ask, put: Any, tmp_path: Path) -> None:
    put("ifs")
    put("aifs")
    plain = json.loads(ask(ASKED).content)
    put("aifs", hours_before=6).write_bytes(b"")
    told = ask(ASKED).json()
    assert "ecmwf_aifs" not in told["flags"].get("rungs", {})
    assert told == plain


def test_what_kind_a_model_is_of_is_told(ask: Ask, put: Any) -> None:
    put("ifs")
    put("aifs")
    assert {each["model"]: each["traits"] for each in ask("/models").json()} == {"aifs": ["ai"], "ifs": []}
    health = {each["model"]: each for each in ask("/health").json()["models"]}
    assert (health["aifs"]["traits"], health["ifs"]["traits"]) == (["ai"], [])
    assert health["aifs"]["source"] == "ecmwf_aifs"


@pytest.mark.parametrize("told", [True, False])
def test_an_analysis_changes_no_hour_and_makes_no_forecast(
    ask: Ask, put: Any, series_store: Any, publish: Any, tmp_path: Path, told: bool
) -> None:
    """Where it is new enough it tells how it is now."""
    time = NOW.replace(minute=0, second=0) - timedelta(minutes=0 if told else 90)
    store = series_store("rtma", time, [0], {"air_temperature_2m": 280.0}, stale_after=60)
    publish(tmp_path, type(store)(replace(store.schema, traits=(ANALYSIS,)), store.values))
    assert (ask(ASKED).status_code, ask("/readyz").status_code) == (503, 503)
    put("ifs")
    answer = ask(f"{ASKED}?units=si").json()
    assert answer["flags"]["sources"] == (["rtma_ru", "ecmwf_ifs"] if told else ["ecmwf_ifs"])
    assert answer["flags"].get("staleSources") == (None if told else ["rtma_ru"])
    health = {each["model"]: each for each in ask("/health").json()["models"]}
    assert health["rtma"]["state"] == ("fresh" if told else "stale")
    assert health["rtma"]["traits"] == ["analysis"]
    shutil.rmtree(tmp_path / "rtma")
    without = ask(f"{ASKED}?units=si").json()
    assert (answer["currently"]["temperature"] == pytest.approx(6.85, abs=0.02)) == told
    assert (answer["currently"] == without["currently"]) != told
    for block in ("hourly", "daily"):
        assert answer[block] == without[block]
