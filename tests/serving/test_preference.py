"""Who answers first, by what names models go, and who is never asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from serving import preference
from serving.forecast import ForecastOptions, build_forecast
from serving.merge import Merged, Mix
from serving.places import Place
from serving.preference import CONTRACT_SOURCES, REGIONS, STATISTICS, Asked, When, is_plain, names_of, source_name
from serving.quantities import INDEX, Group
from serving.slots import Slots
from serving.sources import read_sources
from serving.units import System
from storage.schema import AI, ANALYSIS

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = INIT + timedelta(hours=5)
DENVER, BERLIN = Place(39.7, -105.0, "America/Denver"), Place(52.5, 13.4, "Europe/Berlin")
REGION = {"north-america": DENVER, "world": BERLIN}
# Of each group a quantity, and a variable that tells it.
TOLD = {
    Group.WEATHER: ("temperature", "air_temperature_2m"),
    Group.PRECIPITATION: ("amount", "precipitation_amount_surface"),
    Group.CHANCE: ("probability", "precipitation_probability_surface"),
}
EVERY = sorted({model for region in REGIONS for order in region.orders.values() for model in order})


@pytest.fixture(scope="module")
def stores(series_store: Any) -> dict[str, Any]:
    """A run of every model that is named, with a variable of each group; RTMA is the analysis of now."""
    series = {name: 1.0 for _, name in TOLD.values()}
    found = {name: series_store(name, INIT, range(60), series) for name in EVERY}
    moment = series_store("rtma", NOW, [0], {"air_temperature_2m": 1.0})
    found["rtma"] = replace(moment, schema=replace(moment.schema, traits=(ANALYSIS,)))
    return found


def merged(stores: list[Any], place: Place, options: ForecastOptions | None = None) -> tuple[Merged, dict[int, str]]:
    """Now and the hour that runs, and the model of each reading."""
    start = int(NOW.timestamp())
    slots = Slots(np.array([start, start]), np.array([start + 3600, start + 60]))
    mix = Mix(slots, place.lat, place.lon)
    sources = read_sources(place, stores, options or ForecastOptions(), NOW, mix)
    return mix.done(), {run.number: source.model for source in sources.models for run in source.runs}


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
@pytest.mark.parametrize("group", Group)
@pytest.mark.parametrize("when", When)
def test_the_first_of_the_list_that_is_there_tells(
    stores: dict[str, Any], region: preference.Region, group: Group, when: When
) -> None:
    there = dict(stores)
    for name in region.orders[group, when]:
        mix, models = merged(list(there.values()), REGION[region.name])
        assert models[int(mix.who[INDEX[TOLD[group][0]], when])] == name
        del there[name]
    mix, _ = merged(list(there.values()), REGION[region.name])
    assert mix.who[INDEX[TOLD[group][0]], when] == -1, "nobody else is asked for it"


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
def test_what_orders_there_are(region: preference.Region) -> None:
    orders = region.orders
    now, hours = orders[Group.WEATHER, When.MINUTE], orders[Group.WEATHER, When.HOUR]
    assert now[:2] == ("rtma", "hrrr_subh")
    assert orders[Group.PRECIPITATION, When.MINUTE] == now[1:]
    assert orders[Group.PRECIPITATION, When.HOUR] == hours
    assert hours[0] == "nbm"
    assert {*hours, "rtma"} == set(now)
    for when in When:
        assert orders[Group.CHANCE, when][-2:] == ("ifs_ens", "gefs")
        assert STATISTICS.isdisjoint({*now, *hours})
    german = hours.index("dwd_mosmix")
    assert (german < hours.index("ifs")) == (region.name == "world")


def test_turns_fill_each_part_in_its_own_order_with_few_of_each() -> None:
    asked = frozenset(
        map(Asked, ["rtma", "nbm", "hrrr", "hrrr_subh", "ifs", "gfs", "ifs_ens", "gefs", "zeta", "alpha"])
    )
    for region in REGIONS:
        turns = preference.turns_of(region.name, asked)
        for group, when in region.orders:
            order = [turn.model for turn in turns if (group, when) in turn.part]
            assert order == preference.order_of(region, group, when, asked)
            assert order[-2:] == ["alpha", "zeta"], "whom nobody knows comes last"
        models = [turn.model for turn in turns]
        assert len(models) == len(asked) + 1, "only hrrr_subh has two turns"
        assert models[:4] == ["rtma", "hrrr_subh", "nbm", "hrrr"]


def test_ai_models_come_first_and_an_analysis_tells_no_hour() -> None:
    asked = [Asked("ifs"), Asked("gfs"), Asked("aifs", ai=True), Asked("another", analysis=True)]
    for region in REGIONS:
        orders = {when: preference.order_of(region, Group.WEATHER, when, asked) for when in When}
        assert orders == {When.HOUR: ["aifs", "ifs", "gfs"], When.MINUTE: ["aifs", "ifs", "gfs", "another"]}


@pytest.mark.parametrize(
    ("lat", "lon", "region"),
    [
        (40.7, -74.0, "north-america"),
        (61.2, -149.9, "north-america"),
        (19.4, -99.1, "north-america"),
        (51.5, -0.1, "world"),
        (-23.5, -46.6, "world"),
        (28.2, -177.4, "world"),
    ],
)
def test_regions(lat: float, lon: float, region: str) -> None:
    assert preference.region_at(lat, lon).name == region


def test_the_order_is_that_of_the_list_however_they_come(stores: dict[str, Any]) -> None:
    some = [stores[name] for name in ("gfs", "ifs", "hrrr", "nbm")]
    answers = [merged(list(order), DENVER) for order in permutations(some)]
    assert {models[int(mix.who[INDEX["temperature"], 0])] for mix, models in answers} == {"nbm"}


def answer(stores: list[Any], place: Place = DENVER, exclude: frozenset[str] = frozenset()) -> dict[str, Any]:
    options = ForecastOptions(System.SI, exclude=exclude)
    body: dict[str, Any] = json.loads(build_forecast(place, stores, options, NOW).body)
    return body


@pytest.mark.parametrize(
    ("excluded", "first"),
    [
        ("nbm", "hrrr"),
        ("hrrr", "nbm"),
        ("nbm,hrrr", "ecmwf_ifs"),
        ("nbm,hrrr,ecmwf_ifs", "gfs"),
        ("nbm,hrrrsubh,hrrr_alaska", "hrrr"),
    ],
)
def test_whoever_excludes_a_source_excludes_its_family(stores: dict[str, Any], excluded: str, first: str) -> None:
    there = [store for name, store in stores.items() if name not in ("rtma", "hrrr_subh")]
    told = answer(there, exclude=frozenset(excluded.split(",")))
    assert told["flags"]["sources"][0] == first


def test_statistics_of_ensembles_are_never_asked_for_a_plain_value(stores: dict[str, Any]) -> None:
    plain = [stores["gfs"]]
    many = [*plain, *(stores[name] for name in STATISTICS)]
    one, other = merged(plain, DENVER)[0], merged(many, DENVER)[0]
    for name in ("temperature", "amount"):
        np.testing.assert_array_equal(one[name], other[name])
    assert np.isnan(one["probability"]).all()
    assert not np.isnan(other["probability"]).any()
    assert not any(is_plain(name) for name in STATISTICS)


def test_ai_models_answer_only_who_asks_for_them(stores: dict[str, Any]) -> None:
    learned = replace(stores["gfs"], schema=replace(stores["gfs"].schema, model="aifs", traits=(AI,)))
    options = ForecastOptions(include=frozenset({"aimodels"}))
    for asked, first in ((None, "ifs"), (options, "aifs")):
        mix, models = merged([stores["ifs"], learned], BERLIN, asked)
        assert {models[int(number)] for number in mix.who[INDEX["temperature"]]} == {first}


def test_sources_go_by_the_names_of_the_contract(stores: dict[str, Any]) -> None:
    for name in ("gfs", "ifs", "hrrr", "nbm", "rtma", "aifs", "gefs"):
        assert source_name(name) in CONTRACT_SOURCES
    names = [source_name(name) for name in stores]
    assert len(set(names)) == len(names)
    assert all(name in names_of(name) for name in stores)
