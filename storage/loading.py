"""Chunks of a file become the series of a place without a step of Python between: read, checked, unpacked, mixed.

Three functions of C are called by their names from the kernel: `pread` of the system, and what the packages of blosc
and crc32c export. It raises nothing: who is told that a chunk is wrong reads it again in Python, which says why.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from storage.mixing import Four, mix_series, take_cell
from storage.shard import BLOSC_HEADER, CRC

for _package in ("numcodecs.blosc", "google_crc32c._crc32c"):
    llvmlite.binding.load_library_permanently(import_module(_package).__file__)

_number, _address, _size = types.int32, types.int64, types.uint64
_pread: Any = types.ExternalFunction("pread", types.int64(_number, _address, _size, types.int64))
_checksum: Any = types.ExternalFunction("crc32c_value", types.uint32(_address, _size))
_unpack: Any = types.ExternalFunction("blosc_decompress_ctx", _number(_address, _address, _size, _number))

FourNumbers = tuple[int, int, int, int]
FRAME_HEADER, CHECKSUM = BLOSC_HEADER.size, CRC.size


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_chunks(
    descriptor: int,
    positions: FourNumbers,
    lengths: FourNumbers,
    count: int,
    chunks: NDArray[np.int16],
) -> int:
    """Read `count` chunks from a file into the rows of `chunks`; the number of the first that is wrong, or -1.

    positions, lengths: of each one's bytes, rising; those that lie one behind the other are read at once.
    """
    total = 0
    for number in range(count):
        total += lengths[number]
    data = np.empty(total, np.uint8)
    words = data.ctypes.data
    at = 0
    first = 0
    while first < count:
        last, size = first, lengths[first]
        while last + 1 < count and positions[last + 1] == positions[last] + lengths[last]:
            last += 1
            size += lengths[last]
        if _pread(descriptor, words + at, size, positions[first]) != size:
            return first
        for number in range(first, last + 1):
            if not _unpack_chunk(data[at : at + lengths[number]], chunks[number]):
                return number
            at += lengths[number]
        first = last + 1
    return -1


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _unpack_chunk(data: NDArray[np.uint8], chunk: NDArray[np.int16]) -> bool:
    """Whether a frame and its checksum are as they should be, and unpacked into all of `chunk`."""
    length = len(data) - CHECKSUM
    if length < FRAME_HEADER:
        return False
    # Of a frame's header the second and the fourth word: how long it gets, and how long it is.
    if _word(data, 4) != 2 * len(chunk) or _word(data, 12) != length:
        return False
    if _checksum(data.ctypes.data, length) != _word(data, length):
        return False
    return _unpack(data.ctypes.data, chunk.ctypes.data, 2 * len(chunk), 1) == 2 * len(chunk)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _word(data: NDArray[np.uint8], at: int) -> int:
    """Four bytes, the lowest first, wherever they lie."""
    return int(data[at]) | int(data[at + 1]) << 8 | int(data[at + 2]) << 16 | int(data[at + 3]) << 24


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_and_mix(
    descriptor: int,
    positions: FourNumbers,
    lengths: FourNumbers,
    count: int,
    chunk_of: FourNumbers,
    starts: FourNumbers,
    weights: Four,
    turns: Four,
    rules: NDArray[np.int64],
    header: NDArray[np.int16],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    cells: int,
    series: NDArray[np.float32],
) -> int:
    """`storage.mixing.mix_series` of up to four chunks of `cells` cells; chunk_of: in which of them each cell lies,
    starts: where in it.

    Returns the number of a chunk that is wrong, or belongs to another run, with `series` undefined; or -1.
    """
    rows, times = 4 + len(scales), header.shape[1]
    chunks = np.empty((count, cells * rows * times), np.int16)
    wrong = load_chunks(descriptor, positions, lengths, count, chunks)
    if wrong >= 0:
        return wrong
    steps = np.empty((4, rows, times), np.int16)
    for cell in range(4):
        take_cell(chunks[chunk_of[cell]], starts[cell], cells, steps[cell].reshape(-1))
    wrong = mix_series(steps, weights, turns, rules, header, scales, offsets, series)
    return wrong if wrong < 0 else chunk_of[wrong]
