"""What a machine does in one instruction and a loop of Python in many: bytes moved at once, bits counted.

Kernels call these as they are; not compiled they do the same byte by byte. They take addresses, as a call that hands
an array on costs more than what is done with it.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import memmove
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from storage.kernels import kernel

PIECE = 32
"""Bytes that `put_piece` moves."""
_WORD = 8


@kernel
def address_of(array: NDArray[Any]) -> int:
    """Where the first element of an array lies."""
    address: Any = np.int64(array.ctypes.data)
    return address


def put_piece(at: int, piece: int) -> None:
    """Copy PIECE bytes from one address to another. Nothing is checked: all of them have to be there."""
    memmove(int(at), int(piece), PIECE)


def put_word(at: int, word: np.uint64) -> None:
    """Copy the eight bytes of a word, the lowest first, to an address. Nothing is checked."""
    memmove(int(at), int(word).to_bytes(_WORD, "little"), _WORD)


def low_zeros(word: np.uint64) -> int:
    """How many bits below the lowest one that is set are not; 64 of nought."""
    number = int(word)
    return (number & -number).bit_length() - 1 if number else 64


def high_zeros(word: np.uint64) -> int:
    """How many bits above the highest one that is set are not; 64 of nought."""
    return 64 - int(word).bit_length()


_emitted: Any = intrinsic


def _moving(size: int) -> Callable[..., Any]:
    def move(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(8), size).as_pointer()
        value = args[1]
        if size == PIECE:
            value = builder.load(builder.inttoptr(value, kind))
            value.align = 1
        else:
            kind = ir.IntType(64).as_pointer()
        builder.store(value, builder.inttoptr(args[0], kind)).align = 1
        return context.get_dummy_value()

    return move


def _counting(instruction: str) -> Callable[..., Any]:
    def count(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return getattr(builder, instruction)(args[0], ir.Constant(ir.IntType(1), 0))

    return count


@_emitted
def _put_piece(typing: Any, at: Any, piece: Any) -> tuple[Any, Callable[..., Any]]:
    return types.void(types.int64, types.int64), _moving(PIECE)


@_emitted
def _put_word(typing: Any, at: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    return types.void(types.int64, types.uint64), _moving(_WORD)


@_emitted
def _low_zeros(typing: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    return types.int64(types.uint64), _counting("cttz")


@_emitted
def _high_zeros(typing: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    return types.int64(types.uint64), _counting("ctlz")


# Numba wants the same signature to the letter: without annotations.
for _function, _compiled in (
    (put_piece, lambda at, piece: lambda at, piece: _put_piece(at, piece)),
    (put_word, lambda at, word: lambda at, word: _put_word(at, word)),
    (low_zeros, lambda word: lambda word: _low_zeros(word)),
    (high_zeros, lambda word: lambda word: _high_zeros(word)),
):
    overload(_function)(_compiled)
