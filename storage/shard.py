"""One shard: the compressed chunks of SHARD x SHARD cells, then the index that says where each of them lies.

Zarr v3 `sharding_indexed` 1.0 with the index at the end: CHUNKS pairs of little-endian uint64 (offset, length), then
the crc32c of these bytes. Every chunk is a blosc frame (lz4, byte shuffle) followed by its own crc32c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import google_crc32c
import numpy as np
from numcodecs import blosc
from numpy.typing import NDArray

from storage.errors import CorruptStore
from storage.layout import BLOCKS, CHUNKS

PLACE = struct.Struct("<QQ")
CRC = struct.Struct("<I")
ABSENT = (2**64 - 1, 2**64 - 1)
INDEX_BYTES = CHUNKS * PLACE.size + CRC.size
# Blosc 1 frame header: versions, flags and typesize, then uncompressed size, block size and compressed size.
BLOSC_HEADER = struct.Struct("<4BIII")
ROOM = -(-(CHUNKS * (BLOSC_HEADER.size + CRC.size) + INDEX_BYTES) // 64) * 64
"""Bytes by which a shard may be longer than its chunks: blosc stores what lz4 makes no smaller. Whole cache lines."""


def compress_inline() -> None:
    """Let blosc work in the calling thread without the GIL, instead of in a global pool behind a lock.

    Importing zarr does the same; the pool would also make the order of blocks in a frame a matter of luck.
    """
    blosc.use_threads = False


def unpack_chunk(data: bytes, shape: tuple[int, ...]) -> NDArray[np.int16]:
    """The int16 array of one chunk; raises CorruptStore."""
    frame = data[: -CRC.size]
    if len(frame) < BLOSC_HEADER.size or CRC.pack(google_crc32c.value(frame)) != data[-CRC.size :]:
        raise CorruptStore("does not match its crc32c")
    *_, size, _, length = BLOSC_HEADER.unpack_from(frame)
    if size != 2 * shape[0] * shape[1] * shape[2] * shape[3] or length != len(frame):
        raise CorruptStore(f"unpacks to {size} bytes, not to {shape} int16")
    try:
        return np.frombuffer(blosc.decompress(frame), np.int16).reshape(shape)
    except RuntimeError as error:
        raise CorruptStore(f"is no blosc frame: {error}") from error


def pack_shard(chunks: Iterable[NDArray[np.int16] | None], place: memoryview) -> int:
    """Compress chunks, row by row of blocks, to a shard at the beginning of `place`; None for a block off the grid.

    Returns the shard's length. The chunks may lie in `place` themselves, one after another from byte ROOM on: no frame
    gets longer than its chunk by more than its part of ROOM, so none is written over a chunk that is still to come.
    """
    places = []
    end = 0
    for chunk in chunks:
        if chunk is None:
            places.append(PLACE.pack(*ABSENT))
            continue
        frame = blosc.compress(chunk, b"lz4", 5, blosc.SHUFFLE)
        length = len(frame)
        place[end : end + length] = frame
        CRC.pack_into(place, end + length, google_crc32c.value(frame))
        places.append(PLACE.pack(end, length + CRC.size))
        end += length + CRC.size
    index = b"".join(places)
    place[end : end + INDEX_BYTES] = index + CRC.pack(google_crc32c.value(index))
    return end + INDEX_BYTES


def check_index(index: bytes, size: int) -> None:
    """Raise CorruptStore unless the last INDEX_BYTES of a shard of `size` bytes tile the rest of it in order."""
    if len(index) != INDEX_BYTES:
        raise CorruptStore("is too short for its shard index")
    if CRC.pack(google_crc32c.value(index[: -CRC.size])) != index[-CRC.size :]:
        raise CorruptStore("has a shard index that does not match its crc32c")
    end = 0
    for place in PLACE.iter_unpack(index[: -CRC.size]):
        if place != ABSENT:
            if place[0] != end:
                raise CorruptStore("has a shard index with gaps")
            end += place[1]
    if end + INDEX_BYTES != size:
        raise CorruptStore("has a shard index that does not fill its entry")


def check_margins(index: bytes, rows: int, columns: int, block: int) -> None:
    """Raise CorruptStore unless chunks of `block` cells a side are absent exactly where the grid, which goes on for so
    many rows and columns from the shard's first cell on, has none.
    """
    for number, place in enumerate(PLACE.iter_unpack(index[: -CRC.size])):
        beyond = number // BLOCKS * block >= rows or number % BLOCKS * block >= columns
        if beyond != (place == ABSENT):
            raise CorruptStore(f"chunk {number} is {'outside the grid' if beyond else 'missing'}")
