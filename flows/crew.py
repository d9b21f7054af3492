"""Crew: who does the work of an ingest and who is told. One recipe, several crews: plain, Prefect, command line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Protocol, TypeVar

from flows.report import IngestReport, MapOf

T = TypeVar("T")
Advance = Callable[[int, int], None]

GROUPS_AT_ONCE = 2
"""Lead groups fetched side by side. Each holds its own bounded number of requests."""


@dataclass(frozen=True)
class Piece(Generic[T]):
    """A part of a larger work that may be done beside its siblings: `size` counts towards the progress bar."""

    name: str
    size: int
    work: Callable[[Advance], T]


class Crew(Protocol):
    """What `ingest` needs of whoever runs it."""

    def name(self, run: str) -> None:
        """The run is known by now: `gfs 2026-04-20T00Z`."""

    def say(self, text: str) -> None:
        """One line for people."""

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        """Do one piece of work that nothing runs beside."""

    def spread(self, title: str, pieces: Sequence[Piece[T]]) -> list[T]:
        """Do the pieces, some at once; results in order. The first error ends it; pieces not yet begun never run."""

    def show(self, report: IngestReport, picture: MapOf | None) -> None:
        """Keep the report, and a map of the store where there is one, for people to look at."""


@dataclass(frozen=True)
class PlainCrew:
    """Plain calls in this process. `tell` gets each line; `bar(title)` opens a progress bar and yields its advance."""

    tell: Callable[[str], None] = logging.getLogger("windlass").info
    bar: Callable[[str], AbstractContextManager[Advance]] = lambda title: nullcontext(ignore)

    def name(self, run: str) -> None:
        self.tell(run)

    def say(self, text: str) -> None:
        self.tell(text)

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        with self.bar(name) as advance:
            return work(advance)

    def spread(self, title: str, pieces: Sequence[Piece[T]]) -> list[T]:
        with self.bar(title) as advance, ThreadPoolExecutor(GROUPS_AT_ONCE) as pool:
            tally = Tally(sum(piece.size for piece in pieces), advance)
            futures = [pool.submit(piece.work, tally.part()) for piece in pieces]
            try:
                return [future.result() for future in futures]
            except BaseException as error:
                if not isinstance(error, Exception):
                    # Ctrl-C does not wait for a mirror that stalls.
                    tally.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def show(self, report: IngestReport, picture: MapOf | None) -> None:
        return None


class Stopped(Exception):
    """The work that a piece belongs to was given up."""


class Tally:
    """Adds the progress of parallel pieces up to one bar, and ends them where they tell it."""

    def __init__(self, total: int, advance: Advance) -> None:
        self._total, self._advance = total, advance
        self._done = 0
        self._lock = Lock()
        self._stopped = False

    def stop(self) -> None:
        """From now on `advance` raises Stopped."""
        self._stopped = True

    def part(self) -> Advance:
        """The advance(done, total) of one more piece."""
        last = 0

        def advance(done: int, total: int) -> None:
            nonlocal last
            if self._stopped:
                raise Stopped
            with self._lock:
                self._done += done - last
                last = done
                self._advance(self._done, self._total)

        return advance


def ignore(done: int, total: int) -> None:
    """An advance that shows nothing."""
