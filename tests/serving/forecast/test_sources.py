"""Who answers: models left out, stale, ended, damaged, of another region, and how that is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from serving.forecast import ForecastOptions, NoForecast
from storage.errors import CorruptStore
from storage.grids import Around, LatLonGrid
from tests.serving.forecast.asked import INIT, ask


def test_a_source_can_be_excluded_by_either_name(both: list[Any]) -> None:
    for name in ("ifs", "ecmwf_ifs"):
        assert ask(both, options=ForecastOptions(exclude=frozenset({name})))["flags"]["sources"] == ["gfs"]
    assert ask(both, options=ForecastOptions(exclude=frozenset({"aigfs"})))["flags"]["sources"] == ["ecmwf_ifs", "gfs"]


def test_flags_name_who_filled_something(both: list[Any], series_store: Any) -> None:
    useless = series_store("zeta", INIT, range(30), {"air_temperature_2m": np.nan})
    flags = ask([*both, useless])["flags"]
    assert flags["sources"] == ["ecmwf_ifs", "gfs"]
    assert flags["sourceTimes"] == {"ecmwf_ifs": "2026-11-24 00Z", "gfs": "2026-11-24 00Z"}
    assert flags["units"] == "si"
    assert flags["sourceIDX"]["gfs"] == {"x": 54, "y": 150, "lat": 52.5, "lon": 13.5}
    assert "staleSources" not in flags
    assert "nearest-station" not in flags


def test_a_stale_model_is_passed_over_and_told(weather_store: Any) -> None:
    stores = [weather_store("gfs", INIT), weather_store("ifs", INIT - timedelta(days=5))]
    flags = ask(stores)["flags"]
    assert flags["sources"] == ["gfs"]
    assert flags["staleSources"] == ["ecmwf_ifs"]


def test_when_all_are_stale_they_are_served_and_told(weather_store: Any) -> None:
    stores = [weather_store("gfs", INIT), weather_store("ifs", INIT - timedelta(hours=12))]
    answer = ask(stores, now=INIT + timedelta(days=6))
    assert answer["flags"]["sources"][0] == "gfs"
    assert answer["flags"]["staleSources"] == ["ecmwf_ifs", "gfs"]
    assert "temperature" in answer["currently"]


def test_a_model_that_no_list_names_is_used_last(weather_store: Any, series_store: Any) -> None:
    stranger = series_store("zeta", INIT, range(240), {"air_temperature_2m": 250.0})
    both = [stranger, weather_store("gfs", INIT, range(31))]
    answer = ask(both)
    assert answer["hourly"]["data"][0]["temperature"] != -23.15
    assert answer["hourly"]["data"][-1]["temperature"] == -23.15
    assert answer["flags"]["sources"] == ["gfs", "zeta"]


def test_one_model_alone_and_a_crop_that_ends_elsewhere(weather_store: Any, series_store: Any) -> None:
    crop = series_store("gfs", INIT, range(48), {"air_temperature_2m": 280.0}, grid=LatLonGrid(10, -1, 5, 100, 1, 5))
    whole = weather_store("ifs", INIT)
    assert ask([crop, whole])["flags"]["sources"] == ["ecmwf_ifs"]
    assert "ozone" not in ask([whole])["currently"]
    with pytest.raises(NoForecast, match=r"52.52,13.405: no store covers it \(stores: gfs\)"):
        ask([crop])
    with pytest.raises(NoForecast, match="stores: none"):
        ask([])


def test_stores_that_ended_are_no_forecast(weather_store: Any) -> None:
    with pytest.raises(NoForecast, match="from 2026-11-27T00:00Z on"):
        ask([weather_store("gfs", INIT, range(25))], now=INIT + timedelta(days=3))


def test_a_damaged_store_is_passed_over_and_told(weather_store: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Damaged:
        schema = weather_store("ifs", INIT).schema

        def mixed(self, around: Around) -> Any:
            raise CorruptStore("chunk c/0/0/15/5 is not what the index says")

    flags = ask([Damaged(), weather_store("gfs", INIT)])["flags"]
    assert flags["sources"] == ["gfs"]
    assert flags["unreadableSources"] == ["ecmwf_ifs"]
    assert "chunk c/0/0/15/5" in caplog.text
