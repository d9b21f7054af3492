"""The whole answer: read, merge, derive, summarise, write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from serving import days, derived
from serving.daily import day_hours, summarise
from serving.fields import COLUMN, PRECIPITATION, WEATHER
from serving.merge import Merged, Mix, Slots
from serving.options import ForecastOptions
from serving.places import Place, timezone_at
from serving.response import layout_of, write_points
from serving.sources import Rungs, Sources, Store, make_flags, read_sources, rungs_of
from serving.timeline import Timeline, make_timeline
from storage.grids import Cell, LatLonGrid
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import CATALOGUE, Statistic

__all__ = ["Answer", "ForecastOptions", "ForecastUnavailable", "NoForecast", "Place", "Store", "build_forecast", "warm"]


class NoForecast(LookupError):
    """No store covers this place."""


class ForecastUnavailable(NoForecast):
    """There should be a forecast of this place, but the runs that cover it have ended or cannot be read.

    why: model -> why it tells nothing, where that is a matter of the place.
    """

    def __init__(self, message: str, why: Mapping[str, str]) -> None:
        super().__init__(message)
        self.why = why


class Answer(NamedTuple):
    """An answer as JSON, and on which rung each model stood: model -> rung."""

    body: bytes
    rungs: Rungs


def derive(merged: Merged, slots: Slots) -> NDArray[np.float64]:
    """[column, slot] in SI, rows as serving.fields.COLUMNS: the merged quantities and all that follows from them."""
    count = len(slots.starts)
    weather = np.empty((len(WEATHER), count))
    precipitation = np.empty((len(PRECIPITATION), count))
    derived.derive_weather(
        merged["temperature"],
        merged["humidity"],
        merged["eastward_wind"],
        merged["northward_wind"],
        merged["solar"],
        merged["visibility"],
        merged["cape"],
        merged["cape_unstable"],
        weather,
    )
    derived.derive_precipitation(
        slots.starts,
        slots.ends,
        merged["amount"],
        merged["rate"],
        merged["kind"],
        merged["temperature"],
        weather[0],
        precipitation,
    )
    times = slots.starts.astype(np.float64)[np.newaxis]
    return np.concatenate((merged.columns, weather, precipitation, times))


def fallen_today(columns: NDArray[np.float64], timeline: Timeline) -> None:
    """Put the rain, snow and ice since local midnight into the column of now; missing unless every hour is known."""
    low, high = timeline.today
    start, end = timeline.slots.starts[high - 1], timeline.slots.ends[high - 1]
    past = (timeline.slots.starts[timeline.now] - start) / (end - start)
    for name in ("liquid_amount", "snow_amount", "ice_amount"):
        row = columns[COLUMN[name]]
        row[timeline.now] = row[low : high - 1].sum() + row[high - 1] * past


def build_forecast(
    place: Place,
    stores: Sequence[Store],
    options: ForecastOptions,
    now: datetime,
    troubled: Collection[str] = frozenset(),
) -> Answer:
    """The answer of one place, from every run that is open: of each model the newest and the one before it.

    troubled: models whose newest run cannot be used. Raises NoForecast where no store has anything to say.
    """
    wanted = options.wants("currently") or options.wants("hourly") or options.wants("daily")
    timeline = make_timeline(place, options, now) if wanted else None
    mix = Mix(timeline.slots, place.lat, place.lon) if timeline else None
    sources = read_sources(place, stores, options, now, mix)
    if not sources.models:
        raise _nowhere(place, stores, troubled)
    parts = [
        b'{"latitude":%s,"longitude":%s,"timezone":%s,"offset":%s'
        % tuple(
            orjson.dumps(value)
            for value in (
                round(place.lat, 4),
                round(place.lon if place.asked_lon is None else place.asked_lon, 4),
                place.timezone,
                days.offset_at(place.timezone, int(now.timestamp() // 1)) / 3600,
            )
        )
    ]
    rungs: Rungs = {}
    if timeline is not None and mix is not None:
        merged = mix.done()
        if not any(mix.lately):
            raise _nothing_left(place, sources, now)
        rungs = rungs_of(sources, mix, options, troubled, now)
        columns = derive(merged, timeline.slots)
        if options.wants("currently"):
            fallen_today(columns, timeline)
            point = write_points(layout_of("currently", options.units), columns, timeline.now, 1)
            parts.append(b',"currently":' + point)
        if options.wants("hourly"):
            points = write_points(layout_of("hourly", options.units), columns, timeline.hourly, timeline.hours)
            parts.append(b',"hourly":{"data":[' + points + b"]}")
        if options.wants("daily"):
            hours = day_hours(place.timezone, days.local_date(place.timezone, now))
            summary = summarise(columns, hours, place.lat, place.lon)
            points = write_points(layout_of("daily", options.units), summary, 0, summary.shape[1])
            parts.append(b',"daily":{"data":[' + points + b"]}")
    if options.wants("flags"):
        parts.append(b',"flags":' + orjson.dumps(make_flags(sources, mix, rungs, options)))
    parts.append(b"}")
    return Answer(b"".join(parts), rungs)


def _nowhere(place: Place, stores: Sequence[Store], troubled: Collection[str]) -> NoForecast:
    known = {store.schema.model for store in stores}
    told = f"no forecast for {place.lat:g},{place.lon:g}: no store covers it"
    if set(troubled) - known:
        return ForecastUnavailable(told, {})
    return NoForecast(f"{told} (stores: {', '.join(sorted(known)) or 'none'})")


def _nothing_left(place: Place, sources: Sources, now: datetime) -> ForecastUnavailable:
    """The models that cover a place tell nothing: damaged, or over."""
    told = f"no forecast for {place.lat:g},{place.lon:g} from {now.astimezone(UTC):%Y-%m-%dT%H:%MZ} on"
    damaged = [source.model for source in sources.models if source.unreadable]
    return ForecastUnavailable(told, dict.fromkeys(damaged, "its newest run is damaged at this place"))


def warm() -> None:
    """Load or compile every kernel, and load the time zones, so that no request waits: one answer over flat fields."""
    schema = StoreSchema(
        model="warm",
        init_time=datetime(2026, 1, 1, tzinfo=UTC),
        lead_times=(0, 180),
        variables=tuple(
            StoredVariable(row, row.precision, 0.0, (0, 0 if row.statistic is Statistic.INSTANT else 180))
            for row in CATALOGUE.values()
        ),
        grid=LatLonGrid(90.0, -90.0, 3, 0.0, 90.0, 4),
        freshness=Freshness(0, 0, 180),
        attribution="",
        licence="",
    )
    store = _Flat(schema, np.ones((len(schema.variables), 2), dtype=np.float32))
    build_forecast(Place(0.0, 0.0, timezone_at(0.0, 0.0)), [store], ForecastOptions(), schema.init_time)


@dataclass(frozen=True)
class _Flat:
    """A store that says one thing everywhere."""

    schema: StoreSchema
    values: NDArray[np.float32]

    def point(self, cell: Cell) -> NDArray[np.float32]:
        return self.values
