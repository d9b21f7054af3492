"""What worlds share, one after the other: three mirrors and whom people are told through, all real servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.chaos.sink import Sink, open_sink
from deployments.chaos.upstream import Upstream
from deployments.simulator.server import Fault, Server, serve
from tasks.clock import Clock
from tasks.wanted import Mirror

MIRRORS = ("first", "second", "third")


@dataclass(frozen=True)
class Site:
    """The mirrors serve `upstream`, or a spoilt copy of it."""

    upstream: Upstream
    servers: tuple[Server, ...]
    sink: Sink

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        return tuple(Mirror(name, server.url) for name, server in zip(MIRRORS, self.servers, strict=True))

    def begin(self, clock: Clock) -> None:
        """Forget the last world: whole files, which land on this clock, and nobody was told anything."""
        for number in range(len(MIRRORS)):
            self.servers[number].appears = self.upstream.appears(clock)
            self.servers[number].asked.clear()
            self.serve(number, self.upstream.folder, ())
        self.sink.heard.clear()
        self.sink.refusing = False

    def serve(self, number: int, folder: Path, faults: Sequence[Fault]) -> None:
        """What a mirror has, and what is wrong with it, from now on."""
        self.servers[number].folder, self.servers[number].faults = folder, tuple(faults)


@contextmanager
def open_site(upstream: Upstream) -> Iterator[Site]:
    with ExitStack() as stack:
        servers = tuple(stack.enter_context(serve(upstream.folder)) for _ in MIRRORS)
        yield Site(upstream, servers, stack.enter_context(open_sink()))
