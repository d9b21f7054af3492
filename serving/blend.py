"""Where one model ends and another goes on: its last three hours pass over to the other's, a quarter at a time.

Three hours before the end a quarter is the other's, then a half, then three quarters. Only hours, only what is
continuous, wind as its components; what the other does not tell of these hours stays as it is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from serving.quantities import INDEX, QUANTITIES
from serving.tell import Light, Rows, place_slots, tell
from storage.kernels import kernel

HOURS = 3
BLENDS = np.array([quantity.blends for quantity in QUANTITIES])
"""[quantity] whether it does."""
_WIND = INDEX["eastward_wind"]


@kernel
def find_seams(
    models: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    when: NDArray[np.int8],
    who: NDArray[np.int16],
    blends: NDArray[np.bool_],
    seams: NDArray[np.int64],
    goes_on: NDArray[np.bool_],
) -> int:
    """Fill [seam, 2] quantity and first slot of the model that goes on, and [reading] whether any goes on with it;
    returns how many seams there are. models: [reading] number of its model.

    A seam lies between two hours that follow each other, of which two models tell, if the first tells none from there
    on and more than one hour follows: an hour that is missing within a model is none.
    """
    count = 0
    low = 0
    while low < len(starts):
        high = low + 1
        while high < len(starts) and starts[high] == ends[high - 1] and when[high] == when[low]:
            high += 1
        if when[low] == 0:
            for q in range(len(blends)):
                if not blends[q]:
                    continue
                for s in range(low + 1, high - 1):
                    one, other = who[q, s - 1], who[q, s]
                    if one == other or one < 0 or other < 0 or models[one] == models[other]:
                        continue
                    ended = True
                    for n in range(s, high):
                        if who[q, n] >= 0 and models[who[q, n]] == models[one]:
                            ended = False
                            break
                    if ended:
                        seams[count, 0] = q
                        seams[count, 1] = s
                        goes_on[other] = True
                        count += 1
        low = high
    return count


@kernel
def blend(
    number: int,
    values: NDArray[np.float32],
    valid: NDArray[np.int64],
    intervals: NDArray[np.int64],
    quantities: NDArray[np.int64],
    methods: NDArray[np.int64],
    rows: NDArray[np.int64],
    factors: NDArray[np.float64],
    models: NDArray[np.int64],
    seams: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    sums: NDArray[np.float64],
    first: int,
    columns: NDArray[np.float64],
    who: NDArray[np.int16],
    blended: NDArray[np.int16],
) -> None:
    """Blend the hours before the seams from which on this reading tells; blended: [quantity, slot] it, where it is."""
    reading, light = Rows(values, valid, intervals), Light(sums, first)
    wanted = np.zeros(1, dtype=np.int64)
    told = np.empty(1)
    other = np.empty(1)
    low = seam = -1
    # Most quantities have their seam at the same hour.
    spans = place_slots(valid, starts[:0], ends[:0], 0, False)
    for k in range(len(seams)):
        q, s = seams[k, 0], seams[k, 1]
        if who[q, s] != number:
            continue
        one = models[who[q, s - 1]]
        if s != seam:
            seam, low = s, max(s - HOURS, 0)
            spans = place_slots(valid, starts[low:s], ends[low:s], 0, False)
        for back in range(1, HOURS + 1):
            n = s - back
            if n < 0 or starts[n + 1] != ends[n] or who[q, n] < 0 or models[who[q, n]] != one:
                continue
            wanted[0] = n - low
            for step in range(len(quantities)):
                if quantities[step] != q:
                    continue
                tell(methods[step], reading, rows[step, 0], rows[step, 1], spans, light, wanted, told, other)
                if math.isnan(told[0]):
                    continue
                weight = back / (HOURS + 1)
                columns[q, n] = weight * columns[q, n] + (1.0 - weight) * told[0] * factors[step]
                blended[q, n] = number
                if q == _WIND:
                    columns[q + 1, n] = weight * columns[q + 1, n] + (1.0 - weight) * other[0]
                    blended[q + 1, n] = number
                break
