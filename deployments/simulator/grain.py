"""What is as small as the grid: uneven ground and air, on which lows and fronts do not depend.

A model's fields are rough down to its last grid point, and so most of a message's bits say how rough. Without this,
messages would be a third as long as a producer's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.simulator.climate import Field

PERIOD = 17.3
"""Hours in which the unevenness of the air turns over."""
OCTAVES = ((0.25, 0.8, 11), (0.025, 0.45, 23))
"""Spacing of the nodes (degrees), share, and seed: what a global model just resolves, and a model of 3 km."""


class Grain:
    """Unevenness at places, each field about -1 to 1 and without a trend; two fields that turn into each other."""

    def __init__(self, lat: Field, lon: Field) -> None:
        """lat, lon: degrees, broadcast against each other."""
        # Meridians meet at the poles: what is uneven along a parallel would not be continuous there.
        even = np.minimum(6.0 * np.cos(np.radians(lat)), 1.0)
        self.ground = even * _noise(lat, lon, 0)
        self._air = even * _noise(lat, lon, 1), even * _noise(lat, lon, 2)

    def air(self, hours: float, error: float) -> tuple[Field, Field]:
        """The unevenness of the air at a time and a quarter of the period later; `error`: of the phase, radians."""
        angle = 2.0 * np.pi * hours / PERIOD + error
        along, across = np.cos(angle), np.sin(angle)
        first, second = self._air
        return along * first + across * second, along * second - across * first


def _noise(lat: Field, lon: Field, number: int) -> Field:
    """Random values at the nodes of each octave, bilinear between them: continuous, the same for every grid."""
    total: Field = np.zeros(np.broadcast_shapes(lat.shape, lon.shape))
    for spacing, share, seed in OCTAVES:
        around = round(360.0 / spacing)
        y, x = (lat + 90.0) / spacing, lon % 360.0 / spacing
        row, column = np.floor(y), np.floor(x)
        up, right = y - row, x - column
        row, column = row.astype(np.int64), column.astype(np.int64)
        low, high = (
            (1.0 - right) * _node(row + step, column % around, seed + number)
            + right * _node(row + step, (column + 1) % around, seed + number)
            for step in (0, 1)
        )
        total += share * ((1.0 - up) * low + up * high)
    return total


def _node(row: NDArray[np.int64], column: NDArray[np.int64], seed: int) -> Field:
    """A number from -1 to 1 for every node: the mixing of SplitMix64 (Steele, Lea and Flood 2014)."""
    word = (row.astype(np.uint64) << np.uint64(24)) + column.astype(np.uint64) + np.uint64(seed << 48)
    word = (word + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    word ^= word >> np.uint64(31)
    return (word >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
