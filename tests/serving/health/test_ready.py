"""Alive, ready, and what is said where nothing can be told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.serving.health.asked import LONDON, STALE, Ask
from tests.serving.standing import INIT, damage_chunk


def test_alive_is_whoever_answers(ask: Ask) -> None:
    answer = ask("/livez")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert answer.headers["cache-control"] == "no-store"


def test_an_ensemble_alone_is_no_forecast(ask: Ask, put: Any) -> None:
    put("gefs")
    assert ask("/readyz").status_code == 503
    assert ask("/health").json()["status"] == "down"


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


def test_no_internal_path_is_told(ask: Ask, put: Any, tmp_path: Path) -> None:
    put("ifs").write_bytes(b"no zip")
    for path in (LONDON, "/health", "/status", "/status.json", "/readyz", "/metrics"):
        assert str(tmp_path) not in ask(path).text
    assert json.loads(ask(LONDON).text)["status"] == 503
