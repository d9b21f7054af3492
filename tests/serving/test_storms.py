"""The nearest storm in an answer: distance and bearing of one lead of one run, in each system's unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pytest

from serving.forecast import ForecastOptions, Place, build_forecast
from serving.merge import Reading, merge
from serving.plan import plan_of
from serving.slots import Slots
from serving.units import System

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NAN = math.nan
WARM = [280.0]


def storms(make: Any, model: str, leads: Sequence[int], distance: Sequence[float], bearing: Sequence[float]) -> Any:
    series = {
        "air_temperature_2m": WARM * len(leads),
        "storm_distance_surface": distance,
        "storm_bearing_surface": bearing,
    }
    return make(model, INIT, leads, series)


def told(stores: list[Any], minutes: Sequence[int]) -> list[tuple[float, float]]:
    starts = int(INIT.timestamp()) + 60 * np.array(minutes, np.int64)
    readings = [Reading(plan_of(store.schema), store.values) for store in stores]
    merged = merge(readings, Slots(starts, starts + 60), 52.5, 13.4)
    return list(zip(merged["storm_distance"].tolist(), merged["storm_bearing"].tolist(), strict=True))


def test_both_are_those_of_the_nearest_lead(series_store: Any) -> None:
    store = storms(series_store, "gfs", (0, 3), [100_000, 900_000], [350, 10])
    assert told([store], (0, 89, 90, 91, 180)) == [
        (100_000, 350),
        (100_000, 350),
        (900_000, 10),
        (900_000, 10),
        (900_000, 10),
    ]
    np.testing.assert_equal(told([store], (-1, 181)), [(NAN, NAN)] * 2)


def test_no_storm_near_is_not_made_up_for_by_another_lead(series_store: Any) -> None:
    store = storms(series_store, "gfs", (0, 1, 2), [100_000, NAN, 100_000], [350, NAN, 10])
    np.testing.assert_equal(told([store], (60, 40)), [(NAN, NAN)] * 2)


def test_within_a_storm_there_is_no_bearing_of_another_run(series_store: Any) -> None:
    near = storms(series_store, "hrrr", (0, 1, 2), [0, NAN, 5_000], [NAN, NAN, 90])
    far = storms(series_store, "gfs", (0, 1, 2), [70_000, 80_000, 90_000], [1, 2, 3])
    np.testing.assert_equal(told([near, far], (0, 60, 120)), [(0, NAN), (80_000, 2), (5_000, 90)])


@pytest.mark.parametrize(("system", "distance"), [("si", 80.5), ("ca", 80.5), ("us", 50.02), ("uk2", 50.02)])
def test_an_answer_tells_it_in_the_unit_asked_for(series_store: Any, system: str, distance: float) -> None:
    store = storms(series_store, "gfs", range(60), [80_500] * 59 + [NAN], [359] * 60)
    place = Place(52.5, 13.4, "Europe/Berlin")
    options = ForecastOptions(units=System(system))
    answer = orjson.loads(build_forecast(place, [store], options, INIT + timedelta(hours=2)).body)
    for point in (answer["currently"], answer["hourly"]["data"][0]):
        assert point["nearestStormDistance"] == distance
        assert point["nearestStormBearing"] == 359
    assert not any(key.startswith("nearestStorm") for key in answer["daily"]["data"][0])


def test_what_is_not_known_is_absent_and_nobody_is_blamed(series_store: Any) -> None:
    def answer(distance: float) -> Any:
        store = storms(series_store, "gfs", range(60), [distance] * 60, [90] * 60)
        place = Place(52.5, 13.4, "Europe/Berlin")
        return orjson.loads(build_forecast(place, [store], ForecastOptions(), INIT + timedelta(hours=2)).body)

    silent, other = answer(NAN), answer(1000.0)
    for point in (silent["currently"], *silent["hourly"]["data"]):
        assert "temperature" in point
        assert not any(key.startswith("nearestStorm") for key in point)
    assert silent["flags"] == other["flags"]
