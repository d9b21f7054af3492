"""Where the CPU time of an ingest goes: clocks around its steps and around the functions of its stages.

Steps are timed by the crew that runs them. Functions are timed where they are called: for as long as it is measured,
a name of a module stands for the same function between two readings of its thread's CPU clock. Nothing of it is in
the product.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from time import monotonic, thread_time
from typing import Any, NamedTuple, TypeVar

from deployments.bench.measure import cpu_so_far
from flows.crew import Advance, Piece, PlainCrew

T = TypeVar("T")


class Clocked(NamedTuple):
    """A function that belongs to a stage: `owner` is the module, or `module:class`, whose name callers go through."""

    stage: str
    owner: str
    name: str


class Clocks:
    """CPU seconds of each stage over all threads. What a stage calls of another one counts there alone."""

    def __init__(self) -> None:
        self._threads: list[dict[str, float]] = []
        self._mine = threading.local()

    def timed(self, stage: str, function: Callable[..., T]) -> Callable[..., T]:
        """The same function, its time added up."""

        @wraps(function)
        def call(*arguments: Any, **options: Any) -> T:
            totals, inner = self._of_thread()
            inner.append(0.0)
            begun = thread_time()
            try:
                return function(*arguments, **options)
            finally:
                spent = thread_time() - begun
                totals[stage] += spent - inner.pop()
                if inner:
                    inner[-1] += spent

        return call

    def _of_thread(self) -> tuple[dict[str, float], list[float]]:
        if not hasattr(self._mine, "totals"):
            self._mine.totals, self._mine.inner = defaultdict(float), []
            self._threads.append(self._mine.totals)
        return self._mine.totals, self._mine.inner

    @contextmanager
    def around(self, functions: Sequence[Clocked]) -> Iterator[None]:
        """Time these functions in the block. Raises AttributeError for a name that is not there."""
        before = []
        try:
            for stage, owner, name in functions:
                holder = _holder(owner)
                function = getattr(holder, name)
                before.append((holder, name, function))
                setattr(holder, name, self.timed(stage, function))
            yield
        finally:
            for holder, name, function in reversed(before):
                setattr(holder, name, function)

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> CPU seconds so far."""
        found: dict[str, float] = defaultdict(float)
        for totals in self._threads:
            for stage, spent in totals.items():
                found[stage] += spent
        return dict(found)


def _holder(owner: str) -> Any:
    module, _, name = owner.partition(":")
    return getattr(import_module(module), name) if name else import_module(module)


class Spent(NamedTuple):
    """CPU seconds of this process and its children, and seconds on the wall."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class TimedCrew(PlainCrew):
    """Does the work of an ingest in this process and keeps what each step took, in the order they ended.

    `clocked`: step -> functions that are timed while it lasts.
    """

    tell: Callable[[str], None] = lambda text: None
    clocked: Mapping[str, Sequence[Clocked]] = field(default_factory=dict)
    clocks: Clocks = field(default_factory=Clocks)
    steps: dict[str, Spent] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    def step(self, name: str, work: Callable[[Advance], T]) -> T:
        with self._timing(name):
            return super().step(name, work)

    def spread(self, title: str, pieces: Sequence[Piece[T]]) -> list[T]:
        with self._timing(title):
            return super().spread(title, pieces)

    @contextmanager
    def _timing(self, name: str) -> Iterator[None]:
        cpu, wall = cpu_so_far(), monotonic()
        with self.clocks.around(self.clocked.get(name, ())):
            yield
        self.ended[name] = monotonic()
        self.steps[name] = Spent(cpu_so_far() - cpu, self.ended[name] - wall)
