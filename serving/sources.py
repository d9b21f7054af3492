"""The models at a place: who is asked, down to which rung, and what became of each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from serving import preference
from serving.history import RunOfRuns, Span
from serving.merge import Mix, Reading
from serving.options import ForecastOptions
from serving.places import Place
from serving.plan import Plan, plan_of
from serving.preference import Part, Turn
from serving.roster import Candidate, Runs, Store, roster_of
from serving.sampling import Sampler
from storage.errors import CorruptStore
from storage.grids import Around, Cell
from storage.schema import ANALYSIS, StoreSchema

log = logging.getLogger(__name__)

_HOUR = 3600
_NEVER = 2**62


class Run(NamedTuple):
    """A run that was read at the place; `short`: from its short store."""

    store: Store
    around: Around
    reading: Reading
    short: bool

    @property
    def cell(self) -> Cell:
        """The nearest one."""
        return self.around.four.cells[0]

    @property
    def number(self) -> int:
        """Of its reading."""
        return self.reading.number


@dataclass(slots=True)
class Source:
    """One model at the place: the runs of it that were read, best first, and what is wrong with it.

    damaged: those that are here; lacked: how many numbers the newest should have told and did not; missing: how many
    of each part none of its runs did; overtaken: whether another model told some of those; gaps: when runs are missing
    in the past that is asked for. beside: it tells what goes with a forecast, and is none: an analysis, statistics.
    """

    model: str
    newest: Store
    beside: bool
    runs: list[Run] = field(default_factory=list)
    damaged: list[Store] = field(default_factory=list)
    lacked: int = 0
    missing: dict[Part, int] = field(default_factory=dict)
    overtaken: bool = False
    gaps: list[Span] = field(default_factory=list)

    @property
    def unreadable(self) -> bool:
        """Whether its newest run is damaged here."""
        return bool(self.damaged) and any(store is self.newest for store in self.damaged)

    def run_of(self, store: Store) -> Run | None:
        """What was read of a store."""
        for run in self.runs:
            if run.store is store:
                return run
        return None


class Sources(NamedTuple):
    """The models that cover the place and were asked, best first; those that are too old, by their newest runs."""

    models: list[Source]
    stale: dict[str, Store]

    @property
    def sound(self) -> bool:
        """Whether every store that was asked could be read."""
        return not any([source.damaged for source in self.models])


Pasts = Mapping[str, RunOfRuns]
"""Model -> the short stores of its earlier runs."""
NO_PAST: Pasts = {}


class Ask(NamedTuple):
    """What is asked of the models at a place. hour: start of the running one, s: hours that are over may belong to
    earlier runs, whatever the newest holds, and are no fallback."""

    sampler: Sampler
    mix: Mix | None
    hour: int
    pasts: Pasts


def read_sources(
    place: Place,
    stores: Sequence[Store],
    options: ForecastOptions,
    now: datetime,
    mix: Mix | None,
    pasts: Pasts = NO_PAST,
    sampler: Sampler | None = None,
) -> Sources:
    """Climb down the ladder: each model's newest run, what it lacks from the runs before it, then the next model.

    What of an answer whose turn it is to fill, serving.preference says. Of the past each hour is told by the run that
    began last before it, as newer ones come first and have not begun. A run that can add nothing is not read; without
    `mix` none is. One that is damaged at the place is passed over, told and logged.
    """
    sampler = sampler or Sampler(place, options.nearest)
    instant = int(now.timestamp())
    ask = Ask(sampler, mix, instant // _HOUR * _HOUR, pasts)
    roster = roster_of(stores, options)
    stale = roster.stale(instant)
    found: dict[str, Source] = {}
    region = preference.region_at(place.lat, place.lon).name
    for turn in roster.turns(region, stale):
        _take_turn(turn, roster.runs[turn.model], ask, instant, found)
    newest = [runs[0].store for runs in stale]
    too_old = {store.schema.model: store for store in newest if sampler.find(store.schema.grid) is not None}
    if too_old and not (mix.lately if mix else any(not source.beside for source in found.values())):
        for runs in stale:
            schema = runs[0].store.schema
            if ANALYSIS in schema.traits:
                # How it was an hour ago is not how it is.
                if schema.model in too_old:
                    found[schema.model] = Source(schema.model, runs[0].store, beside=True)
                continue
            for turn in preference.turns_of(region, frozenset({preference.asked_of(schema)})):
                _take_turn(turn, runs, ask, None, found)
    sources = [source for source in found.values() if mix is not None or not source.beside]
    if mix is not None:
        for source in sources:
            plan = roster.runs[source.model][0].plan
            source.overtaken = any(
                missing > 0 and _missing(source, plan, mix, part) < missing for part, missing in source.missing.items()
            )
    return Sources(sources, too_old)


def _take_turn(turn: Turn, runs: Runs, ask: Ask, limit: int | None, found: dict[str, Source]) -> None:
    """Let one model fill a part; into `found` goes what it is where any of its runs covers the place.

    limit: a run that is stale then (Unix seconds) is passed over; None: no run is.
    """
    newest, mix, part = runs[0].store, ask.mix, turn.part
    past = ask.pasts.get(turn.model)
    source = found.get(turn.model)
    others = False
    for candidate in runs if past is None or mix is None else _with_past(runs, past, mix, part):
        store, plan, short = candidate
        if source is None:
            if ask.sampler.find(store.schema.grid) is None:
                continue
            source = found[turn.model] = Source(turn.model, newest, is_beside(newest.schema))
        if mix is None or not mix.needs(plan, part):
            continue
        # The past does not age.
        if short is None and store is not newest and limit is not None and store.schema.stale_at <= limit:
            continue
        reading = _read(source, candidate, ask)
        if reading is None:
            continue
        missing = mix.take(reading, part, counts=store is newest)
        if store is newest:
            source.missing[part] = missing
            source.lacked += missing
        else:
            others = True
    if mix is not None and source is not None:
        if past is not None and past.gaps:
            source.gaps = past.gaps_within(mix.begin, ask.hour)
        if others:
            source.missing[part] = _missing(source, runs[0].plan, mix, part)


def _read(source: Source, candidate: Candidate, ask: Ask) -> Reading | None:
    """A run at the place, read now or before; None where it tells nothing."""
    store, plan, short = candidate
    if run := source.run_of(store):
        return run.reading
    if any(store is each for each in source.damaged):
        return None
    around = ask.sampler.find(store.schema.grid)
    if around is None:
        return None
    try:
        values = ask.sampler.read(store, around)
    except CorruptStore as error:
        past = ask.pasts.get(source.model)
        if past is not None and short is not None:
            past.set_aside(short, error)
        else:
            log.error("%s: %s", store.schema.model, error)
            source.damaged.append(store)
        return None
    reading = Reading(plan, values, _NEVER if source.beside else ask.hour)
    source.runs.append(Run(store, around, reading, short is not None))
    return reading


def is_beside(schema: StoreSchema) -> bool:
    """Whether it tells only what goes with a forecast: an analysis, statistics of an ensemble."""
    return ANALYSIS in schema.traits or not preference.is_plain(schema.model)


def _missing(source: Source, plan: Plan, mix: Mix, part: Part) -> int:
    """How many numbers of a part the model's newest run, of this plan, should have told that nobody has told yet."""
    run = source.run_of(source.newest)
    return mix.missing(plan, part, run.reading if run else None)


def _with_past(runs: Runs, past: RunOfRuns, mix: Mix, part: Part) -> Iterator[Candidate]:
    """The runs of a model and the short stores of earlier ones, newest first.

    Short stores are opened where something is missing that they may tell; damaged ones are passed over.
    """
    shorts = list(past.within(mix.begin, mix.last))
    if not shorts:
        yield from runs
        return
    should = runs[0].plan
    by_time = [(candidate.store.schema.init_time, number, -1) for number, candidate in enumerate(runs)]
    by_time += [(short.init_time, -1, number) for number, short in enumerate(shorts)]
    for _, run, number in sorted(by_time, reverse=True):
        if run >= 0:
            yield runs[run]
            continue
        short = shorts[number]
        first, last = int(short.init_time.timestamp()), int(short.end.timestamp())
        if mix.needs_between(should, part, first, last) and (opened := past.open(short)):
            yield Candidate(opened, plan_of(opened.schema), short)
