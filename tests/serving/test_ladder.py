"""Down the ladder: each rung, the step from each to the next, and whose each number is whatever is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from serving.forecast import ForecastOptions, ForecastUnavailable, NoForecast, Place, build_forecast
from serving.rungs import Rung, lowest
from serving.units import System
from storage.grids import Around, LatLonGrid
from storage.schema import Whole
from tests.serving.rungs import BEFORE, INIT, LATE, NAN, NEWEST, OPTIONS, OTHER, STALE, Damaged, ask, degrees, passing


@pytest.fixture(scope="session")
def run(series_store: Any) -> Callable[..., Any]:
    """run(model, number, hours, degrees, names): hourly; all of its temperature is `degrees`, NaN at `holes`."""

    def run(
        model: str,
        hours_before: float,
        last: int,
        degrees: float,
        *,
        holes: Sequence[int] = (),
        more: Mapping[str, float] | None = None,
        stale_after: int = STALE,
        **rest: Any,
    ) -> Any:
        leads = range(last + 1)
        temperature = np.full(len(leads), 273.15 + degrees)
        temperature[list(holes)] = NAN
        series = {"air_temperature_2m": temperature, **(more or {})}
        return series_store(model, INIT - timedelta(hours=hours_before), leads, series, stale_after=stale_after, **rest)

    return run


class Untouchable(Damaged):
    """A store that must not be read."""

    def mixed(self, around: Around) -> Any:
        raise AssertionError("read, though nothing is missing")


def test_rungs_are_in_order() -> None:
    assert list(Rung) == ["newest", "previous-run", "last-good", "next-model", "none"]
    assert lowest([]) == Rung.NEWEST
    assert lowest([Rung.NEXT_MODEL, Rung.NEWEST, Rung.LAST_GOOD]) == Rung.NEXT_MODEL


def test_newest_when_it_has_everything(run: Any) -> None:
    flags = ask([run("ifs", 0, 240, NEWEST), run("gfs", 0, 240, OTHER)])["flags"]
    assert flags["rung"] == "newest"
    assert flags["rungs"] == {"ecmwf_ifs": "newest"}
    assert flags["sources"] == ["ecmwf_ifs"]
    assert "previousTimes" not in flags


def test_a_run_that_can_add_nothing_is_not_read(run: Any) -> None:
    behind = [Untouchable(run("ifs", 12, 300, BEFORE)), Untouchable(run("gfs", 0, 300, OTHER))]
    assert set(degrees(ask([run("ifs", 0, 240, NEWEST), *behind]))) == {NEWEST}


def test_newest_to_previous_run_where_only_the_first_leads_are_published(run: Any) -> None:
    answer = ask([run("ifs", 0, 24, NEWEST), run("ifs", 12, 240, BEFORE), run("gfs", 0, 240, OTHER)])
    assert degrees(answer) == [NEWEST] * 22 + [BEFORE] * 146
    flags = answer["flags"]
    assert flags["rungs"] == {"ecmwf_ifs": "previous-run"}
    assert flags["sourceTimes"] == {"ecmwf_ifs": "2026-11-24 00Z"}
    assert flags["previousTimes"] == {"ecmwf_ifs": "2026-11-23 12Z"}


def test_hours_beyond_a_complete_short_run_come_from_a_longer_one_and_are_no_fallback(run: Any) -> None:
    newest, middle = run("hrrr", 0, 18, NEWEST), run("hrrr", 1, 18, NEWEST)
    longer = run("hrrr", 2, 48, BEFORE)
    short = replace(newest.schema, whole=Whole(leads=19, within=120))
    runs = [replace(newest, schema=short), middle, longer, run("gfs", 0, 240, OTHER)]
    answer = ask(runs)
    # NOW is 3 h after the newest began: it tells 16 hours, the long one those up to its last lead.
    assert degrees(answer) == [NEWEST] * 16 + [BEFORE] * 25 + passing(BEFORE, OTHER) + [OTHER] * 124
    assert answer["flags"]["rungs"] == {"hrrr": "newest", "gfs": "newest"}
    arriving = replace(newest.schema, whole=Whole(leads=49, within=120))
    answer = ask([replace(newest, schema=arriving), *runs[1:]])
    assert answer["flags"]["rungs"] == {"hrrr": "previous-run", "gfs": "newest"}


def test_as_a_run_is_published_stage_by_stage_its_hours_replace_those_of_the_run_before(run: Any) -> None:
    for last in (3, 24, 48, 100, 240):
        told = degrees(ask([run("ifs", 0, last, NEWEST), run("ifs", 12, 240, BEFORE), run("gfs", 0, 240, OTHER)]))
        newest = min(last - 2, 168)
        assert told == [NEWEST] * newest + [BEFORE] * (168 - newest)


def test_newest_to_previous_run_across_missing_leads(run: Any) -> None:
    holes = range(30, 50)
    answer = ask([run("ifs", 0, 240, NEWEST, holes=holes), run("ifs", 12, 240, BEFORE), run("gfs", 0, 240, OTHER)])
    told = dict(enumerate(degrees(answer), start=3))
    assert {hour for hour, value in told.items() if value == BEFORE} == set(holes)
    assert set(told.values()) == {NEWEST, BEFORE}
    assert answer["flags"]["rung"] == "previous-run"


def test_newest_to_previous_run_across_leads_that_a_store_does_not_even_name(series_store: Any, run: Any) -> None:
    leads = [*range(30), *range(50, 241)]
    gap = series_store("ifs", INIT, leads, {"air_temperature_2m": 273.15 + NEWEST})
    told = dict(enumerate(degrees(ask([gap, run("ifs", 12, 240, BEFORE), run("gfs", 0, 240, OTHER)])), start=3))
    assert {hour for hour, value in told.items() if value == BEFORE} == set(range(30, 50))
    assert set(degrees(ask([gap]))) == {NEWEST}, "better a line than nothing"
    alone = ask([gap, run("gfs", 0, 240, OTHER)])
    assert dict(enumerate(degrees(alone), start=3))[40] == OTHER
    assert alone["flags"]["rungs"] == {"ecmwf_ifs": "next-model", "gfs": "newest"}


def test_hours_that_were_over_when_the_newest_began_come_from_the_run_before_and_are_no_fallback(run: Any) -> None:
    newest, before = run("ifs", 0, 240, NEWEST), run("ifs", 12, 240, BEFORE)
    now = INIT + timedelta(hours=3)
    place = Place(51.5, 13.4, "Europe/Berlin")
    answer = build_forecast(place, [newest, before], OPTIONS, now)
    assert answer.rungs == {"ifs": "newest"}
    body = json.loads(answer.body)
    assert body["daily"]["data"][0]["temperatureMax"] == BEFORE
    assert body["flags"]["previousTimes"] == {"ecmwf_ifs": "2026-11-23 12Z"}


def withhold(store: Any, name: str) -> Any:
    """The store as the gate leaves it: without a variable that its schema says was withheld."""
    kept = [row for row, stored in enumerate(store.schema.variables) if stored.name != name]
    assert len(kept) < len(store.schema.variables)
    variables = tuple(store.schema.variables[row] for row in kept)
    schema = replace(store.schema, variables=variables, withheld={name: "jumps by 80 K"})
    return type(store)(schema, store.values[kept])


PRESSURE = {"air_pressure_mean_sea_level": 100_000.0}


def pressures(answer: dict[str, Any]) -> set[float | None]:
    return {point.get("pressure") for point in answer["hourly"]["data"]}


def test_a_withheld_variable_comes_from_the_run_before_and_all_others_from_the_newest(run: Any) -> None:
    newest = withhold(run("ifs", 0, 240, NEWEST, more=PRESSURE), "air_temperature_2m")
    before = run("ifs", 12, 240, BEFORE, more={"air_pressure_mean_sea_level": 90_000.0})
    answer = ask([newest, before, run("gfs", 0, 240, OTHER)])
    assert set(degrees(answer)) == {BEFORE}
    assert pressures(answer) == {1000.0}
    assert answer["flags"]["rungs"] == {"ecmwf_ifs": "previous-run"}


def test_a_variable_withheld_from_both_runs_comes_from_the_next_model(run: Any) -> None:
    runs = [withhold(run("ifs", hours, 240, NEWEST, more=PRESSURE), "air_temperature_2m") for hours in (0, 12)]
    answer = ask([*runs, run("gfs", 0, 240, OTHER)])
    assert set(degrees(answer)) == {OTHER}
    assert pressures(answer) == {1000.0}
    assert answer["flags"]["rungs"] == {"ecmwf_ifs": "next-model", "gfs": "newest"}
    assert set(degrees(ask(runs))) == {None}
    assert ask(runs)["flags"]["rungs"] == {"ecmwf_ifs": "newest"}, "no other model told it instead"


def test_a_variable_that_a_model_never_has_is_no_fallback(run: Any) -> None:
    flags = ask([run("ifs", 0, 240, NEWEST), run("gfs", 0, 240, OTHER, more=PRESSURE)])["flags"]
    assert flags["rungs"] == {"ecmwf_ifs": "newest", "gfs": "newest"}


def test_previous_run_to_last_good_where_the_newest_is_damaged(run: Any) -> None:
    stores = [Damaged(run("ifs", 0, 240, NEWEST)), run("ifs", 12, 300, BEFORE), run("gfs", 0, 240, OTHER)]
    answer = ask(stores)
    assert set(degrees(answer)) == {BEFORE}
    flags = answer["flags"]
    assert flags["rungs"] == {"ecmwf_ifs": "last-good"}
    assert flags["unreadableSources"] == ["ecmwf_ifs"]
    assert flags["sourceTimes"] == {"ecmwf_ifs": "2026-11-23 12Z"}
    assert "previousTimes" not in flags


def test_a_run_that_is_late_or_behind_one_that_cannot_be_used_is_the_last_good_one(run: Any) -> None:
    stores = [run("ifs", 0, 240, NEWEST), run("gfs", 0, 240, OTHER, more=PRESSURE)]
    assert ask(stores, INIT + timedelta(minutes=LATE))["flags"]["rung"] == "newest"
    late = ask(stores, INIT + timedelta(minutes=LATE + 1))
    assert late["flags"]["rungs"] == {"ecmwf_ifs": "last-good", "gfs": "last-good"}
    assert set(degrees(late)) == {NEWEST}
    assert ask(stores, troubled=["ifs"])["flags"]["rungs"] == {"ecmwf_ifs": "last-good", "gfs": "newest"}


def test_last_good_to_next_model_when_both_runs_are_damaged(run: Any) -> None:
    stores = [Damaged(run("ifs", hours, 240, NEWEST)) for hours in (0, 12)]
    answer = ask([*stores, run("gfs", 0, 240, OTHER)])
    assert set(degrees(answer)) == {OTHER}
    assert answer["flags"]["rungs"] == {"ecmwf_ifs": "next-model", "gfs": "newest"}
    assert answer["flags"]["unreadableSources"] == ["ecmwf_ifs"]


def test_last_good_to_next_model_when_it_is_stale(run: Any) -> None:
    stores = [run("ifs", 0, 150, NEWEST), run("ifs", 1, 160, BEFORE), run("gfs", -118, 240, OTHER)]
    now = INIT + timedelta(minutes=STALE - 60)
    assert set(degrees(ask(stores, now))) == {NEWEST, BEFORE, *passing(BEFORE, OTHER), OTHER}
    now = INIT + timedelta(minutes=STALE)
    told = [NEWEST] * 28 + passing(NEWEST, OTHER) + [OTHER] * 137
    assert degrees(ask(stores, now)) == told, "the run before is stale first"
    answer = ask(stores, now + timedelta(minutes=1))
    assert set(degrees(answer)) == {OTHER}
    assert answer["flags"]["rungs"] == {"ecmwf_ifs": "next-model", "gfs": "newest"}
    assert answer["flags"]["staleSources"] == ["ecmwf_ifs"]


def test_a_stale_run_before_a_fresh_one_fills_nothing(run: Any) -> None:
    stores = [run("ifs", 0, 24, NEWEST), run("ifs", 12, 240, BEFORE), run("gfs", 0, 240, OTHER)]
    stores = [store if store.schema.model == "gfs" else stale_after(store, 600) for store in stores]
    assert degrees(ask(stores)) == [NEWEST] * 19 + passing(NEWEST, OTHER) + [OTHER] * 146


def stale_after(store: Any, minutes: int) -> Any:
    limits = replace(store.schema.freshness, stale_after=minutes)
    return type(store)(replace(store.schema, freshness=limits), store.values)


def test_a_model_without_any_run_that_opens_is_told(run: Any) -> None:
    flags = ask([run("gfs", 0, 240, OTHER)], troubled=["ifs"])["flags"]
    assert flags["rungs"] == {"ecmwf_ifs": "next-model", "gfs": "newest"}
    excluding = ForecastOptions(System.SI, frozenset({"ecmwf_ifs"}))
    assert ask([run("gfs", 0, 240, OTHER)], troubled=["ifs"], options=excluding)["flags"]["rungs"] == {"gfs": "newest"}


def test_all_stale_the_newest_run_is_told_first_and_each_models_own_before_fill_it(run: Any) -> None:
    stores = [run("ifs", 12, 200, OTHER), run("gfs", 0, 180, NEWEST), run("gfs", 6, 195, BEFORE)]
    answer = ask(stores, INIT + timedelta(minutes=STALE + 60))
    assert degrees(answer)[:71] == [NEWEST] * 60 + [BEFORE] * 9 + [None] * 2
    assert degrees(answer)[69:] == [None] * 99
    assert answer["flags"]["staleSources"] == ["ecmwf_ifs", "gfs"]
    assert answer["flags"]["rungs"]["gfs"] == "last-good"


def test_where_nothing_fresh_is_left_the_stale_is_told(run: Any) -> None:
    """The fresh model is damaged here, or covers another place: an old forecast that says so is better than none."""
    now = INIT + timedelta(minutes=STALE + 60)
    fresh = run("gfs", -100, 240, OTHER)
    elsewhere = run("gfs", -100, 240, OTHER, grid=LatLonGrid(10, -1, 5, 100, 1, 5))
    for stores in ([Damaged(fresh)], [elsewhere]):
        answer = ask([run("ifs", 0, 300, NEWEST), *stores], now)
        assert set(degrees(answer)) == {NEWEST}
        assert answer["flags"]["staleSources"] == ["ecmwf_ifs"]
        assert answer["flags"]["rungs"]["ecmwf_ifs"] == "last-good"


def test_next_model_to_none_when_every_run_has_ended_or_is_damaged(run: Any) -> None:
    ended = [run("ifs", 0, 24, NEWEST), run("ifs", 12, 30, BEFORE)]
    over = INIT + timedelta(hours=30)
    answer = ask([*ended, run("gfs", 0, 240, OTHER)], over)
    assert set(degrees(answer)) == {OTHER}
    assert answer["flags"]["rungs"] == {"ecmwf_ifs": "next-model", "gfs": "last-good"}
    with pytest.raises(ForecastUnavailable, match="2026-11-25T06:00Z on") as caught:
        ask([*ended, Damaged(run("gfs", 0, 240, OTHER))], over)
    assert caught.value.why == {"gfs": "its newest run is damaged at this place"}


def test_a_place_that_only_a_lost_model_might_cover_is_unavailable_and_not_unknown(run: Any) -> None:
    crop = run("gfs", 0, 240, OTHER, grid=LatLonGrid(10, -1, 5, 100, 1, 5))
    with pytest.raises(ForecastUnavailable, match="no store covers it"):
        ask([crop], troubled=["ifs"])
    with pytest.raises(NoForecast, match=r"no store covers it \(stores: gfs\)") as caught:
        ask([crop], troubled=["gfs"])
    assert not isinstance(caught.value, ForecastUnavailable)


def test_a_run_from_the_future_tells_its_hours_and_the_run_before_it_those_until_then(run: Any) -> None:
    """The clock was set back, or was never right."""
    stores = [run("ifs", -10, 240, NEWEST), run("ifs", 12, 300, BEFORE), run("gfs", 0, 300, OTHER)]
    answer = ask(stores)
    assert degrees(answer) == [BEFORE] * 7 + [NEWEST] * 161
    assert answer["flags"]["rungs"] == {"ecmwf_ifs": "previous-run"}
    alone = ask([stores[0], stores[2]])
    assert degrees(alone) == [OTHER] * 7 + [NEWEST] * 161


def test_a_clock_that_leaps_changes_rungs_and_never_breaks(run: Any) -> None:
    stores = [run("ifs", 0, 360, NEWEST), run("ifs", 12, 360, BEFORE), run("gfs", 0, 384, OTHER, more=PRESSURE)]
    rungs = []
    for hours in (-24, 0, 3, 100, 130, 3, 380, 3):
        rungs.append(ask(stores, INIT + timedelta(hours=hours))["flags"]["rung"])
    assert rungs == [
        "previous-run", "newest", "newest", "last-good", "last-good", "newest", "next-model", "newest",
    ]  # fmt: skip
    with pytest.raises(ForecastUnavailable):
        ask(stores, INIT + timedelta(days=400))
    assert ask(stores)["flags"]["rung"] == "newest"
