"""Winds that are given by speed and direction, as components to the east and the north: a Joint of the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid


@dataclass(frozen=True)
class Components:
    """`towards`: the components, eastward and northward, of what blows with `speed` from `direction`, which is counted
    in degrees clockwise from north.
    """

    speed: str
    direction: str
    towards: tuple[str, str]

    @property
    def of(self) -> tuple[str, str]:
        return self.speed, self.direction

    @property
    def makes(self) -> tuple[str, str]:
        return self.towards

    def make(
        self, values: Mapping[str, Sequence[NDArray[np.float32]]], rows: range, grid: Grid
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where either is missing, so are both components. Of calm air the direction says nothing."""
        (speed,), (direction,) = values[self.speed], values[self.direction]
        angle = np.radians(direction, out=direction)
        east = np.sin(angle)
        east *= -speed
        north = np.cos(angle, out=angle)
        north *= -speed
        return east, north
