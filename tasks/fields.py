"""Decoded messages as bands of rows: the seam behind which decoders live.

A run of 209 leads is 26 GB as float32, so nobody ever holds fields: a decoder hands over the same few rows of many
messages at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid
from tasks.wanted import StagedMessage

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What is known of a field as a whole, in the message's own units.

    `low`, `high`: its extremes within the window, NaN where all is missing. `step`: no value is further than this
    from what was packed, and the packing itself is no finer.
    """

    low: float
    high: float
    step: float


class Band(Protocol):
    """The same rows of all messages."""

    def values(self, messages: range) -> NDArray[np.float32]:
        """[message, rows, x] of some consecutive messages, in their own units, NaN = missing. From any thread."""


class Fields(Protocol):
    """Decoded messages, numbered as they were given. Columns run eastward; rows as the message scans them.

    `grid`: what is left of the messages' common grid.
    """

    grid: Grid
    facts: tuple[FieldFacts, ...]

    def band(self, rows: range) -> Band:
        """SHARD rows from a multiple of SHARD on, fewer at the end of the grid; bands may be asked for again."""

    def close(self) -> None:
        """Give up what the fields hold."""


class Decoder(Protocol):
    """The seam."""

    def open(self, messages: Sequence[StagedMessage], advance: Advance) -> Fields:
        """Decode as much as must be known before the first band; `advance` counts messages.

        Raises DecodeError naming the message, DiskFull.
        """
