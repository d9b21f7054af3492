"""Who is asked: the runs that are open, by model, grouped once for all answers that want the same of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from serving import preference
from serving.options import ForecastOptions
from serving.plan import Plan, plan_of
from serving.preference import Turn
from storage.grids import Around
from storage.manifest import ShortStore
from storage.schema import StoreSchema

_MOST = 256


class Store(Protocol):
    """What an answer needs of an open store."""

    @property
    def schema(self) -> StoreSchema: ...

    def mixed(self, around: Around) -> NDArray[np.float32]: ...


class Candidate(NamedTuple):
    """A run that may tell something; `short`: which short store it is read from, None where that is the whole one."""

    store: Store
    plan: Plan
    short: ShortStore | None = None


Runs = Sequence[Candidate]
"""The runs of one model, newest first."""


def is_excluded(model: str, options: ForecastOptions) -> bool:
    """Whether the client does not want this model, by any of its names."""
    return bool(options.exclude) and not options.exclude.isdisjoint(preference.names_of(model))


def is_asked(schema: StoreSchema, options: ForecastOptions) -> bool:
    """Whether the client wants what this store tells of the weather.

    One of an AI model is left out unless such are asked for.
    """
    meant = not schema.is_ai or options.ai
    return meant and not is_excluded(schema.model, options)


class Roster:
    """The models that are asked. runs: model -> its runs, newest first; models: their names, in order on every machine,
    whichever was here first."""

    def __init__(self, stores: Iterable[Store]) -> None:
        runs: dict[str, list[Candidate]] = {}
        for store in sorted(stores, key=lambda store: store.schema.init_time, reverse=True):
            runs.setdefault(store.schema.model, []).append(Candidate(store, plan_of(store.schema)))
        self.runs: dict[str, Runs] = {model: tuple(each) for model, each in runs.items()}
        self.models = tuple(sorted(runs))
        self._first_stale = min((each[0].store.schema.stale_at for each in self.runs.values()), default=math.inf)
        self._turns: dict[tuple[str, frozenset[str]], tuple[Turn, ...]] = {}

    def stale(self, instant: int) -> list[Runs]:
        """The models whose newest run is stale at an instant (Unix seconds), the newest first.

        They are passed over. Where the others tell nothing at all, or there are none, they are asked all the same: an
        old forecast that says so is worth more than none.
        """
        if instant < self._first_stale:
            return []
        stale = [runs for runs in self.runs.values() if runs[0].store.schema.stale_at <= instant]
        return sorted(stale, key=lambda runs: runs[0].store.schema.init_time, reverse=True)

    def turns(self, region: str, stale: Sequence[Runs]) -> tuple[Turn, ...]:
        """Whose turn it is to fill what in a region, but those who are stale."""
        key = region, frozenset([runs[0].plan.model for runs in stale])
        turns = self._turns.get(key)
        if turns is None:
            fresh = [runs[0].store.schema for model, runs in self.runs.items() if model not in key[1]]
            turns = self._turns[key] = preference.turns_of(region, frozenset(map(preference.asked_of, fresh)))
        return turns


S = TypeVar("S", bound=Store)


class OpenRuns(tuple[S, ...]):
    """The runs of one generation, which remember who is asked: most clients want the same."""

    def __init__(self, runs: Iterable[S] = ()) -> None:
        # By what a client excludes, and whether it asks AI models.
        self._known: dict[tuple[frozenset[str], bool], Roster] = {}

    def roster(self, options: ForecastOptions) -> Roster:
        """Who is asked for a client."""
        key = options.exclude, options.ai
        roster = self._known.get(key)
        if roster is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            roster = self._known[key] = Roster(store for store in self if is_asked(store.schema, options))
        return roster


def roster_of(stores: Sequence[Store], options: ForecastOptions) -> Roster:
    """Who is asked for a client, of any stores."""
    if isinstance(stores, OpenRuns):
        return stores.roster(options)
    return Roster(store for store in stores if is_asked(store.schema, options))
