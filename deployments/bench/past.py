"""What a day of the past costs: 24 hours at a place out of twelve days of short stores."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from deployments.bench.measure import cpu_micros
from deployments.bench.stores import full_schema, newest_init_time, write_full_store
from deployments.bench.table import Row
from flows.models import flow_named
from serving.history import OpenShorts, RunOfRuns
from serving.merge import Mix
from serving.options import ForecastOptions
from serving.places import Place
from serving.slots import Slots
from serving.sources import read_sources
from storage.grids import LatLonGrid
from storage.manifest import ShortStore, short_key, store_key
from storage.reader import Store

GRID = LatLonGrid(55.0, -0.25, 41, 5.0, 0.25, 41)
"""10 x 10 degrees: what a read takes does not depend on how many other cells there are."""
PLACES = 200


def measure_past(scratch: Path) -> list[Row]:
    """Every request another place and another day of GFS: about one store in three is not open any more."""
    newest, shorts = write_past(scratch, GRID)
    opened = OpenShorts()
    past = RunOfRuns(scratch, shorts, [], opened)
    chance = np.random.default_rng(1)
    places = [
        Place(float(lat), float(lon), "UTC")
        for lat, lon in zip(chance.uniform(45, 55, PLACES), chance.uniform(5, 15, PLACES), strict=True)
    ]
    days = chance.integers(1, 12, PLACES)
    hours = 3600 * np.arange(24, dtype=np.int64)
    end = int(shorts[0].init_time.timestamp())
    now = datetime.now(UTC)

    def day(number: int, same: bool) -> None:
        place, back = places[number % PLACES], 3 if same else int(days[number % PLACES])
        starts = end - back * 86_400 + hours
        mix = Mix(Slots(starts, starts + 3600), place.lat, place.lon)
        sources = read_sources(place, [newest], ForecastOptions(), now, mix, {"gfs": past})
        merged = mix.done()
        assert len(sources.models[0].runs) >= 5
        assert not np.isnan(merged["temperature"]).any()

    def reads(number: int) -> None:
        place = places[number % PLACES]
        for short in shorts[8:13]:
            store = opened.get(scratch / short.key, short)
            store.point(store.schema.grid.cell(place.lat, place.lon))

    costs = cpu_micros(
        {
            "reads": reads,
            "same": lambda number: day(number, True),
            "any": lambda number: day(number, False),
        }
    )
    floor = "five point reads of short stores"
    return [
        Row(
            "24 hours of a day in the past, GFS", costs["same"] / 1000, "ms CPU", costs["reads"] / 1000, floor, "~ 1 ms"
        ),
        Row("the same of any of 12 days", costs["any"] / 1000, "ms CPU", costs["reads"] / 1000, floor),
    ]


def write_past(folder: Path, grid: LatLonGrid) -> tuple[Store, list[ShortStore]]:
    """The newest run of GFS, which tells nothing of the past, and the short stores of the twelve days before, newest
    first."""
    model = flow_named("gfs").model
    schema = replace(full_schema(model, newest_init_time()), grid=grid)
    shorts = []
    for back in range(model.retention // 6 + 1):
        run = replace(schema, init_time=schema.init_time - timedelta(hours=6 * back)).until(
            model.history(schema.init_time)
        )
        key = short_key(store_key(model.name, run.init_time))
        path = folder / key
        write_full_store(path, run, lambda done, total: None)
        size, sha256 = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        shorts.append(
            ShortStore(init_time=run.init_time, key=key, size=size, sha256=sha256, last_lead=run.lead_times[-1])
        )
    newest = folder / store_key(model.name, schema.init_time)
    write_full_store(newest, schema, lambda done, total: None)
    return Store.open(newest), shorts
