"""What is told once all numbers are there: the kind of precipitation by who told the amount, and the nearest storm."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving import series
from serving.derived import ICE, RAIN, SLEET, SNOW, kind_of_flags
from serving.quantities import INDEX
from storage.kernels import kernel

_AMOUNT, _RATE, _KIND, _STORM = (INDEX[name] for name in ("amount", "rate", "kind", "storm_distance"))
# In the order of serving.quantities.CHANCE_NAMES.
_KIND_OF_CHANCE = np.array([SNOW, SLEET, ICE, RAIN], np.float64)


@kernel
def kind_of_chances(values: NDArray[np.float32], rows: NDArray[np.int64], time: int) -> float:
    """The kind that is the most likely, given that something falls, at one lead; NaN where none is likely at all.

    rows: rows of serving.quantities.CHANCE_NAMES, -1 absent. Of equals the first.
    """
    most = 0.0
    kind = math.nan
    for n in range(len(_KIND_OF_CHANCE)):
        if rows[n] >= 0 and values[rows[n], time] > most:
            most = values[rows[n], time]
            kind = _KIND_OF_CHANCE[n]
    return kind


@kernel
def fill_kind(
    reading: int,
    values: NDArray[np.float32],
    valid: NDArray[np.int64],
    rows: NDArray[np.int64],
    by_chance: bool,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    columns: NDArray[np.float64],
    who: NDArray[np.int16],
) -> None:
    """The kind of precipitation where this reading gave the amount (or, without any amount, the rate).

    The lead closest to the slot's middle speaks, the later one where both are as close, because amounts belong to
    the lead that ends their interval; where it says "none" the other one is heard.
    """
    for n in range(len(starts)):
        told = who[_AMOUNT, n] if who[_AMOUNT, n] >= 0 else who[_RATE, n]
        if told != reading:
            continue
        middle = (starts[n] + ends[n]) // 2
        i = series.place_in(valid, middle)
        if i < 0 or (i == len(valid) - 1 and valid[i] != middle):
            continue
        j = i if valid[i] == middle else i + 1
        if j > i and valid[j] - valid[i] > series.MAX_GAP:
            continue
        if middle - valid[i] < valid[j] - middle:
            i, j = j, i
        kind = kind_of_chances(values, rows, j) if by_chance else kind_of_flags(values, rows, j)
        if not kind > 0.0:
            other = kind_of_chances(values, rows, i) if by_chance else kind_of_flags(values, rows, i)
            if other > 0.0 or math.isnan(kind):
                kind = other
        if not math.isnan(kind):
            columns[_KIND, n] = kind
            who[_KIND, n] = reading


@kernel
def fill_storm(
    reading: int,
    values: NDArray[np.float32],
    valid: NDArray[np.int64],
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    when: NDArray[np.int8],
    part: NDArray[np.bool_],
    columns: NDArray[np.float64],
    who: NDArray[np.int16],
) -> None:
    """Distance and bearing of the nearest storm where nobody told one yet, both of the lead closest to the slot's
    start, the later one where both are as close.

    What is missing there is not sought at other leads: that no storm is near is an answer.
    """
    for n in range(len(starts)):
        if not math.isnan(columns[_STORM, n]) or not part[when[n], _STORM]:
            continue
        i = series.place_in(valid, starts[n])
        if i < 0 or (i == len(valid) - 1 and valid[i] != starts[n]):
            continue
        if valid[i] != starts[n]:
            if valid[i + 1] - valid[i] > series.MAX_GAP:
                continue
            if starts[n] - valid[i] >= valid[i + 1] - starts[n]:
                i += 1
        distance = float(values[rows[0], i])
        if not math.isnan(distance):
            columns[_STORM, n] = distance
            columns[_STORM + 1, n] = float(values[rows[1], i])
            who[_STORM, n] = reading
            who[_STORM + 1, n] = reading
