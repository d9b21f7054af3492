"""What moves: waves of pressure along the latitude circles, each at its own speed.

Their sum makes lows that form, run east and fade and never repeat. A wave has a whole number of crests around the
Earth, so the sum closes at the antimeridian, and its derivatives are exact.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deployments.simulator.climate import EARTH_RADIUS, Field
from deployments.simulator.lattice import Lattice

Turn = NDArray[np.complex128]

DRIFT = 0.45
"""Largest phase error of a model at 240 h, radians; it grows with lead time."""


SMALL = 250_000
"""Multiplications up to which OpenBLAS stays in its caller's thread: its own threads burn a core while they wait."""


class Wave(NamedTuple):
    """`crests` around the Earth, centred at `lat` with half width `width` (degrees), amplitude, speed east in m/s.

    `slant`: degrees of longitude that a crest leans east per degree of latitude.
    """

    crests: int
    lat: float
    width: float
    amplitude: float
    speed: float
    slant: float
    phase: float


# Amplitudes in Pa.
LOWS = (
    Wave(3, 55, 17, 650, 3.1, 0.3, 0.4),
    Wave(4, 47, 15, 730, 5.2, 0.5, 2.9),
    Wave(5, 58, 14, 820, 6.7, 0.6, 5.1),
    Wave(6, 50, 14, 880, 8.3, 0.7, 1.2),
    Wave(7, 44, 13, 730, 9.9, 0.8, 3.8),
    Wave(8, 56, 12, 630, 11.2, 0.8, 0.1),
    Wave(10, 49, 12, 410, 12.4, 0.9, 4.4),
    Wave(13, 53, 11, 260, 13.7, 0.9, 2.2),
    Wave(17, 46, 11, 140, 14.5, 1.0, 5.7),
    Wave(3, -56, 16, 600, 4.2, -0.3, 1.7),
    Wave(4, -50, 15, 730, 7.1, -0.5, 4.6),
    Wave(5, -58, 14, 920, 9.0, -0.6, 0.9),
    Wave(6, -47, 14, 880, 10.6, -0.7, 3.3),
    Wave(8, -54, 13, 730, 12.8, -0.8, 5.9),
    Wave(10, -50, 12, 440, 14.1, -0.9, 2.5),
    Wave(14, -52, 11, 240, 15.3, -0.9, 0.6),
)

# Tropical waves run west; amplitudes are shares of one.
SHOWERS = (
    Wave(5, 8, 22, 0.55, -5.1, 0.0, 0.3),
    Wave(8, 12, 20, 0.65, -7.3, -0.2, 2.1),
    Wave(11, -6, 22, 0.65, -6.2, 0.2, 4.0),
    Wave(16, 4, 26, 0.60, -4.4, 0.1, 5.5),
    Wave(23, 38, 24, 0.60, 6.5, 0.4, 1.1),
    Wave(29, 45, 24, 0.50, 8.2, 0.5, 3.6),
    Wave(26, -40, 24, 0.60, 7.4, -0.4, 0.8),
)


def phase_error(model: str, lead: float, wave: str) -> float:
    """By how many radians a model is wrong about a wave `lead` hours ahead."""
    share = zlib.crc32(f"{model} {wave}".encode()) / 2**31 - 1.0
    return share * DRIFT * lead / 240.0


class Crests:
    """A set of waves over a lattice."""

    def __init__(self, waves: tuple[Wave, ...], lattice: Lattice) -> None:
        self._lattice = lattice
        self._rows = np.array(waves, dtype=np.float64)
        columns = np.exp(1j * np.radians(lattice.lons)[None, :] * self._rows[:, :1])
        self._parts = np.concatenate([columns.real, columns.imag])
        lats, step = lattice.lats, 1e-4
        self._profile = self._at(lats)
        self._slope = (self._at(lats + step) - self._at(lats - step)) / np.radians(2 * step)

    def _at(self, lats: Field) -> Turn:
        """Complex amplitude of every wave along latitude at time zero: [row, wave]."""
        crests, centre, width, amplitude, _, slant, phase = self._rows.T
        away = lats[:, None] - centre
        # The cosine makes every wave vanish at the poles, where its crests meet.
        height = amplitude * np.exp(-((away / width) ** 2)) * np.cos(np.radians(lats))[:, None]
        lean: Turn = height * np.exp(1j * (phase - crests * np.radians(slant * away)))
        return lean

    def turn(self, hours: float, model: str, lead: float) -> Turn:
        """What carries every wave from time zero to `hours`, as a model forecasts it `lead` hours ahead: [wave]."""
        errors = np.array([phase_error(model, lead, f"{row[0]:g} {row[1]:g}") for row in self._rows])
        crests, centre, speed = self._rows[:, 0], self._rows[:, 1], self._rows[:, 4]
        radius = EARTH_RADIUS * np.cos(np.radians(centre))
        angle = crests * speed / radius * 3600.0 * hours + errors
        factor: Turn = np.exp(-1j * angle)
        return factor

    def sum(self, turn: Turn) -> Field:
        """The sum of the waves at the places."""
        (here,) = self._over(self._profile * turn)
        return here

    def sums(self, turn: Turn) -> tuple[Field, Field]:
        """(the sum, the sum a quarter crest ahead) at the places."""
        now = self._profile * turn
        here, ahead = self._over(now, 1j * now)
        return here, ahead

    def slopes(self, turn: Turn) -> tuple[Field, Field]:
        """Derivatives of the sum by longitude and by latitude, per radian, at the places."""
        by_lon, by_lat = self._over(1j * self._profile * turn * self._rows[:, 0], self._slope * turn)
        return by_lon, by_lat

    def _over(self, *rows: Turn) -> list[Field]:
        """Real parts of rows [row, wave] times the columns [wave, column], as one real product, at the places."""
        stacked = np.concatenate(rows)
        left = np.concatenate([stacked.real, -stacked.imag], axis=1)
        flat = np.empty((len(left), self._parts.shape[1]))
        at_once = max(SMALL // self._parts.size, 1)
        for first in range(0, len(left), at_once):
            np.matmul(left[first : first + at_once], self._parts, out=flat[first : first + at_once])
        return [self._lattice.to_places(field) for field in np.split(flat, len(rows))]
