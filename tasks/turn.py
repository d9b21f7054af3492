"""Winds along a grid's rows and columns, turned to east and north: a Joint of the two components of a vector."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid
from storage.variables import VECTORS
from tasks.errors import DecodeError
from tasks.wanted import StagedMessage
from tasks.works import Values


@dataclass(frozen=True)
class Turn:
    """The components of a vector, which messages give along x and y of the grid, eastward and northward."""

    east: str
    north: str

    @property
    def of(self) -> tuple[str, str]:
        return self.east, self.north

    makes = of

    def make(self, values: Values, rows: range, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where one component is missing, so are both."""
        (along_x,), (along_y,) = values[self.east], values[self.north]
        angle = grid.convergence(slice(rows.start, rows.stop))
        _turn(along_x, along_y, np.cos(angle), np.sin(angle))
        return along_x, along_y


@numba.njit(nogil=True, cache=True)
def _turn(
    east: NDArray[np.float32], north: NDArray[np.float32], cos: NDArray[np.float64], sin: NDArray[np.float64]
) -> None:
    """In place: the y axis of the grid points `angle` to the east of north."""
    for lead in range(east.shape[0]):
        for y in range(east.shape[1]):
            for x in range(east.shape[2]):
                one, two = east[lead, y, x], north[lead, y, x]
                east[lead, y, x] = cos[y, x] * one + sin[y, x] * two
                north[lead, y, x] = cos[y, x] * two - sin[y, x] * one


def turns_of(messages: Sequence[StagedMessage], turned: Collection[int]) -> list[Turn]:
    """The vectors to be turned; `turned`: the numbers of messages that give components along the grid.

    Raises DecodeError where messages of one vector do not agree on that, or one of its components is not there.
    """
    found = []
    for east, north in VECTORS:
        own = [number for number, message in enumerate(messages) if message.variable in (east, north)]
        along = [number for number in own if number in turned]
        if not along:
            continue
        first = messages[along[0]]
        if along != own or {messages[number].variable for number in own} != {east, north}:
            raise DecodeError(
                f"{first.variable} is given along the grid ({first.url}), and cannot be turned: {east} and {north} are "
                "needed, both along it at all leads",
                first,
            )
        found.append(Turn(east, north))
    return found
