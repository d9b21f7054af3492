"""What a client asks for."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from serving.units import System

BLOCKS = frozenset({"currently", "minutely", "hourly", "day_night", "daily", "alerts", "flags"})
"""The blocks of the contract, served or not."""
NOT_OF_THE_PAST = frozenset({"minutely", "day_night", "alerts"})
"""Blocks that the Time Machine never tells."""
DAY_NIGHT, AI_MODELS = "day_night_forecast", "aimodels"
"""What `include` may hold that changes an answer."""
MINUTES, HOURS, EXTENDED_HOURS, DAYS, HALVES = 61, 48, 168, 8, 16
"""How many entries `minutely`, `hourly`, `hourly` with `extend`, `daily` and `day_night` have in a forecast."""


class Missing(StrEnum):
    """What stands for a value that is not known."""

    ABSENT = "absent"
    NULL = "null"
    NUMBER = "-999"


class Icons(StrEnum):
    """Which set of icons."""

    DARKSKY = "darksky"
    PIRATE = "pirate"


@dataclass(frozen=True)
class ForecastOptions:
    """What the client asked for; a default is what the contract says of a parameter that is not given.

    exclude: names of blocks, and of sources that shall not be used; include: names of what is left out otherwise;
    blocks: those that are asked for by name, None for all.
    version: of the contract, 1 or 2: fields of 2 are told to who asks for it.
    hourly_indices, daily_indices, day_night_indices: ascending positions in a block, None for all of them.
    extra: names of `extraVars`. provenance: tell who told what. nearest: read the nearest cell as it is, and put
    nothing between cells.
    at: the moment that a Time Machine answer is about, None for a forecast; `days`, `hours`: how long it is, None for
    what the contract says; tmextra: with the fields that such an answer leaves out.
    """

    units: System = System.US
    exclude: frozenset[str] = field(default_factory=frozenset)
    extend_hourly: bool = False
    include: frozenset[str] = field(default_factory=frozenset)
    version: int = 1
    blocks: frozenset[str] | None = None
    hourly_indices: tuple[int, ...] | None = None
    daily_indices: tuple[int, ...] | None = None
    day_night_indices: tuple[int, ...] | None = None
    extra: frozenset[str] = field(default_factory=frozenset)
    icons: Icons = Icons.DARKSKY
    lang: str = "en"
    missing: Missing = Missing.ABSENT
    provenance: bool = False
    nearest: bool = False
    at: datetime | None = None
    days: int | None = None
    hours: int | None = None
    tmextra: bool = False

    @property
    def ai(self) -> bool:
        """Whether models that learned the weather are asked, too, and before the others."""
        return AI_MODELS in self.include

    def entries(self, block: str) -> int:
        """How many entries the data of a block have at most, before indices pick of them."""
        if block == "currently":
            return 1
        if block == "minutely":
            return MINUTES
        if block == "hourly":
            if self.at is not None:
                return self.hours or 24 * (self.days or 1)
            return EXTENDED_HOURS if self.extend_hourly else HOURS
        if block == "day_night":
            return HALVES
        return DAYS if self.at is None else self.days or 1

    @cached_property
    def wanted(self) -> frozenset[str]:
        """The blocks that are told. Days and nights are only where they are included or asked for by name."""
        if self.blocks is not None:
            wanted = self.blocks & BLOCKS
        else:
            wanted = BLOCKS if DAY_NIGHT in self.include else BLOCKS - {"day_night"}
        return wanted - self.exclude - (NOT_OF_THE_PAST if self.at is not None else frozenset())

    def wants(self, block: str) -> bool:
        """Whether a block is told."""
        return block in self.wanted

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Much is remembered by what is asked for, and the same is asked for again and again."""
        return hash(tuple([getattr(self, each.name) for each in fields(self)]))
