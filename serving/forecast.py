"""The whole answer: read, merge, derive, summarise, write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from serving import days
from serving.blocks import BLOCK_FIELDS
from serving.body import Body, Piece
from serving.deriving import derive
from serving.flags import make_flags
from serving.ladder import Rungs, rungs_of
from serving.merge import NOBODY, Mix
from serving.options import DAY_NIGHT, ForecastOptions
from serving.places import Place, timezone_at
from serving.provenance import trail_of
from serving.roster import Store
from serving.sampling import Sampler
from serving.sources import NO_PAST, Pasts, Sources, is_beside, read_sources
from serving.timeline import make_timeline
from serving.units import shown_height
from storage.grids import Around, LatLonGrid
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import CATALOGUE, Statistic
from storage.warm import warm as warm_reader

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
    """An answer as JSON, and on which rung each model stood: model -> rung.

    sound: every store that was asked could be read; where one could not, another machine may answer otherwise.
    """

    body: bytes
    rungs: Rungs
    sound: bool = True


def build_forecast(
    place: Place,
    stores: Sequence[Store],
    options: ForecastOptions,
    now: datetime,
    troubled: Collection[str] = frozenset(),
    pasts: Pasts = NO_PAST,
    sampler: Sampler | None = None,
) -> Answer:
    """The answer of one place, from every run that is open: of each model the newest and the one before it.

    pasts: model -> short stores of earlier runs, for the hours of today that are over. sampler: of this
    place, where one is at hand.

    troubled: models whose newest run cannot be used. Raises NoForecast where no store has anything to say.
    """
    timeline = make_timeline(place, options, now) if not options.wanted.isdisjoint(BLOCK_FIELDS) else None
    mix = Mix(timeline.slots, place.lat, place.lon) if timeline else None
    sampler = sampler or Sampler(place, options.nearest)
    sources = read_sources(place, stores, options, now, mix, pasts, sampler)
    if not _is_here(sources, stores):
        raise _nowhere(place, stores, troubled)
    moment = options.at or now
    head = {
        "latitude": round(place.lat, 4),
        "longitude": round(place.lon if place.asked_lon is None else place.asked_lon, 4),
        "timezone": place.timezone,
        "offset": days.offset_at(place.timezone, int(moment.timestamp() // 1)) / 3600,
    }
    parts: list[Piece] = [orjson.dumps(head)[:-1]]
    height = sampler.elevation([source.model for source in sources.models])
    if height is not None:
        parts.append(b',"elevation":%d' % shown_height(height, options.units))
    rungs: Rungs = {}
    if timeline is not None and mix is not None:
        merged = mix.done()
        if options.at is not None and (merged.who[:, timeline.told] == NOBODY).all():
            raise _nothing_retained(place, options.at, sources, pasts)
        if options.at is None and not mix.lately:
            raise _nothing_left(place, sources, now)
        rungs = rungs_of(sources, options, troubled, now)
        trail = trail_of(place, sources, mix, merged) if options.provenance else None
        slots = timeline.slots
        derive(merged.matrix, slots.starts, slots.ends, slots.full, "fire_index" not in slots.untold)
        parts += Body(merged.matrix, timeline, place, options, trail).written()
    if options.wants("flags"):
        parts += (b',"flags":', orjson.dumps(make_flags(sources, rungs, options, place)))
    parts.append(b"}")
    return Answer(b"".join(parts), rungs, sources.sound)


def _is_here(sources: Sources, stores: Sequence[Store]) -> bool:
    """Whether a forecast covers the place, or only what goes with one, as nothing else is served at all."""
    if not all([source.beside for source in sources.models]):
        return True
    return bool(sources.models) and all(is_beside(store.schema) for store in stores)


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


def _nothing_retained(place: Place, moment: datetime, sources: Sources, pasts: Pasts) -> NoForecast:
    """Of the day that is asked for nothing is here; what is, for each model that covers the place."""
    told = f"nothing is known of {place.lat:g},{place.lon:g} around {moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
    kept = []
    for source in sources.models:
        schema = source.newest.schema
        past = pasts.get(source.model)
        since = (past.since if past else None) or schema.init_time
        kept.append(f"{source.model} from {since:%Y-%m-%dT%H:%MZ} to {schema.valid_times[-1]:%Y-%m-%dT%H:%MZ}")
    return NoForecast(f"{told}; what there is: {', '.join(kept)}")


def warm() -> None:
    """Load or compile every kernel, and load the time zones, so that no request waits: one answer over flat fields, of
    two models that end one after the other, and of an earlier run."""
    warm_reader()
    stores = [_flat("warm", (0, 180)), _flat("warmer", (0, 180, 360)), _flat("warm", (0, 180, 360), -2)]
    options = ForecastOptions(version=2, include=frozenset({DAY_NIGHT}))
    build_forecast(Place(0.0, 0.0, timezone_at(0.0, 0.0)), stores, options, stores[0].schema.init_time)


def _flat(model: str, leads: tuple[int, ...], hours: int = 0) -> _Flat:
    schema = StoreSchema(
        model=model,
        init_time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours),
        lead_times=leads,
        variables=tuple(
            StoredVariable(
                row,
                row.precision,
                0.0,
                tuple(0 if row.statistic is Statistic.INSTANT else min(lead, 180) for lead in leads),
            )
            for row in CATALOGUE.values()
        ),
        grid=LatLonGrid(90.0, -90.0, 3, 0.0, 90.0, 4),
        freshness=Freshness(0, 0, 180),
        attribution="",
        licence="",
    )
    return _Flat(schema, np.ones((len(schema.variables), len(leads)), dtype=np.float32))


@dataclass(frozen=True)
class _Flat:
    """A store that says one thing everywhere."""

    schema: StoreSchema
    values: NDArray[np.float32]

    def mixed(self, around: Around) -> NDArray[np.float32]:
        return self.values
