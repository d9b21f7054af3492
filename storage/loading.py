"""Chunks of a file become the series of a place without a step of Python between: read, checked, unpacked, mixed.

Three functions of C are called by their names from the kernel: `pread` of the system, and what the packages of blosc
and crc32c export. It raises nothing: who is told that a chunk is wrong reads it again in Python, which says why.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import llvmlite.binding
import numpy as np
from numba import types
from numpy.typing import NDArray

from storage.grids import Four, FourNumbers
from storage.kernels import kernel
from storage.layout import BLOCKS
from storage.mixing import mix_series, take_cell
from storage.shard import BLOSC_HEADER, CRC

for _package in ("numcodecs.blosc", "google_crc32c._crc32c"):
    llvmlite.binding.load_library_permanently(import_module(_package).__file__)

_number, _address, _size = types.int32, types.int64, types.uint64
_pread: Any = types.ExternalFunction("pread", types.int64(_number, _address, _size, types.int64))
_checksum: Any = types.ExternalFunction("crc32c_value", types.uint32(_address, _size))
_unpack: Any = types.ExternalFunction("blosc_decompress_ctx", _number(_address, _address, _size, _number))

FRAME_HEADER, CHECKSUM = BLOSC_HEADER.size, CRC.size


@kernel
def load_cells(
    descriptor: int,
    spans: NDArray[np.int64],
    chunk_of: NDArray[np.int64],
    starts: NDArray[np.int64],
    size: int,
    steps: NDArray[np.int16],
) -> int:
    """Take cells out of chunks of a file; the number of the first chunk that is wrong, or -1.

    spans: [chunk, 2] position and length of each, rising; those that lie one behind the other are read at once.
    chunk_of: [cell] in which of them it is; starts: [cell] its number among the `size` cells of a chunk; steps: [cell,
    number]. One chunk after the other is unpacked into the same memory, which a processor has at hand then.
    """
    data = np.empty(spans[:, 1].sum(), np.uint8)
    chunk = np.empty(size * steps.shape[1], np.int16)
    first = 0
    while first < len(spans):
        last, length = first, spans[first, 1]
        while last + 1 < len(spans) and spans[last + 1, 0] == spans[last, 0] + spans[last, 1]:
            last += 1
            length += spans[last, 1]
        if _pread(descriptor, data.ctypes.data, length, spans[first, 0]) != length:
            return first
        at = 0
        for number in range(first, last + 1):
            end = at + spans[number, 1]
            if not _unpack_chunk(data[at:end], chunk):
                return number
            for cell in range(len(chunk_of)):
                if chunk_of[cell] == number:
                    take_cell(chunk, starts[cell], size, steps[cell])
            at = end
        first = last + 1
    return -1


@kernel
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


@kernel
def _word(data: NDArray[np.uint8], at: int) -> int:
    """Four bytes, the lowest first, wherever they lie."""
    return int(data[at]) | int(data[at + 1]) << 8 | int(data[at + 2]) << 16 | int(data[at + 3]) << 24


@kernel
def load_and_mix(
    descriptor: int,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    c: NDArray[np.int64],
    d: NDArray[np.int64],
    ys: FourNumbers,
    xs: FourNumbers,
    size: int,
    weights: Four,
    turns: Four,
    rules: NDArray[np.int64],
    header: NDArray[np.int16],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    series: NDArray[np.float32],
) -> int:
    """`storage.mixing.mix_series` of four cells, straight from the file.

    a, b, c, d: `storage.shards.Shards.spans` of the shard of each cell; ys, xs: its row and column; size: cells along
    each side of a chunk. Returns the number of a cell whose chunk is wrong, or belongs to another run, with `series`
    undefined; or -1.
    """
    side = BLOCKS * size
    spans = np.empty((4, 2), np.int64)
    chunk_of = np.empty(4, np.int64)
    count = 0
    for cell, of_shard in enumerate((a, b, c, d)):
        number = ys[cell] % side // size * BLOCKS + xs[cell] % side // size
        position, length = of_shard[number]
        at = 0
        while at < count and spans[at, 0] < position:
            at += 1
        if at == count or spans[at, 0] != position:
            for other in range(count, at, -1):
                spans[other] = spans[other - 1]
            for other in range(cell):
                chunk_of[other] += chunk_of[other] >= at
            spans[at, 0], spans[at, 1] = position, length
            count += 1
        chunk_of[cell] = at
    steps = np.empty((4, 4 + len(scales), header.shape[1]), np.int16)
    starts = np.array([ys[cell] % size * size + xs[cell] % size for cell in range(4)])
    wrong = load_cells(descriptor, spans[:count], chunk_of, starts, size * size, steps.reshape(4, -1))
    if wrong >= 0:
        for cell in range(4):
            if chunk_of[cell] == wrong:
                return cell
    return mix_series(steps, weights, turns, rules, header, scales, offsets, series)
