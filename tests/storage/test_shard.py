"""A shard compressed where its own chunks lie."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.layout import CHUNKS
from storage.shard import ABSENT, INDEX_BYTES, PLACE, ROOM, check_index, pack_shard, unpack_chunk

SHAPE = (6, 209, 2, 2)
CHUNK_BYTES = 2 * 6 * 209 * 4


def in_place(chunks: NDArray[np.int16], absent: set[int]) -> bytes:
    """The shard that `pack_shard` makes of chunks that lie where it goes."""
    place = memoryview(bytearray(ROOM + CHUNKS * CHUNK_BYTES))
    there = np.frombuffer(place, np.int16)[ROOM // 2 :].reshape(CHUNKS, *SHAPE)
    there[:] = chunks
    length = pack_shard([None if number in absent else chunk for number, chunk in enumerate(there)], place)
    return bytes(place[:length])


@pytest.mark.parametrize("absent", [set(), {0}, {24}, set(range(5, 25)), {4, 9, 14, 19, 24}])
@pytest.mark.parametrize("spread", [1, 300, 32_767])
def test_chunks_come_back_from_the_place_they_were_packed_in(spread: int, absent: set[int]) -> None:
    chunks = np.random.default_rng(spread).integers(-spread, spread + 1, (CHUNKS, *SHAPE), np.int16)
    shard = in_place(chunks, absent)
    index = shard[-INDEX_BYTES:]
    check_index(index, len(shard))
    for number in range(CHUNKS):
        offset, length = place = PLACE.unpack_from(index, number * PLACE.size)
        assert (place == ABSENT) == (number in absent)
        if number not in absent:
            np.testing.assert_array_equal(unpack_chunk(shard[offset : offset + length], SHAPE), chunks[number])


def test_what_gets_no_smaller_needs_all_the_room() -> None:
    """Blosc stores such chunks behind its header."""
    chunks = np.random.default_rng(0).integers(-32_768, 32_768, (CHUNKS, *SHAPE), np.int16)
    assert len(in_place(chunks, set())) == CHUNKS * (CHUNK_BYTES + 16 + 4) + INDEX_BYTES <= ROOM + CHUNKS * CHUNK_BYTES
