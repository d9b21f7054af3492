"""The mean flux of sunlight over a slot where a store has it at moments only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.series import MAX_GAP, light_between
from serving.sun import STEP
from storage.kernels import kernel

LOW = 0.05
"""The daylight weight of the sun at three degrees: below it the ratio of a flux to it tells nothing of what follows."""


@kernel
def _brightness(flux: float, sums: NDArray[np.float64], first: int, moment: int) -> float:
    """The flux of a moment per daylight weight of the quarter hour around it; NaN while the sun is low or down."""
    weight = light_between(sums, first, moment - STEP // 2, moment + STEP // 2) / STEP
    return flux / weight if weight > LOW else math.nan


@kernel
def solar_of_moments(
    row: NDArray[np.float32],
    valid: NDArray[np.int64],
    left: int,
    start: int,
    end: int,
    sums: NDArray[np.float64],
    first: int,
) -> float:
    """The mean flux over [start, end), W m-2, out of fluxes at the leads; NaN unless leads lie on both sides.

    How bright it is for the height of the sun lies on a straight line between two leads; where the sun is low at one of
    them it is as at the other. Where it is low at both the flux itself does, unless the sun is higher between them:
    then nothing is known. left: place_in(valid, start); sums: serving.sun.daylight from `first` on.
    """
    if left < 0:
        return math.nan
    energy = 0.0
    begin = start
    i = left
    while begin < end:
        if i + 1 >= len(valid) or valid[i + 1] - valid[i] > MAX_GAP:
            return math.nan
        until = min(end, valid[i + 1])
        light = light_between(sums, first, begin, until)
        before, after = float(row[i]), float(row[i + 1])
        if math.isnan(before) or math.isnan(after):
            return math.nan
        one = _brightness(before, sums, first, valid[i])
        other = _brightness(after, sums, first, valid[i + 1])
        middle = (0.5 * (begin + until) - valid[i]) / (valid[i + 1] - valid[i])
        if math.isnan(one) and math.isnan(other):
            if light > LOW * (until - begin):
                return math.nan
            energy += (before + (after - before) * middle) * (until - begin)
        else:
            one = other if math.isnan(one) else one
            other = one if math.isnan(other) else other
            energy += (one + (other - one) * middle) * light
        begin = until
        i += 1
    return energy / (end - start)
