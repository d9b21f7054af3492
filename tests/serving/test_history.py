"""The past, read out of the short stores of earlier runs: each hour by the run that began last before it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.forecast import ForecastOptions, build_forecast
from serving.health import health
from serving.history import OpenShorts
from serving.merge import Mix
from serving.places import Place
from serving.slots import Slots
from serving.sources import read_sources
from serving.status_page import status_page
from serving.stores import Stores
from serving.units import System
from storage.manifest import Manifest, ShortStore, short_key, store_key
from storage.reader import Store
from tests.serving.conftest import COARSE, name_it, write_store

NEWEST = datetime(2026, 11, 24, 18, tzinfo=UTC)
NOW = NEWEST + timedelta(hours=4, minutes=20)
SI = ForecastOptions(System.SI, version=2)
LONDON = Place(51.5, -0.12, "Europe/London")
KOLKATA = Place(22.6, 88.4, "Asia/Kolkata")
WARM, WET = "air_temperature_2m", "precipitation_amount_surface"

Past = Callable[..., Stores]


def short_store(folder: Path, store: Any) -> ShortStore:
    """Write a store as the short one of its run."""
    schema = store.schema
    key = short_key(store_key(schema.model, schema.init_time))
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    write_store(path, store, COARSE)
    data = path.read_bytes()
    return ShortStore(
        init_time=schema.init_time,
        key=key,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        last_lead=schema.lead_times[-1],
    )


@pytest.fixture
def past(series_store: Any, publish: Any, tmp_path: Path) -> Past:
    """past(ages): GFS of NEWEST, and short stores of runs so many hours older.

    At a lead of a run it is as many degrees as the run is hours old plus a hundredth a lead, and rains a tenth of that.
    """

    def series(age: int, leads: Sequence[int]) -> dict[str, Any]:
        values = age + 0.01 * np.array(leads)
        rain = np.where(np.array(leads) == 0, np.nan, values / 10)
        return {WARM: 273.15 + values, WET: rain}

    def past(
        ages: Sequence[int],
        model: str = "gfs",
        leads: Sequence[int] = range(8),
        last: int = 60,
        named: int | None = None,
    ) -> Stores:
        stores = [series_store(model, NEWEST - timedelta(hours=age), leads, series(age, leads)) for age in (0, *ages)]
        manifest: Manifest = publish(tmp_path, series_store(model, NEWEST, range(last + 1), series(0, range(last + 1))))
        shorts = [short_store(tmp_path, store) for store in stores]
        name_it(tmp_path, manifest.model_copy(update={"history": tuple(shorts)}))
        opened = Stores(tmp_path)
        opened.check()
        return opened

    return past


def told(
    stores: Stores, starts: Sequence[datetime], place: Place = LONDON, now: datetime = NOW, length: int = 3600
) -> tuple[Any, Any]:
    """The merged hours (or so many seconds) that start at `starts`, and the sources."""
    begin = np.array([int(start.timestamp()) for start in starts])
    mix = Mix(Slots(begin, begin + length), place.lat, place.lon)
    snapshot = stores.snapshot
    sources = read_sources(place, snapshot.runs, SI, now, mix, snapshot.pasts)
    return mix.done(), sources


def hours(first: datetime, count: int) -> list[datetime]:
    return [first + timedelta(hours=hour) for hour in range(count)]


def ages(sources: Any, merged: Any, name: str = "temperature") -> list[int | None]:
    """How many hours before NEWEST the run began that told each hour."""
    from serving.quantities import INDEX

    runs = {run.number: run.store.schema.init_time for source in sources.models for run in source.runs}
    return [
        None if number < 0 else round((NEWEST - runs[number]) / timedelta(hours=1))
        for number in merged.who[INDEX[name]].tolist()
    ]


def test_every_hour_is_told_by_the_run_with_the_shortest_lead(past: Past) -> None:
    stores = past(range(6, 49, 6))
    starts = hours(NEWEST - timedelta(hours=48), 52)
    merged, sources = told(stores, starts)
    expected = [max(-(-(NEWEST - start) // timedelta(hours=6)) * 6, 0) for start in starts]
    assert ages(sources, merged) == ages(sources, merged, "amount") == expected


def test_values_are_those_of_plain_numpy_over_the_stores(past: Past, tmp_path: Path) -> None:
    stores = past(range(6, 31, 6))
    starts = hours(NEWEST - timedelta(hours=30), 30)
    merged, _ = told(stores, starts)
    files = sorted((tmp_path / "gfs" / "history").iterdir(), reverse=True)
    for n, start in enumerate(starts):
        found = [np.nan, np.nan]
        for file in files:
            with Store.open(file) as store:
                series = store.point(store.schema.grid.cell(LONDON.lat, LONDON.lon))
                times = store.schema.valid_times
                if start in times and start + timedelta(hours=1) in times:
                    lead = times.index(start)
                    found = [series[store.index[WARM], lead], series[store.index[WET], lead + 1]]
                    break
        np.testing.assert_allclose([merged["temperature"][n], merged["amount"][n]], found, rtol=1e-6)


def test_hours_that_lie_across_the_start_of_a_run_are_told_by_one_run(past: Past) -> None:
    """In Kolkata hours begin at half past: an amount is never made of two runs."""
    stores = past(range(6, 25, 6))
    starts = hours(NEWEST - timedelta(hours=24, minutes=30) + timedelta(hours=1), 23)
    merged, sources = told(stores, starts, KOLKATA)
    for n, start in enumerate(starts):
        age = -(-(NEWEST - start) // timedelta(hours=6)) * 6
        lead = (start - (NEWEST - timedelta(hours=age))) / timedelta(hours=1)
        assert ages(sources, merged, "amount")[n] == age
        assert ages(sources, merged)[n] == age
        assert merged["temperature"][n] == pytest.approx(273.15 + age + 0.01 * lead, abs=0.006)
        assert merged["amount"][n] == pytest.approx((age + 0.01 * (lead + 1)) / 10, abs=0.002)


def test_a_missing_run_leaves_a_gap_that_is_told(past: Past) -> None:
    stores = past([6, 18, 24])
    starts = hours(NEWEST - timedelta(hours=24), 24)
    merged, sources = told(stores, starts)
    # The run before the missing one ends an hour after it would have begun.
    gap = [n for n, start in enumerate(starts) if timedelta(hours=6) < NEWEST - start < timedelta(hours=11)]
    assert np.flatnonzero(np.isnan(merged["temperature"])).tolist() == gap
    assert np.isnan(merged["amount"][gap]).all()
    (source,) = sources.models
    assert [(span.start, span.end) for span in source.gaps] == [
        (NEWEST - timedelta(hours=11), NEWEST - timedelta(hours=6))
    ]
    answer = json.loads(build_forecast(LONDON, stores.snapshot.runs, SI, NOW, (), stores.snapshot.pasts).body)
    assert answer["flags"]["gaps"] == {"gfs": ["2026-11-24T07:00Z/2026-11-24T12:00Z"]}


def test_todays_high_so_far_comes_from_the_runs_before(past: Past) -> None:
    """The newest run began in the evening: without the past it knows of today only that."""
    stores = past(range(6, 31, 6))
    answer = json.loads(build_forecast(LONDON, stores.snapshot.runs, SI, NOW, (), stores.snapshot.pasts).body)
    today = answer["daily"]["data"][0]
    assert today["temperatureMax"] == 18.05
    assert today["temperatureHigh"] == 12.05
    assert today["temperatureHighTime"] == int((NEWEST - timedelta(hours=7)).timestamp())
    wet = sum((age + 0.01 * lead) / 10 for age in (18, 12, 6) for lead in range(1, 7))
    # Centimetres; what falls from 18Z on is less than counts.
    assert today["liquidAccumulation"] == pytest.approx(wet / 10, abs=0.002)
    assert answer["currently"]["currentDayLiquid"] == pytest.approx(wet / 10, abs=0.002)
    assert answer["flags"]["sourceTimes"] == {"gfs": "2026-11-24 18Z"}
    assert answer["flags"]["historyTimes"] == {"gfs": ["2026-11-24 12Z", "2026-11-24 06Z", "2026-11-24 00Z"]}
    assert answer["flags"]["rung"] == "newest"
    without = json.loads(build_forecast(LONDON, stores.snapshot.runs, SI, NOW).body)
    assert "temperatureMax" not in without["daily"]["data"][0], "six hours are no day"
    assert "historyTimes" not in without["flags"]


def test_what_nobody_asks_for_is_not_opened(past: Past) -> None:
    stores = past(range(6, 49, 6))
    snapshot = stores.snapshot
    build_forecast(
        LONDON, snapshot.runs, replace(SI, exclude=frozenset({"daily", "currently"})), NOW, (), snapshot.pasts
    )
    assert len(stores._shorts) == 0
    build_forecast(LONDON, snapshot.runs, SI, NOW, (), snapshot.pasts)
    assert len(stores._shorts) == 3


def test_few_are_open_at_a_time_however_many_there_are(past: Past, tmp_path: Path) -> None:
    stores = past(range(6, 49, 6))
    shorts = stores.snapshot.pasts["gfs"].here
    opened = OpenShorts(limit=3)
    for short in shorts * 2:
        opened.get(tmp_path / short.key, short)
        assert len(opened) <= 3
    newest = opened.get(tmp_path / shorts[-1].key, shorts[-1])
    assert opened.get(tmp_path / shorts[-1].key, shorts[-1]) is newest


@pytest.mark.parametrize("how", ["chunk", "cut", "other run"])
def test_a_damaged_one_is_set_aside_and_told_and_its_hours_are_a_gap(
    past: Past, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    stores = past([6, 12, 18])
    path = tmp_path / "gfs" / "history" / "20261124T0600Z.zarr.zip"
    whole = path.read_bytes()
    if how == "other run":
        path.write_bytes(path.with_name("20261124T1200Z.zarr.zip").read_bytes())
    else:
        # Of a file that is cut short nothing opens; of the other one all but what is read at the place.
        end = len(whole) if how == "cut" else len(whole) * 3 // 4
        path.write_bytes(whole[:100] + bytes(end - 100) + whole[end:])
    starts = hours(NEWEST - timedelta(hours=18), 18)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            merged, sources = told(stores, starts)
            assert np.flatnonzero(np.isnan(merged["temperature"])).tolist() == [8, 9, 10, 11]
            assert np.flatnonzero(np.isnan(merged["amount"])).tolist() == [7, 8, 9, 10, 11]
            assert len(sources.models[0].gaps) == 1
    assert caplog.text.count("20261124T0600Z.zarr.zip: its hours are a gap") == 1
    (model,) = health(stores.snapshot, tmp_path, NOW).models
    assert (model.past_since, model.past_lacks) == (
        NEWEST - timedelta(hours=18),
        ["gfs/history/20261124T0600Z.zarr.zip"],
    )
    assert "runs that are not here: 1" in status_page(health(stores.snapshot, tmp_path, NOW))
    assert [short.key for short in stores.snapshot.pasts["gfs"].lacking] == ["gfs/history/20261124T0600Z.zarr.zip"]
    # Synced again.
    part = path.with_name(".again.part")
    part.write_bytes(whole)
    part.replace(path)
    stores.check()
    merged, sources = told(stores, starts)
    assert not np.isnan(merged["temperature"]).any()
    assert sources.models[0].gaps == []


def test_what_is_named_and_not_here_yet_is_lacking_and_is_taken_up_when_it_comes(past: Past, tmp_path: Path) -> None:
    stores = past([6, 12])
    path = tmp_path / "gfs" / "history" / "20261124T0600Z.zarr.zip"
    away = path.replace(tmp_path / "elsewhere")
    stores.check()
    assert [short.init_time.hour for short in stores.snapshot.pasts["gfs"].lacking] == [6]
    away.replace(path)
    stores.check()
    assert stores.snapshot.pasts["gfs"].lacking == ()
    assert stores.snapshot.pasts["gfs"].since == NEWEST - timedelta(hours=12)


def test_analyses_every_quarter_of_an_hour_follow_each_other_without_gaps(
    series_store: Any, publish: Any, tmp_path: Path
) -> None:
    times = [NEWEST - timedelta(minutes=15 * age) for age in range(9)]
    stores = [series_store("rtma", time, [0], {WARM: 273.15 + n}) for n, time in enumerate(times)]
    manifest = publish(tmp_path, stores[0])
    shorts = [short_store(tmp_path, store) for n, store in enumerate(stores) if n != 5]
    name_it(tmp_path, manifest.model_copy(update={"history": tuple(shorts)}))
    opened = Stores(tmp_path)
    opened.check()
    assert [(gap.start, gap.end) for gap in opened.snapshot.pasts["rtma"].gaps] == [(times[5], times[4])]
    merged, _ = told(opened, [times[8], times[4]], length=60)
    assert merged["temperature"].tolist() == pytest.approx([281.15, 277.15], abs=0.006)
