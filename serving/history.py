"""A model's past: the short stores of its earlier runs, read one behind the other as if they were one.

Nothing is joined on disk. Which of them tell some hours follows from the manifest; a store is opened when an answer
first needs it, at most OPEN at a time in a process. One that is damaged is set aside, and its hours are a gap.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from threading import Lock

from storage.errors import CorruptStore, StorageError
from storage.manifest import ShortStore
from storage.reader import Store

log = logging.getLogger(__name__)

OPEN = 32
"""About 1.3 MB each for GFS: its directory, and as many shard indexes as SHARDS."""
SHARDS = 256


@dataclass(frozen=True)
class Span:
    """From when to when a run tells something: `start` is its beginning."""

    start: datetime
    end: datetime


class OpenShorts:
    """The short stores of all models that are open, those that were used last."""

    def __init__(self, limit: int = OPEN) -> None:
        self._limit = limit
        self._open: OrderedDict[tuple[Path, str], Store] = OrderedDict()
        self._guard = Lock()

    def get(self, path: Path, short: ShortStore) -> Store:
        """The open store of a file; raises StorageError, ValueError, OSError where it is not what it should be."""
        key = path, short.sha256
        with self._guard:
            if (store := self._open.get(key)) is not None:
                self._open.move_to_end(key)
                return store
        store = Store.open(path, shards=SHARDS)
        model = short.key.split("/")[0]
        if (store.schema.model, store.schema.init_time) != (model, short.init_time):
            raise CorruptStore(f"{path} holds {store.schema.model} {store.schema.init_time:%Y-%m-%dT%H:%MZ}")
        with self._guard:
            self._open[key] = store
            while len(self._open) > self._limit:
                self._open.popitem(last=False)
        return store

    def forget(self, path: Path) -> None:
        """Close what is open of a file."""
        with self._guard:
            for key in [key for key in self._open if key[0] == path]:
                del self._open[key]

    def __len__(self) -> int:
        return len(self._open)


class RunOfRuns:
    """The short stores of one model that are here, newest first, and the gaps between its runs.

    `named`: what the manifest says there is; `whole`: the runs whose stores are open anyway.
    """

    def __init__(self, folder: Path, named: Sequence[ShortStore], whole: Sequence[Span], opened: OpenShorts) -> None:
        self._folder = folder
        self._named = tuple(named)
        self._whole = tuple(whole)
        self._opened = opened
        open_anyway = {span.start for span in whole}
        self.here = tuple(
            short for short in named if short.init_time not in open_anyway and _is_here(folder / short.key, short)
        )
        self.gaps = self._gaps()

    @property
    def since(self) -> datetime | None:
        """Where the past begins here."""
        return min((short.init_time for short in self.here), default=None)

    @property
    def lacking(self) -> tuple[ShortStore, ...]:
        """What is named and cannot be read here: damaged, or not brought yet."""
        there = {short.key for short in self.here}
        whole = {span.start for span in self._whole}
        return tuple(short for short in self._named if short.key not in there and short.init_time not in whole)

    def within(self, first: int, last: int) -> Iterator[ShortStore]:
        """Those that tell something of an instant from `first` to `last` (Unix seconds), newest first."""
        for short in self.here:
            if short.init_time.timestamp() <= last and short.end.timestamp() >= first:
                yield short

    def open(self, short: ShortStore) -> Store | None:
        """Its open store; None where it turns out to be damaged."""
        path = self._folder / short.key
        try:
            return self._opened.get(path, short)
        except (StorageError, ValueError, OSError) as error:
            self.set_aside(short, error)
            return None

    def set_aside(self, short: ShortStore, error: Exception) -> None:
        """Read a store no more, until its file or the manifest is another one; tell why, once."""
        if short not in self.here:
            return
        self.here = tuple(each for each in self.here if each != short)
        self.gaps = self._gaps()
        self._opened.forget(self._folder / short.key)
        log.error("%s: its hours are a gap, delete it and sync again: %s", short.key, error)

    def gaps_within(self, first: int, last: int) -> list[Span]:
        """The gaps that hold an instant from `first` to `last`, oldest first."""
        return [gap for gap in self.gaps if gap.start.timestamp() <= last and gap.end.timestamp() > first]

    def _gaps(self) -> tuple[Span, ...]:
        """Where one run or more is missing: from the end of the last one that is there to the start of the next.

        Runs that are an instant only (analyses) follow each other as closely as any two do.
        """
        spans = sorted(
            {*self._whole, *(Span(short.init_time, short.end) for short in self.here)}, key=lambda span: span.start
        )
        starts = sorted({span.start for span in spans} | {short.init_time for short in self._named})
        if len(starts) < 2:
            return ()
        apart = min(later - earlier for earlier, later in pairwise(starts))
        gaps = []
        end = None
        for span in spans:
            if end is not None and span.start > end:
                gaps.append(Span(end, span.start))
            until = max(span.end, span.start + apart)
            end = until if end is None else max(end, until)
        return tuple(gaps)


def _is_here(path: Path, short: ShortStore) -> bool:
    try:
        return path.stat().st_size == short.size
    except OSError:
        return False


def instants(spans: Collection[Span]) -> list[str]:
    """`2026-04-20T06:00Z/2026-04-20T12:00Z`, as ISO 8601 writes a span."""
    return [f"{span.start:%Y-%m-%dT%H:%MZ}/{span.end:%Y-%m-%dT%H:%MZ}" for span in spans]
