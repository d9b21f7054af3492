"""A newest run that cannot be used is told, also of an ensemble; what is no forecast by itself makes none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.grids import LatLonGrid
from tests.serving.client import BERLIN, INIT, NOW, Ask, detail

CHANCE = {"precipitation_probability_surface": 40.0}


@pytest.fixture
def with_ensemble(weather_store: Any, series_store: Any, publish: Any, tmp_path: Path) -> Path:
    """A run of GFS and one of GEFS."""
    publish(tmp_path, weather_store("gfs", INIT))
    publish(tmp_path, series_store("gefs", INIT, range(3, 241, 3), CHANCE))
    return tmp_path


def test_a_newest_run_of_an_ensemble_that_cannot_be_used_is_told(
    ask: Ask, with_ensemble: Path, series_store: Any, publish: Any
) -> None:
    later = INIT + timedelta(hours=6, minutes=30)
    sound = ask(BERLIN, stores=with_ensemble, now=later).json()["flags"]
    assert sound["sources"] == ["gfs", "gefs"]
    assert sound["rungs"]["gefs"] == "newest"
    manifest = publish(with_ensemble, series_store("gefs", INIT + timedelta(hours=6), range(3, 241, 3), CHANCE))
    (with_ensemble / manifest.key).write_bytes(b"no store")
    told = ask(BERLIN, stores=with_ensemble, now=later).json()["flags"]
    assert told["sourceTimes"]["gefs"] == sound["sourceTimes"]["gefs"]
    assert told["rungs"]["gefs"] == "last-good"
    excluded = ask(f"{BERLIN}?exclude=gefs", stores=with_ensemble, now=later).json()["flags"]
    assert "gefs" not in excluded["rungs"]


@pytest.mark.parametrize(("model", "traits"), [("gefs", ()), ("rtma", ("analysis",))])
@pytest.mark.parametrize("query", ["", "?blocks=flags", "?blocks=", "?exclude=currently,minutely,hourly,daily"])
def test_where_only_what_is_no_forecast_covers_a_place_nothing_is_there(
    ask: Ask, series_store: Any, publish: Any, tmp_path: Path, model: str, traits: tuple[str, ...], query: str
) -> None:
    crop = LatLonGrid(20.0, -1.0, 11, 0.0, 1.0, 11)
    publish(tmp_path, series_store("gfs", INIT, range(30), {"air_temperature_2m": 280}), grid=crop)
    series, leads = ({"air_temperature_2m": 280}, [0]) if traits else (CHANCE, range(3, 241, 3))
    store = series_store(model, NOW.replace(minute=30, second=0), leads, series)
    publish(tmp_path, type(store)(replace(store.schema, traits=traits), store.values))
    told = detail(ask(f"{BERLIN}{query}", stores=tmp_path), 404)
    assert "no store covers it" in told
