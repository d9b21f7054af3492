"""The entity tag of an answer, without reading anything: whatever it depends on, and nothing else.

An answer follows from the question, its moment, and the runs of the models that may tell something there. They are
named by what they hold, so every machine of a fleet gives the same tag to the same answer, and a run that is exchanged
elsewhere on Earth changes none here.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from isal.isal_zlib import crc32

from serving.compress import IDENTITY
from serving.flags import product_version
from serving.history import RunOfRuns
from serving.lifetime import MINUTE, Moment, moment_of
from serving.options import ForecastOptions
from serving.sampling import Sampler
from serving.stores import Snapshot
from storage.freshness import end_of
from storage.grids import Grid
from storage.reader import Store

# RFC 9110, 8.8.3; a client's tags are compared weakly (13.1.2).
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_BYTES = 12


@dataclass(frozen=True)
class Standing:
    """A model's part in the tags. identity: of all that is open of it.

    turns: when its runs turn late, stale or end; stale, due: when its newest run is stale, when the next one should be
    here. Unix seconds; limits are passed with the whole minute after them.
    """

    grid: Grid
    identity: bytes
    turns: tuple[int, ...]
    stale: int
    due: int


class Validity(NamedTuple):
    """What is known of an answer before it is made.

    instant: when it is told; until: how long caches may keep it: until its moment ends, or until the next run should be
    here. Unix seconds.
    """

    moment: Moment
    tag: str
    instant: int
    until: int


class Tags:
    """The tags of all answers from one generation of stores."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._past = [(past, past.here) for past in snapshot.pasts.values()]
        runs: dict[str, list[Store]] = {}
        for store in snapshot.runs:
            runs.setdefault(store.schema.model, []).append(store)
        self._standings = {model: standing_of(each, snapshot.pasts.get(model)) for model, each in runs.items()}
        grounds = [static for _, static in sorted(snapshot.grounds.models.items())]
        if snapshot.grounds.terrain is not None:
            grounds.append(snapshot.grounds.terrain)
        ground = [content_of(static.store) for static in grounds]
        self._common = _digest(product_version(), *sorted(snapshot.troubled), *ground)

    def hold(self, snapshot: Snapshot) -> bool:
        """Whether these are the snapshot's tags, also since a part of the past turned out to be damaged."""
        return snapshot is self.snapshot and all([past.here is here for past, here in self._past])

    def of(self, sampler: Sampler, options: ForecastOptions, now: datetime) -> Validity:
        """The tag of the answer that would be made now of the sampler's place."""
        place = sampler.place
        asked = [self._standings[model] for model in self.snapshot.runs.roster(options).models]
        there = [(each, sampler.find(each.grid) is not None) for each in asked]
        moment = moment_of(place, options, now, _turns(there))
        told = blake2b(self._common, digest_size=_BYTES)
        told.update(repr((place.lat, place.lon, place.timezone, place.asked_lon, moment.start)).encode())
        told.update(_identity_of(options))
        until, instant = moment.end, int(now.timestamp())
        for each, covers in there:
            if covers:
                told.update(each.identity)
                # One that is overdue may come at any time.
                until = min(until, each.due if each.due > instant else instant + MINUTE)
            elif each.stale <= moment.start:
                told.update(b"stale" + each.identity)
        return Validity(moment, urlsafe_b64encode(told.digest()).decode(), instant, until)


def _turns(there: list[tuple[Standing, bool]]) -> Iterator[int]:
    for each, covers in there:
        # A model that tells nothing here is named where it is stale, too.
        yield from each.turns if covers else (each.stale,)


def standing_of(runs: list[Store], past: RunOfRuns | None) -> Standing:
    """The part of a model of which these runs are open, the newest first."""
    shorts = past.here if past is not None else ()
    schema = runs[0].schema
    init_time, freshness = int(schema.init_time.timestamp()), schema.freshness
    turns = []
    for run in runs:
        ends = end_of(run.schema)
        limits = [run.schema.freshness.late_after, run.schema.freshness.stale_after, *([] if ends is None else [ends])]
        turns += [int(run.schema.init_time.timestamp()) + MINUTE * (limit + 1) for limit in limits]
    return Standing(
        grid=schema.grid,
        identity=_digest(schema.model, *map(content_of, runs), *(f"{short.key} {short.sha256}" for short in shorts)),
        turns=tuple(sorted(set(turns))),
        stale=init_time + MINUTE * (freshness.stale_after + 1),
        due=init_time + MINUTE * freshness.due_after,
    )


def content_of(store: Store) -> str:
    """What tells a store from every other one, wherever it lies: its name, its run, the checksums of all it holds."""
    sums = np.ascontiguousarray(store.directory.table[:, 2])
    return f"{store.path.name} {store.schema.init_time.isoformat()} {len(sums)} {crc32(sums):08x}"


def _digest(*parts: str) -> bytes:
    return blake2b("\n".join(parts).encode(), digest_size=_BYTES).digest()


@lru_cache(maxsize=512)
def _identity_of(options: ForecastOptions) -> bytes:
    """Every option, whatever its type; a set in order."""
    values = [getattr(options, field.name) for field in fields(options)]
    return repr([sorted(value) if isinstance(value, frozenset) else value for value in values]).encode()


def entity_tag(tag: str, coding: str) -> str:
    """The strong tag of the answer in a coding: what differs in a byte has another one (RFC 9110, 8.8.3.3)."""
    return f'"{tag}"' if coding == IDENTITY else f'"{tag}-{coding}"'


def coding_held(if_none_match: str, tag: str, codings: tuple[str, ...]) -> str | None:
    """In which of the codings that it takes a client holds this answer; None where it holds none."""
    if tag not in if_none_match:
        return None
    held = set(_TAG.findall(if_none_match))
    return next((coding for coding in codings if entity_tag(tag, coding)[1:-1] in held), None)
