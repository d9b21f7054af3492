"""Who told what, and why: worked out again from the stores, hour by hour, without any of the merge's own code."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serving import fields
from serving.forecast import ForecastOptions
from serving.merge import Mix
from serving.places import Place
from serving.preference import source_name
from serving.provenance import made_of, trail_of
from serving.slots import Slots
from serving.sources import read_sources
from serving.units import System
from storage.errors import CorruptStore
from storage.grids import Around, Cell, LatLonGrid
from storage.schema import StoreSchema

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = 3600
START = int(NOW.timestamp())
NAN = math.nan
POINTS = 1000
SLOTS = 40
GLOBE = LatLonGrid(90.0, -1.0, 181, 0.0, 1.0, 360)
STATES = LatLonGrid(50.0, -1.0, 26, 235.0, 1.0, 60)
SI = ForecastOptions(System.SI)
WARM, SEA, WET = "air_temperature_2m", "air_pressure_mean_sea_level", "precipitation_amount_surface"
FIELDS = {
    name: fields.Field(name, column)
    for name, column in {"temperature": "temperature", "pressure": "pressure", "rain": "liquid_amount"}.items()
}
NAMES = {"temperature": WARM, "pressure": SEA, "rain": WET}


@dataclass(frozen=True)
class Patchy:
    """A store with holes that are elsewhere in each cell, seven leads and more long, and in some cells damaged."""

    schema: StoreSchema
    seed: int

    def point(self, cell: Cell) -> NDArray[np.float32]:
        chance = np.random.default_rng([self.seed, cell.y, cell.x])
        if chance.random() < 0.1:
            raise CorruptStore("chunk is not what its checksum says")
        leads = len(self.schema.lead_times)
        values = chance.uniform(1, 2, (len(self.schema.variables), leads)).astype(np.float32)
        values[[name == WET for name in self.schema.names], 0] = NAN
        for row in values:
            for _ in range(chance.integers(0, 3)):
                start = chance.integers(0, leads)
                row[start : start + chance.integers(7, 15)] = NAN
        return values

    def mixed(self, around: Around) -> NDArray[np.float32]:
        return self.point(around.cells[around.nearest])


@pytest.fixture(scope="module")
def stores(series_store: Any) -> list[Patchy]:
    """Four models, of two the run before, too; one is stale, of one the pressure was withheld."""
    three = {WARM: 1.0, SEA: 1.0, WET: 1.0}
    made = [
        ("hrrr", 1, 18, {WARM: 1.0, WET: 1.0}, STATES),
        ("hrrr", 7, 48, {WARM: 1.0, WET: 1.0}, STATES),
        ("ifs", 6, 30, {WARM: 1.0, WET: 1.0}, GLOBE),
        ("ifs", 18, 60, three, GLOBE),
        ("gfs", 6, 120, three, GLOBE),
        ("dwd_mosmix", 30, 120, three, GLOBE),
        ("zeta", 3, 120, three, GLOBE),
    ]
    found = []
    for n, (model, age, last, series, grid) in enumerate(made):
        stale = 1440 if model == "dwd_mosmix" else 7200
        store = series_store(model, NOW - timedelta(hours=age), range(last + 1), series, grid=grid, stale_after=stale)
        schema = store.schema
        if (model, age) == ("ifs", 6):
            schema = replace(schema, withheld={SEA: "jumps by 80 hPa"})
        found.append(Patchy(schema, n))
    return found


def in_america(place: Place) -> bool:
    return 14 <= place.lat <= 83 and -168 <= place.lon <= -52


def series_of(store: Patchy, place: Place, name: str) -> dict[int, float] | None:
    """Hour of the answer -> value at its start (of rain: over it) where a lead has one; None where it can't be read."""
    grid = store.schema.grid
    try:
        row = store.point(grid.cell(place.lat, place.lon))[store.schema.names.index(name)]
    except CorruptStore:
        return None
    first = round((store.schema.init_time - NOW) / timedelta(hours=1))
    told = {first + lead: float(value) for lead, value in enumerate(row) if not math.isnan(value)}
    return {hour - 1: value for hour, value in told.items()} if name == WET else told


def holds(store: Patchy, place: Place) -> bool:
    lon = place.lon % 360
    return store.schema.grid is not STATES or (25 <= place.lat <= 50 and 235 <= lon <= 294)


def retold(stores: list[Patchy], place: Place, name: str) -> tuple[list[tuple[Any, ...]], list[float]]:
    """Of each hour (model, init_time, reason, who goes on), and its value: by dictionaries and loops."""
    order = ["hrrr", "ifs", "gfs", "dwd_mosmix"] if in_america(place) else ["hrrr", "dwd_mosmix", "ifs", "gfs"]
    order.append("zeta")
    variable = NAMES[name]
    there = sorted(
        (store for store in stores if holds(store, place)),
        key=lambda store: (order.index(store.schema.model), -store.schema.init_time.timestamp()),
    )
    newest: dict[str, Patchy] = {}
    for store in there:
        newest.setdefault(store.schema.model, store)
    asked = [store for store in there if store.schema.model != "dwd_mosmix" and variable in store.schema.names]
    series = {id(store): series_of(store, place, variable) for store in asked}
    preferred = next(s for s in newest.values() if variable in s.schema.names or variable in s.schema.withheld)
    teller: list[Patchy | None] = [
        next((s for s in asked if hour in (series[id(s)] or {})), None) for hour in range(SLOTS)
    ]
    values = [NAN if store is None else (series[id(store)] or {})[hour] for hour, store in enumerate(teller)]
    rows: list[tuple[Any, ...]] = []
    for hour, store in enumerate(teller):
        rows.append(() if store is None else (*run(store), why(preferred, store, series, hour, variable), None))
    for hour in range(1, SLOTS - 1) if variable != WET else ():
        one, other = teller[hour - 1], teller[hour]
        if one is None or other is None or one.schema.model == other.schema.model:
            continue
        if any(each is not None and each.schema.model == one.schema.model for each in teller[hour:]):
            continue
        for back, share in ((1, 0.25), (2, 0.5), (3, 0.75)):
            n = hour - back
            each = teller[n] if n >= 0 else None
            goes_on = (series[id(other)] or {}).get(n)
            if each is not None and each.schema.model == one.schema.model and goes_on is not None:
                rows[n] = (*run(each), "blended", run(other))
                values[n] = share * values[n] + (1 - share) * goes_on
    return rows, values


def run(store: Patchy) -> tuple[str, datetime]:
    return store.schema.model, store.schema.init_time


def why(preferred: Patchy, store: Patchy, series: dict[int, Any], hour: int, variable: str) -> str:
    if store is preferred:
        return "preferred"
    if preferred.schema.model == "dwd_mosmix":
        return "stale"
    leads = series.get(id(preferred))
    first = round((preferred.schema.init_time - NOW) / timedelta(hours=1))
    if leads:
        low, high = min(leads), max(leads) + (variable == WET)
    else:
        low, high = first, first + preferred.schema.lead_times[-1] // 60
    if hour < low or hour + 1 > high:
        return "not covered"
    return "withheld" if variable in preferred.schema.withheld else "missing"


def hourly(entries: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Entries, hour by hour, after a look at whether they hold together."""
    rows: list[tuple[Any, ...]] = [()] * SLOTS
    for entry in entries:
        init_time = parsed(entry["init_time"])
        first, end = (entry["from"] - START) // HOUR, (entry["until"] - START) // HOUR
        leads = [first + (NOW - init_time) / timedelta(hours=1), end - 1 + (NOW - init_time) / timedelta(hours=1)]
        assert entry["lead_hours"] == leads
        into = entry.get("into")
        row = (
            entry["model"],
            init_time,
            entry["reason"],
            (into["model"], parsed(into["init_time"])) if into else None,
        )
        assert rows[first:end] == [()] * (end - first)
        rows[first:end] = [row] * (end - first)
    return rows


def parsed(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)


def named(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """With the names of sources."""
    if not row:
        return row
    into = row[3]
    return (source_name(row[0]), *row[1:3], (source_name(into[0]), into[1]) if into else None)


def test_a_thousand_places_are_told_as_the_stores_have_them(stores: list[Patchy], caplog: Any) -> None:
    caplog.set_level("CRITICAL")
    chance = np.random.default_rng(20261124)
    starts = START + HOUR * np.arange(SLOTS, dtype=np.int64)
    reasons = set()
    for n in range(POINTS):
        # Half of them where the small grid is.
        low, high, west, east = (26, 49, -124, -67) if n % 2 else (-89, 89, -179, 179)
        place = Place(float(chance.uniform(low, high)), float(chance.uniform(west, east)), "UTC")
        mix = Mix(Slots(starts, starts + HOUR), place.lat, place.lon)
        sources = read_sources(place, stores, SI, NOW, mix)
        merged = mix.done()
        told = trail_of(place, sources, mix, merged).of_block(FIELDS.values(), 0, SLOTS)
        for name in FIELDS:
            rows, values = retold(stores, place, name)
            assert hourly(told.get(name, [])) == [named(row) for row in rows], (place, name)
            column = "amount" if name == "rain" else name
            np.testing.assert_allclose(merged[column], values, rtol=1e-6, err_msg=f"{place} {name}")
            reasons |= {row[2] for row in rows if row}
    assert reasons == {"preferred", "not covered", "stale", "missing", "withheld", "blended"}


def test_every_column_is_made_of_something() -> None:
    for column in fields.COLUMNS:
        assert made_of(column) or column in ("time", "icon"), column
    assert made_of("wind_bearing") == ("eastward_wind",)
    assert made_of("snow_amount") == ("amount", "rate")
    assert made_of("cape") == ("cape", "cape_unstable")
    assert made_of("storm_bearing") == ("storm_distance",)
