"""What the fields of a run amount to, gathered while they are encoded: the numbers that the gate judges by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from storage.variables import Variable
from tasks.works import Made, Output

LANES = 128
"""Extremes kept side by side: one alone would wait for itself at every value."""

TOTAL = np.dtype(
    [
        ("count", "f8"),
        ("sum", "f8"),
        ("change", "f8"),
        ("changes", "f8"),
        ("detour", "f8"),
        ("detours", "f8"),
        ("low", "f4"),
        ("high", "f4"),
    ]
)
"""Of one field, over its cells: values, and differences to the field before and to the one before that."""


@dataclass(frozen=True)
class Measured:
    """One variable of a run, field by field; a field is what the store would hold of one lead.

    cells: of each field. leads, intervals: minutes, [field]. The rest is float64 [field]: `missing` and `outside`, the
    parts of the cells that have no value, and of those the ones beyond what the catalogue allows; `low`, `mean`,
    `high`, in the variable's units, every cell alike, NaN where all are missing; `change`, the mean absolute
    difference to the field before, and `across`, from the field before to the one after, over the cells that have
    both, NaN where there is none.
    """

    variable: Variable
    cells: int
    leads: NDArray[np.int64]
    intervals: NDArray[np.int64]
    missing: NDArray[np.float64]
    outside: NDArray[np.float64]
    low: NDArray[np.float64]
    mean: NDArray[np.float64]
    high: NDArray[np.float64]
    change: NDArray[np.float64]
    across: NDArray[np.float64]

    @property
    def name(self) -> str:
        return self.variable.name


Sums = Sequence[dict[str, NDArray[Any]]]
"""By variable: values outside, amounts too negative, and TOTALs, each of every field."""


class Tally:
    """Adds up what was encoded and what was set missing, over strips that are derived side by side.

    cells: of a whole field.
    """

    def __init__(self, outputs: Iterable[Output], cells: int) -> None:
        self._outputs = {output.name: output for output in outputs}
        self._cells = cells
        self._outside = {name: np.zeros(len(output.rows), np.int64) for name, output in self._outputs.items()}
        self._negative = {name: counts.copy() for name, counts in self._outside.items()}
        self._totals = {name: _nothing(len(output.rows)) for name, output in self._outputs.items()}
        self._lock = Lock()

    def add(self, made: Made) -> None:
        """Count some rows of an output; from any thread."""
        name = made.output.name
        found = _nothing(len(made.output.rows))
        _gather(made.values, made.output.rows, found)
        with self._lock:
            self._outside[name] += made.anomalies.outside
            self._negative[name] += made.anomalies.negative
            _merge(self._totals[name], found)

    def sums(self) -> Sums:
        """What was added so far, for another tally to take."""
        return [{name: array.copy() for name, array in own.items()} for own in self._own]

    def take(self, sums: Sums) -> None:
        """Add what others have."""
        with self._lock:
            outside, negative, totals = sums
            for name in self._outputs:
                self._outside[name] += outside[name]
                self._negative[name] += negative[name]
                _merge(self._totals[name], totals[name])

    @property
    def _own(self) -> tuple[dict[str, NDArray[Any]], ...]:
        return self._outside, self._negative, self._totals

    def measured(self) -> tuple[Measured, ...]:
        """Every variable's fields, once all rows were added."""
        return tuple(self._measured(output) for output in self._outputs.values())

    def _measured(self, output: Output) -> Measured:
        totals, rows = self._totals[output.name], output.rows
        across = _mean(totals["detour"], totals["detours"])
        return Measured(
            variable=output.variable,
            cells=self._cells,
            leads=np.array(output.leads, np.int64)[rows],
            intervals=np.array(output.intervals, np.int64)[rows],
            missing=1.0 - totals["count"] / self._cells,
            outside=self._outside[output.name] / self._cells,
            low=_where_any(totals["count"], totals["low"]),
            mean=_mean(totals["sum"], totals["count"]),
            high=_where_any(totals["count"], totals["high"]),
            change=_mean(totals["change"], totals["changes"]),
            across=np.append(across[1:], np.nan)[: len(rows)],
        )

    def anomalies(self) -> dict[str, dict[str, int]]:
        """See Written; what did not happen is left out."""
        found = {
            name: {"outside_valid_range": int(outside.sum()), "negative_amount": int(self._negative[name].sum())}
            for name, outside in self._outside.items()
        }
        kept = {name: {what: count for what, count in row.items() if count} for name, row in found.items()}
        return {name: row for name, row in kept.items() if row}


def _merge(totals: NDArray[Any], found: NDArray[Any]) -> None:
    """Add what some rows came to."""
    for key in ("count", "sum", "change", "changes", "detour", "detours"):
        totals[key] += found[key]
    np.minimum(totals["low"], found["low"], out=totals["low"])
    np.maximum(totals["high"], found["high"], out=totals["high"])


def _nothing(fields: int) -> NDArray[Any]:
    totals = np.zeros(fields, TOTAL)
    totals["low"], totals["high"] = np.inf, -np.inf
    return totals


def _mean(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def _where_any(counts: NDArray[np.float64], values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.where(counts > 0, values.astype(np.float64), np.nan)


@numba.njit(nogil=True, cache=True)
def _gather(values: NDArray[np.float32], rows: NDArray[np.int64], totals: Any) -> None:
    """Add the fields values[rows] [field, y, x] to their totals."""
    low, high = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    for field in range(len(rows)):
        total = totals[field]
        low[:], high[:] = np.inf, -np.inf
        for y in range(values.shape[1]):
            own = values[rows[field], y]
            _extremes(own, low, high)
            before, earlier = values[rows[max(field - 1, 0)], y], values[rows[max(field - 2, 0)], y]
            whole, count, change, changes, detour, detours = _sums(own, before, earlier)
            total.sum += whole
            total.count += count
            if field > 0:
                total.change += change
                total.changes += changes
            if field > 1:
                total.detour += detour
                total.detours += detours
        for lane in range(LANES):
            total.low = min(total.low, low[lane])
            total.high = max(total.high, high[lane])


# Sums over rows may be reordered, or they would wait for themselves; a count of float32, or of int64, would too.
SUM = {"reassoc", "nsz", "contract"}
ZERO = np.float32(0)


@numba.njit(nogil=True, cache=True, fastmath=SUM)
def _sums(
    own: NDArray[np.float32], before: NDArray[np.float32], earlier: NDArray[np.float32]
) -> tuple[np.float32, np.int32, np.float32, np.int32, np.float32, np.int32]:
    """Sum and number of the values, of |own - before| and of |own - earlier|, where nothing is missing."""
    whole, change, detour = ZERO, ZERO, ZERO
    count, changes, detours = np.int32(0), np.int32(0), np.int32(0)
    for x in range(len(own)):
        value, one, two = own[x], abs(own[x] - before[x]), abs(own[x] - earlier[x])
        whole += value if value == value else ZERO
        change += one if one == one else ZERO
        detour += two if two == two else ZERO
        count += np.int32(value == value)
        changes += np.int32(one == one)
        detours += np.int32(two == two)
    return whole, count, change, changes, detour, detours


@numba.njit(nogil=True, cache=True)
def _extremes(own: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
    """Lower `low` and raise `high` [LANES] by values that are not missing, each lane by its own."""
    whole = len(own) // LANES * LANES
    for first in range(0, whole, LANES):
        for lane in range(LANES):
            value = own[first + lane]
            low[lane] = value if value < low[lane] else low[lane]
            high[lane] = value if value > high[lane] else high[lane]
    for x in range(whole, len(own)):
        value = own[x]
        low[x - whole] = value if value < low[x - whole] else low[x - whole]
        high[x - whole] = value if value > high[x - whole] else high[x - whole]
