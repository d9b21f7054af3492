"""kill -9 at a chosen point of an ingest or a sync, in a child that does nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from flows.crew import Advance, Piece, PlainCrew
from storage.bucket import Progress

T = TypeVar("T")


class Point(StrEnum):
    """Where: amid fetching, writing or uploading; or when the manifest is swapped and nobody knows of it yet."""

    FETCH = "fetch"
    WRITE = "write"
    PUBLISH = "publish"
    PUBLISHED = "published"
    SYNC = "sync"


LIFE_SECONDS = 120


def die(*ignored: object) -> None:
    """End this process as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(work: Callable[[], object]) -> bool:
    """Do it in a child; whether the child was killed."""
    child = os.fork()
    if not child:
        # A lock that another thread held when it was forked is held for ever.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIFE_SECONDS)
        try:
            work()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@contextmanager
def deadly_bar(title: str) -> Iterator[Progress]:
    """A sync's bar that kills it when bytes have come."""
    yield die


@dataclass(frozen=True)
class Hands(PlainCrew):
    """A crew to whom things happen: `moments` when a step begins; death at `point`."""

    moments: Mapping[str, Sequence[Callable[[], None]]] = field(default_factory=dict)
    point: Point | None = None

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        self._begin(name)
        done = super().step(name, (lambda advance: work(die)) if name == self.point else work)
        if name == self.point or (name, self.point) == ("publish", Point.PUBLISHED):
            die()
        return done

    def spread(self, title: str, pieces: Sequence[Piece[T]]) -> list[T]:
        self._begin(title)
        if title == self.point:
            pieces = [Piece(piece.name, piece.size, _deadly(piece)) for piece in pieces]
        return super().spread(title, pieces)

    def _begin(self, name: str) -> None:
        for moment in self.moments.get(name, ()):
            moment()


def _deadly(piece: Piece[T]) -> Callable[[Advance], T]:
    def work(advance: Advance) -> T:
        def amid(done: int, total: int) -> None:
            if done:
                die()

        return piece.work(amid)

    return work
