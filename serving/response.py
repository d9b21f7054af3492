"""Columns to bytes: the data points of a block as JSON, written once, missing fields left out or told as such."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.blocks import BLOCK_FIELDS
from serving.day_fields import DayField
from serving.fields import COLUMN, TEXT, Field
from serving.icons import ICON_WORDS
from serving.machine import PIECE, address_of, put_piece, put_word
from serving.numbers import LIMIT, LONGEST, write_number
from serving.options import ForecastOptions, Missing
from serving.units import UNITS, System
from serving.words import NOTHING, VOCABULARY, first_word
from storage.kernels import kernel

_LONGEST = max(LONGEST, *(len(word) + 2 for word in VOCABULARY))
_OPEN = ord("{")
_CLOSE, _COMMA = np.uint64(ord("}")), np.uint64(ord(","))


def _pieces(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """([text, PIECE] bytes, [text] lengths). They are copied whole: the next write covers what they do not need."""
    pieces = np.zeros((len(texts), PIECE), dtype=np.uint8)
    for row, text in enumerate(texts):
        if len(text) > PIECE:
            raise ValueError(f"{text!r} is longer than {PIECE} bytes")
        pieces[row, : len(text)] = np.frombuffer(text.encode(), dtype=np.uint8)
    return pieces, np.array([len(text) for text in texts], dtype=np.int64)


_WORDS, _WORD_SIZES = _pieces([f'"{word}"' for word in VOCABULARY])


@dataclass(frozen=True)
class Layout:
    """A block's fields as the writer wants them: keys as `,"name":` pieces, per field its row and numbers.

    shifts: of a word where the words of its column begin. nothing: [2] pieces for a missing number and a missing word,
    of no bytes where such a field is left out.
    """

    keys: NDArray[np.uint8]
    key_sizes: NDArray[np.int64]
    columns: NDArray[np.int64]
    scales: NDArray[np.float64]
    shifts: NDArray[np.float64]
    decimals: NDArray[np.int64]
    nothing: NDArray[np.uint8]
    nothing_sizes: NDArray[np.int64]

    @cached_property
    def longest_point(self) -> int:
        """No data point takes more bytes than this."""
        return int(self.key_sizes.sum()) + _LONGEST * len(self.columns) + 3


def make_layout(
    fields: Sequence[Field],
    columns: Sequence[int],
    system: System,
    version: int = 2,
    missing: Missing = Missing.ABSENT,
) -> Layout:
    """The layout of `fields` that lie in these rows of the block's matrix."""
    keys, key_sizes = _pieces([f',"{field.name}":' for field in fields])
    units = [UNITS[system][field.dimension] for field in fields]
    nothing, nothing_sizes = _pieces(NOTHING[missing])
    shifts = [
        first_word(field.column, version) if field.decimals == TEXT else unit.shift
        for field, unit in zip(fields, units, strict=True)
    ]
    return Layout(
        keys=keys,
        key_sizes=key_sizes,
        columns=np.array(columns, dtype=np.int64),
        scales=np.array([unit.scale for unit in units]),
        shifts=np.array(shifts, dtype=np.float64),
        decimals=np.array([field.decimals for field in fields], dtype=np.int64),
        nothing=nothing,
        nothing_sizes=nothing_sizes,
    )


class Format(NamedTuple):
    """How a block is written. items: positions of those of its items that are told, not to be written to."""

    layout: Layout
    items: NDArray[np.int64]


@lru_cache(maxsize=256)
def formats_of(options: ForecastOptions) -> dict[str, Format]:
    """Block -> its format, of those that the client wants, in their order; raises IndexError for an item that one does
    not have."""
    past = options.at is None or options.tmextra
    return {
        block: Format(
            _layout(block, options.units, options.version, options.extra, past, options.missing),
            _items(block, options),
        )
        for block in BLOCK_FIELDS
        if options.wants(block)
    }


def _items(block: str, options: ForecastOptions) -> NDArray[np.int64]:
    count = options.entries(block)
    named: tuple[int, ...] | None = getattr(options, f"{block}_indices", None)
    if named is None:
        return np.arange(count, dtype=np.int64)
    if named and not (min(named) >= 0 and max(named) < count):
        raise IndexError(f"{block} has the positions 0 to {count - 1}, and not {max(named)}")
    return np.array(named, dtype=np.int64)


@lru_cache(maxsize=256)
def _layout(block: str, system: System, version: int, extra: frozenset[str], past: bool, missing: Missing) -> Layout:
    fields = [(row, field) for row, field in enumerate(BLOCK_FIELDS[block]) if field.is_told(version, extra, past)]
    rows = [row if isinstance(field, DayField) else COLUMN[field.column] for row, field in fields]
    return make_layout([field for _, field in fields], rows, system, version, missing)


@kernel
def _write_points(
    out: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    points: NDArray[np.int64],
    keys: NDArray[np.uint8],
    key_sizes: NDArray[np.int64],
    columns: NDArray[np.int64],
    scales: NDArray[np.float64],
    shifts: NDArray[np.float64],
    decimals: NDArray[np.int64],
    nothing: NDArray[np.uint8],
    nothing_sizes: NDArray[np.int64],
    words: NDArray[np.uint8],
    word_sizes: NDArray[np.int64],
) -> int:
    begin, key, word, none = address_of(out), address_of(keys), address_of(words), address_of(nothing)
    at = begin
    for p in range(len(points)):
        if p > 0:
            put_word(at, _COMMA)
            at += 1
        opening = at
        at += 1
        for f in range(len(columns)):
            value = matrix[columns[f], points[p]] * scales[f] + shifts[f]
            kind = 1 if decimals[f] == TEXT else 0
            is_there = abs(value) < LIMIT
            if not is_there and nothing_sizes[kind] == 0:
                continue
            # The first key's comma lies where the brace belongs.
            if at == opening + 1:
                at = opening
            put_piece(at, key + PIECE * f)
            at += int(key_sizes[f])
            if not is_there:
                put_piece(at, none + PIECE * kind)
                at += int(nothing_sizes[kind])
            elif kind:
                told = int(value)
                put_piece(at, word + PIECE * told)
                at += int(word_sizes[told])
            else:
                at = write_number(at, value, decimals[f])
        out[opening - begin] = _OPEN
        put_word(at, _CLOSE)
        at += 1
    return at - begin


def write_points(layout: Layout, matrix: NDArray[np.float64], points: NDArray[np.int64]) -> memoryview:
    """`{...},{...}`: these points of a [column, point] matrix in SI; NaN is nothing."""
    out = np.empty(layout.longest_point * len(points) + PIECE, dtype=np.uint8)
    size = _write_points(
        out,
        matrix,
        points,
        layout.keys,
        layout.key_sizes,
        layout.columns,
        layout.scales,
        layout.shifts,
        layout.decimals,
        layout.nothing,
        layout.nothing_sizes,
        _WORDS,
        _WORD_SIZES,
    )
    return out[:size].data


def icon_in_json(number: float, missing: Missing) -> bytes:
    """`"icon":"rain",` for a block; nothing where there is none and the client does not want to know."""
    if math.isnan(number):
        nothing = NOTHING[missing][1]
        return b'"icon":%s,' % nothing.encode() if nothing else b""
    return b'"icon":"%s",' % ICON_WORDS[int(number)].encode()
