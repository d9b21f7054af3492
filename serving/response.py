"""Columns to bytes: the data points of a block as JSON, written once, missing fields left out.

A number is rounded as Python's `round` does, from its exact binary value, halves to even, and written in the fewest
digits: the bytes equal those of a JSON library fed with rounded floats, but for `-0.0`, which is written `0.0`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from serving.derived import KIND_WORDS
from serving.fields import COLUMN, CURRENTLY, DAILY, HOURLY, TEXT, Field
from serving.units import UNITS, System

# Beyond this the decimals of a float64 are not its own any more; nothing on Earth measures so much.
LIMIT = 1e11
# The longest number: sign, 12 digits, point, 4 decimals; the longest word is shorter.
_LONGEST = 24

_WORDS = np.frombuffer("".join(f'"{word}"' for word in KIND_WORDS).encode(), dtype=np.uint8)
_WORD_ENDS = np.cumsum([len(word) + 2 for word in KIND_WORDS], dtype=np.int64)
_POWERS = np.array([10**power for power in range(8)], dtype=np.int64)


@dataclass(frozen=True)
class Layout:
    """A block's fields as the writer wants them: keys as `"name":` in one blob, per field its row and numbers."""

    keys: NDArray[np.uint8]
    key_ends: NDArray[np.int64]
    columns: NDArray[np.int64]
    scales: NDArray[np.float64]
    shifts: NDArray[np.float64]
    decimals: NDArray[np.int64]

    @property
    def longest_point(self) -> int:
        """No data point takes more bytes than this."""
        return len(self.keys) + (_LONGEST + 1) * len(self.columns) + 3


def make_layout(fields: Sequence[Field], columns: Sequence[int], system: System) -> Layout:
    """The layout of `fields` that lie in these rows of the block's matrix."""
    keys = [f'"{field.name}":'.encode() for field in fields]
    units = [UNITS[system][field.dimension] for field in fields]
    return Layout(
        keys=np.frombuffer(b"".join(keys), dtype=np.uint8),
        key_ends=np.cumsum([len(key) for key in keys], dtype=np.int64),
        columns=np.array(columns, dtype=np.int64),
        scales=np.array([unit.scale for unit in units]),
        shifts=np.array([unit.shift for unit in units]),
        decimals=np.array([field.decimals for field in fields], dtype=np.int64),
    )


@lru_cache(maxsize=32)
def layout_of(block: str, system: System) -> Layout:
    """The layout of `currently`, `hourly` or `daily` in a unit system."""
    if block == "daily":
        return make_layout(DAILY, range(len(DAILY)), system)
    fields = {"currently": CURRENTLY, "hourly": HOURLY}[block]
    return make_layout(fields, [COLUMN[field.column] for field in fields], system)


@njit(cache=True, nogil=True)
def rounded(value: float, power: int) -> int:
    """`value` x `power` as the nearest integer, by the exact product, halves to even; 0 <= value < LIMIT."""
    product = value * power
    whole = math.floor(product)
    part = product - whole
    count = int(whole)
    if part == 0.5:
        # The exact product is product + error (Dekker, 1971): only where it is a true half, even wins.
        split = 134217729.0 * value
        high = split - (split - value)
        low = value - high
        error = (high * power - product) + low * power
        if error > 0.0 or (error == 0.0 and count % 2 == 1):
            count += 1
    elif part > 0.5:
        count += 1
    return count


@njit(cache=True, nogil=True)
def write_number(out: NDArray[np.uint8], position: int, value: float, decimals: int, powers: NDArray[np.int64]) -> int:
    """Write a finite number below LIMIT; the position after it. With 0 decimals an integer, else at least one digit."""
    power = powers[decimals]
    count = rounded(abs(value), power)
    if value < 0.0 and count > 0:
        out[position] = 45
        position += 1
    whole = count // power
    part = count - whole * power
    digits = 1
    rest = whole // 10
    while rest:
        digits += 1
        rest //= 10
    for i in range(digits - 1, -1, -1):
        following = whole // 10
        out[position + i] = 48 + (whole - following * 10)
        whole = following
    position += digits
    if decimals == 0:
        return position
    out[position] = 46
    position += 1
    for i in range(decimals - 1, -1, -1):
        following = part // 10
        out[position + i] = 48 + (part - following * 10)
        part = following
    end = position + decimals
    while end > position + 1 and out[end - 1] == 48:
        end -= 1
    return end


@njit(cache=True, nogil=True)
def _write_points(
    out: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    first: int,
    count: int,
    keys: NDArray[np.uint8],
    key_ends: NDArray[np.int64],
    columns: NDArray[np.int64],
    scales: NDArray[np.float64],
    shifts: NDArray[np.float64],
    decimals: NDArray[np.int64],
    words: NDArray[np.uint8],
    word_ends: NDArray[np.int64],
    powers: NDArray[np.int64],
) -> int:
    position = 0
    for n in range(first, first + count):
        if n > first:
            out[position] = 44
            position += 1
        out[position] = 123
        position += 1
        empty = True
        for f in range(len(columns)):
            value = matrix[columns[f], n] * scales[f] + shifts[f]
            if not abs(value) < LIMIT:
                continue
            if not empty:
                out[position] = 44
                position += 1
            empty = False
            begin = key_ends[f - 1] if f else 0
            for i in range(begin, key_ends[f]):
                out[position] = keys[i]
                position += 1
            if decimals[f] == TEXT:
                word = int(value)
                begin = word_ends[word - 1] if word else 0
                for i in range(begin, word_ends[word]):
                    out[position] = words[i]
                    position += 1
            else:
                position = write_number(out, position, value, decimals[f], powers)
        out[position] = 125
        position += 1
    return position


def write_points(layout: Layout, matrix: NDArray[np.float64], first: int, count: int) -> bytes:
    """`{...},{...}`: data points first..first + count of a [column, point] matrix in SI; NaN is left out."""
    out = np.empty(layout.longest_point * count, dtype=np.uint8)
    size = _write_points(
        out,
        matrix,
        first,
        count,
        layout.keys,
        layout.key_ends,
        layout.columns,
        layout.scales,
        layout.shifts,
        layout.decimals,
        _WORDS,
        _WORD_ENDS,
        _POWERS,
    )
    return out[:size].tobytes()
