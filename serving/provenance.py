"""Who told each number of an answer, and why not the model that is preferred for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving import preference
from serving.fields import PRECIPITATION, WEATHER, Field
from serving.merge import NOBODY, Merged, Mix
from serving.places import Place
from serving.plan import plan_of
from serving.preference import When
from serving.quantities import INDEX, QUANTITIES, Group
from serving.roster import Store
from serving.sources import Source, Sources

_HOUR = 3600


class Reason(StrEnum):
    """Why a run told a number; of those who did not, it is about the newest run of the model that comes first."""

    PREFERRED = "preferred"
    NOT_COVERED = "not covered"
    STALE = "stale"
    WITHHELD = "withheld"
    MISSING = "missing"
    BLENDED = "blended"


_REASONS = tuple(Reason)
_CODES = {reason: np.int8(code) for code, reason in enumerate(_REASONS)}

# Of what a column is mainly made: the first of these quantities that is told.
_MADE_OF: dict[str, tuple[str, ...]] = {
    "wind_speed": ("eastward_wind",),
    "wind_bearing": ("eastward_wind",),
    "apparent_temperature": ("temperature",),
    "fire_index": ("humidity",),
    "cape": ("cape", "cape_unstable"),
    "intensity_error": ("amount_spread",),
    **dict.fromkeys(PRECIPITATION, ("amount", "rate")),
}
# What no store tells, or more than one number.
_OTHER = ("time", "icon")
# What comes with another quantity: never from another run than that.
_WITH = {"northward_wind": "eastward_wind", "storm_bearing": "storm_distance"}


@lru_cache(maxsize=128)
def made_of(column: str) -> tuple[str, ...]:
    """The quantities whose tellers a column's are; none where no store tells it. Raises KeyError for one not known."""
    if column in _OTHER:
        return ()
    made = _MADE_OF.get(column, (column,))
    if column in WEATHER and column not in _MADE_OF:
        raise KeyError(f"say in serving.provenance what {column} is made of")
    return tuple(_WITH.get(name, name) for name in made if name in INDEX)


@dataclass(frozen=True)
class Run:
    """A run that told something."""

    model: str
    init_time: datetime

    def to_json(self) -> dict[str, str]:
        """Its source's name and when it began."""
        return {"model": preference.source_name(self.model), "init_time": f"{self.init_time:%Y-%m-%dT%H:%MZ}"}


@dataclass(frozen=True)
class Trail:
    """Of each number who told it and why: runs by the number of their reading, reasons [quantity, slot] of _REASONS."""

    runs: dict[int, Run]
    merged: Merged
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    reasons: NDArray[np.int8]

    def of_block(self, fields: Iterable[Field], first: int, count: int) -> dict[str, list[dict[str, Any]]]:
        """Field -> who told it, one after the other, over slots first..first + count; fields that nobody told are left
        out. What is made of several quantities goes by the main one."""
        told: dict[str, list[dict[str, Any]]] = {}
        known: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for field in fields:
            names = made_of(field.column)
            if names not in known:
                known[names] = self._told(names, first, count)
            if known[names]:
                told[field.name] = known[names]
        return told

    def _told(self, names: tuple[str, ...], first: int, count: int) -> list[dict[str, Any]]:
        if not names or not count:
            return []
        slots = slice(first, first + count)
        rows = [INDEX[name] for name in names]
        who = self.merged.who[rows, slots]
        # The first of the quantities that anyone told.
        chosen = np.argmax(who != NOBODY, axis=0)
        pick = np.arange(count)
        facts = np.stack(
            [each[rows, slots][chosen, pick] for each in (self.merged.who, self.reasons, self.merged.blended)]
        )
        starts, ends = self.starts[slots], self.ends[slots]
        apart = np.any(facts[:, 1:] != facts[:, :-1], axis=0) | (starts[1:] != ends[:-1])
        edges = [0, *(np.flatnonzero(apart) + 1).tolist(), count]
        return [
            self._entry(facts[:, low].tolist(), int(starts[low]), int(starts[high - 1]), int(ends[high - 1]))
            for low, high in pairwise(edges)
            if facts[0, low] != NOBODY
        ]

    def _entry(self, facts: list[int], start: int, last: int, end: int) -> dict[str, Any]:
        number, reason, into = facts
        run = self.runs[number]
        begun = run.init_time.timestamp()
        entry: dict[str, Any] = {
            **run.to_json(),
            "lead_hours": [round((moment - begun) / _HOUR, 2) for moment in (start, last)],
            "from": start,
            "until": end,
            "reason": _REASONS[reason],
        }
        if into != NOBODY:
            entry["into"] = self.runs[into].to_json()
        return entry


def trail_of(place: Place, sources: Sources, mix: Mix, merged: Merged) -> Trail:
    """Who told what, and why: worked out for an answer that asks for it."""
    runs = {
        run.number: Run(source.model, run.store.schema.init_time) for source in sources.models for run in source.runs
    }
    reasons = np.zeros(merged.who.shape, dtype=np.int8)
    read = {source.model: source for source in sources.models}
    newest = {source.model: source.newest for source in sources.models} | sources.stale
    asked = [preference.asked_of(store.schema) for store in newest.values()]
    region = preference.region_at(place.lat, place.lon)
    for when in When:
        slots = np.flatnonzero(mix.slots.when == when)
        for group in Group:
            order = [newest[model] for model in preference.order_of(region, group, when, asked)]
            for q in (INDEX[each.name] for each in QUANTITIES if each.group is group and each.recipes):
                first = next((store for store in order if plan_of(store.schema).expected[q]), None)
                if first is not None:
                    model = first.schema.model
                    stale = model in sources.stale
                    reasons[q, slots] = _why(first, read.get(model), stale, mix, q, slots, merged.who[q, slots])
    kind, amount, rate = INDEX["kind"], INDEX["amount"], INDEX["rate"]
    reasons[kind] = np.where(merged.who[amount] == NOBODY, reasons[rate], reasons[amount])
    for name, other in _WITH.items():
        reasons[INDEX[name]] = reasons[INDEX[other]]
    reasons[merged.blended != NOBODY] = _CODES[Reason.BLENDED]
    return Trail(runs, merged, mix.slots.starts, mix.slots.ends, reasons)


def _why(
    store: Store,
    source: Source | None,
    stale: bool,
    mix: Mix,
    q: int,
    slots: NDArray[np.int64],
    who: NDArray[np.int16],
) -> NDArray[np.int8]:
    """[slot] why the run of `store`, which is the preferred one, told a quantity or did not."""
    run = source.run_of(store) if source else None
    number = NOBODY if run is None else run.number
    told = (who == number) & (who != NOBODY)
    if stale:
        return np.where(told, _CODES[Reason.PREFERRED], _CODES[Reason.STALE])
    plan = plan_of(store.schema)
    starts, ends = mix.slots.starts[slots], mix.slots.ends[slots]
    low, high = (plan.first, plan.last) if run is None else run.reading.reach[q]
    within = (np.abs(starts - plan.last) <= plan.held) if plan.held else (starts >= low) & (ends <= high)
    lacking = Reason.WITHHELD if is_withheld(store, q) else Reason.MISSING
    return np.where(told, _CODES[Reason.PREFERRED], np.where(within, _CODES[lacking], _CODES[Reason.NOT_COVERED]))


def is_withheld(store: Store, q: int) -> bool:
    """Whether any of the variables that fill a quantity was kept out of the store, all of it or some leads."""
    withheld = store.schema.withheld
    return any(name in withheld for recipe in QUANTITIES[q].recipes for name in recipe.names)
