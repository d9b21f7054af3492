"""Who is asked: by model, the newest run first, without those that are stale or unwanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from serving.options import AI_MODELS, ForecastOptions
from serving.roster import OpenRuns, Roster, Runs, roster_of
from storage.schema import AI

INIT = datetime(2026, 11, 24, tzinfo=UTC)
MINUTE = 60


def stores_of(runs: list[Runs]) -> list[list[Any]]:
    return [[candidate.store for candidate in each] for each in runs]


def test_stale_models_are_set_apart_the_newest_run_first(series_store: Any) -> None:
    temperature = {"air_temperature_2m": 280.0}
    old = series_store("ifs", INIT, range(4), temperature, stale_after=60)
    older = series_store("gfs", INIT - timedelta(hours=6), range(4), temperature, stale_after=60)
    fresh = series_store("gfs", INIT, range(4), temperature, stale_after=600)
    at = int(INIT.timestamp())
    # A run is stale when it is older than its limit, and not yet at it.
    assert stores_of(Roster([old, older, fresh]).stale(at + 60 * MINUTE)) == []
    assert stores_of(Roster([old, older, fresh]).stale(at + 60 * MINUTE + 1)) == [[old]]
    assert stores_of(Roster([older, old]).stale(at + 60 * MINUTE + 1)) == [[old], [older]]
    assert stores_of([Roster([older, fresh]).runs["gfs"]]) == [[fresh, older]], "the newest run first"


def test_no_turn_is_a_stale_models(series_store: Any) -> None:
    temperature = {"air_temperature_2m": 280.0}
    old = series_store("ifs", INIT, range(4), temperature, stale_after=60)
    roster = Roster([old, series_store("gfs", INIT, range(4), temperature, stale_after=600)])
    assert {turn.model for turn in roster.turns("world", [])} == {"ifs", "gfs"}
    stale = roster.stale(int(INIT.timestamp()) + 61 * MINUTE)
    assert {turn.model for turn in roster.turns("world", stale)} == {"gfs"}
    assert {turn.model for turn in roster.turns("world", [])} == {"ifs", "gfs"}, "another time they are asked again"


def test_a_client_asks_whom_it_does_not_exclude_and_ai_only_by_name(series_store: Any) -> None:
    temperature = {"air_temperature_2m": 280.0}
    plain = [series_store(model, INIT, range(4), temperature) for model in ("ifs", "hrrr_subh", "hrrr")]
    learned = series_store("aifs", INIT, range(4), temperature)
    learned = replace(learned, schema=replace(learned.schema, traits=(AI,)))
    for stores in ([*plain, learned], OpenRuns([*plain, learned])):
        for exclude, include, models in (
            ((), (), {"ifs", "hrrr_subh", "hrrr"}),
            (("ecmwf_ifs",), (), {"hrrr_subh", "hrrr"}),
            (("hrrr",), (AI_MODELS,), {"ifs", "aifs"}),
            (("hourly",), (AI_MODELS,), {"ifs", "hrrr_subh", "hrrr", "aifs"}),
        ):
            options = ForecastOptions(exclude=frozenset(exclude), include=frozenset(include))
            assert roster_of(stores, options).runs.keys() == models


def test_open_runs_remember_who_is_asked_and_not_without_end(series_store: Any) -> None:
    runs = OpenRuns([series_store("gfs", INIT, range(4), {"air_temperature_2m": 280.0})])
    one = ForecastOptions(exclude=frozenset({"hourly"}))
    assert runs.roster(one) is runs.roster(ForecastOptions(exclude=frozenset({"hourly"}), version=2))
    assert runs.roster(one) is not runs.roster(ForecastOptions())
    for number in range(2000):
        runs.roster(ForecastOptions(exclude=frozenset({f"nobody{number}"})))
    assert len(runs._known) <= 256
