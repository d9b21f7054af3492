"""Decoded messages, a few rows at a time: the seam behind which decoders live.

A run of 209 leads is 26 GB as float32, so nobody ever holds fields: a decoder hands over the same few rows of many
messages at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid

Advance = Callable[[int, int], None]


class Fields(Protocol):
    """Decoded messages, numbered as they were given. Columns run eastward; rows as the message scans them.

    `grid`: what is left of the messages' common grid. `steps`: per message, in its own units, how far a value may be
    from what was packed; the packing itself is no finer.
    """

    grid: Grid
    steps: tuple[float, ...]

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        """Rows of the messages `numbers`, in their own units, NaN = missing, into values[at] [message, rows, x].

        `rows`: within SHARD rows from a multiple of SHARD on. From any thread, but one at a time for a message. Rows
        that follow those asked for last are cheap; going back may decode a message from its start.
        Raises DecodeError naming the message.
        """

    def close(self) -> None:
        """Give up what the fields hold."""


class SomeFields:
    """Some of other fields, in their order, numbered anew."""

    def __init__(self, fields: Fields, numbers: Sequence[int]) -> None:
        self.grid = fields.grid
        self.steps = tuple(fields.steps[number] for number in numbers)
        self._fields, self._numbers = fields, np.array(numbers, np.int64)

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        self._fields.fill(self._numbers[numbers], rows, values, at)

    def close(self) -> None:
        self._fields.close()


def rows_of(
    fields: Fields, numbers: range, rows: range, room: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """[message, rows, x] of consecutive messages: see Fields.fill. `room`: a flat array to lie in.

    New memory costs more than what is decoded into it.
    """
    shape = len(numbers), len(rows), fields.grid.nx
    size = math.prod(shape)
    values = np.empty(size, np.float32) if room is None else room[:size]
    values = values.reshape(shape)
    fields.fill(np.arange(numbers.start, numbers.stop), rows, values, np.arange(len(numbers)))
    return values
