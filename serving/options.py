"""What a client asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from serving.units import System

BLOCKS = frozenset({"currently", "hourly", "daily", "flags"})


@dataclass(frozen=True)
class ForecastOptions:
    """What the client asked for. `exclude` holds names of blocks, and of sources that shall not be used."""

    units: System = System.US
    exclude: frozenset[str] = field(default_factory=frozenset)
    extend_hourly: bool = False

    def wants(self, block: str) -> bool:
        return block not in self.exclude
