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
from numpy.typing import NDArray

from serving.derived import KIND_WORDS
from serving.fields import COLUMN, CURRENTLY, DAILY, HOURLY, TEXT, Field
from serving.kernels import kernel
from serving.units import UNITS, System

# Beyond this the decimals of a float64 are not its own any more; nothing on Earth measures so much.
LIMIT = 1e11
# The longest number: sign, 12 digits, point, 4 decimals; the longest word is shorter.
_LONGEST = 24
# Keys and words are copied in one piece of this many bytes, whatever they need: the next write covers the rest.
_PIECE = 32

_POWERS = np.array([10**power for power in range(19)], dtype=np.int64)


def _pieces(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """([text, _PIECE] bytes, [text] lengths)."""
    pieces = np.zeros((len(texts), _PIECE), dtype=np.uint8)
    for row, text in enumerate(texts):
        if len(text) > _PIECE:
            raise ValueError(f"{text!r} is longer than {_PIECE} bytes")
        pieces[row, : len(text)] = np.frombuffer(text.encode(), dtype=np.uint8)
    return pieces, np.array([len(text) for text in texts], dtype=np.int64)


_WORDS, _WORD_SIZES = _pieces([f'"{word}"' for word in KIND_WORDS])


@dataclass(frozen=True)
class Layout:
    """A block's fields as the writer wants them: keys as `,"name":` pieces, per field its row and numbers."""

    keys: NDArray[np.uint8]
    key_sizes: NDArray[np.int64]
    columns: NDArray[np.int64]
    scales: NDArray[np.float64]
    shifts: NDArray[np.float64]
    decimals: NDArray[np.int64]

    @property
    def longest_point(self) -> int:
        """No data point takes more bytes than this."""
        return int(self.key_sizes.sum()) + _LONGEST * len(self.columns) + 3


def make_layout(fields: Sequence[Field], columns: Sequence[int], system: System) -> Layout:
    """The layout of `fields` that lie in these rows of the block's matrix."""
    keys, key_sizes = _pieces([f',"{field.name}":' for field in fields])
    units = [UNITS[system][field.dimension] for field in fields]
    return Layout(
        keys=keys,
        key_sizes=key_sizes,
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


@kernel
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


@kernel
def write_number(out: NDArray[np.uint8], position: int, value: float, decimals: int, powers: NDArray[np.int64]) -> int:
    """Write a finite number below LIMIT; the position after it. With 0 decimals an integer, else at least one digit."""
    count = rounded(abs(value), powers[decimals])
    if value < 0.0 and count > 0:
        out[position] = 45
        position += 1
    digits = 1
    while digits < 18 and count >= powers[digits]:
        digits += 1
    digits = max(digits, decimals + 1)
    # The digits from the last to the first; the point stands before the last `decimals` of them.
    end = position + digits + (1 if decimals else 0)
    at = end - 1
    for _ in range(decimals):
        following = count // 10
        out[at] = 48 + (count - following * 10)
        count = following
        at -= 1
    if decimals:
        out[at] = 46
        at -= 1
    while at >= position:
        following = count // 10
        out[at] = 48 + (count - following * 10)
        count = following
        at -= 1
    if decimals:
        while out[end - 1] == 48 and out[end - 2] != 46:
            end -= 1
    return end


@kernel
def _put(out: NDArray[np.uint8], position: int, pieces: NDArray[np.uint8], row: int) -> None:
    for i in range(_PIECE):
        out[position + i] = pieces[row, i]


@kernel
def _write_points(
    out: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    first: int,
    count: int,
    keys: NDArray[np.uint8],
    key_sizes: NDArray[np.int64],
    columns: NDArray[np.int64],
    scales: NDArray[np.float64],
    shifts: NDArray[np.float64],
    decimals: NDArray[np.int64],
    words: NDArray[np.uint8],
    word_sizes: NDArray[np.int64],
    powers: NDArray[np.int64],
) -> int:
    position = 0
    for n in range(first, first + count):
        if n > first:
            out[position] = 44
            position += 1
        opening = position
        position += 1
        for f in range(len(columns)):
            value = matrix[columns[f], n] * scales[f] + shifts[f]
            if not abs(value) < LIMIT:
                continue
            # The first key's comma lies where the brace belongs.
            if position == opening + 1:
                position = opening
            _put(out, position, keys, f)
            position += key_sizes[f]
            if decimals[f] == TEXT:
                word = int(value)
                _put(out, position, words, word)
                position += word_sizes[word]
            else:
                position = write_number(out, position, value, decimals[f], powers)
        out[opening] = 123
        out[position] = 125
        position += 1
    return position


def write_points(layout: Layout, matrix: NDArray[np.float64], first: int, count: int) -> bytes:
    """`{...},{...}`: data points first..first + count of a [column, point] matrix in SI; NaN is left out."""
    out = np.empty(layout.longest_point * count + _PIECE, dtype=np.uint8)
    size = _write_points(
        out,
        matrix,
        first,
        count,
        layout.keys,
        layout.key_sizes,
        layout.columns,
        layout.scales,
        layout.shifts,
        layout.decimals,
        _WORDS,
        _WORD_SIZES,
        _POWERS,
    )
    return out[:size].tobytes()
