"""Chunks that a kernel reads: the same as those that Python unpacks, and none that is wrong in any bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.descriptor import Descriptor
from storage.layout import CHUNKS
from storage.loading import load_cells
from storage.shard import PLACE, ROOM, pack_shard

SHAPE = (6, 40, 2, 2)
NUMBERS = 6 * 40 * 4
Shard = tuple[NDArray[np.int16], bytes]
"""Chunks, and the shard that they make."""


@pytest.fixture
def shard() -> Shard:
    chunks = np.random.default_rng(3).integers(-90, 90, (CHUNKS, *SHAPE), np.int16)
    place = memoryview(bytearray(ROOM + chunks.nbytes))
    return chunks, bytes(place[: pack_shard(iter(chunks), place)])


def load(path: Path, numbers: list[int], data: bytes) -> tuple[int, NDArray[np.int16]]:
    """What is told of all cells of some chunks of a shard that begins at byte 7, and what they are: [chunk, cell,
    number]."""
    index = data[-CHUNKS * PLACE.size - 4 :]
    places = [PLACE.unpack_from(index, number * PLACE.size) for number in numbers]
    return take(path, np.array([(7 + offset, length) for offset, length in places]))


def take(path: Path, spans: NDArray[np.int64], numbers: int = NUMBERS // 4) -> tuple[int, NDArray[np.int16]]:
    chunk_of, starts = np.divmod(np.arange(4 * len(spans)), 4)
    out = np.zeros((len(chunk_of), numbers), np.int16)
    descriptor = Descriptor(path)
    wrong: int = load_cells(descriptor.number, spans, chunk_of, starts, 4, out)
    return wrong, out.reshape(len(spans), 4, numbers)


@pytest.mark.parametrize("numbers", [[0], [24], [3, 4], [3, 5], [0, 1, 5, 6], [18, 19, 23, 24], [0, 1, 2, 3]])
def test_chunks_are_read_wherever_they_lie(tmp_path: Path, shard: Shard, numbers: list[int]) -> None:
    chunks, data = shard
    (tmp_path / "file").write_bytes(b"before " + data + b"behind")
    wrong, told = load(tmp_path / "file", numbers, data)
    assert wrong == -1
    np.testing.assert_array_equal(told, np.moveaxis(chunks[numbers].reshape(len(numbers), NUMBERS // 4, 4), 1, 2))


def test_the_first_that_is_wrong_in_any_bit_is_named(tmp_path: Path, shard: Shard) -> None:
    _, data = shard
    offset, length = PLACE.unpack_from(data[-CHUNKS * PLACE.size - 4 :], PLACE.size)
    path = tmp_path / "file"
    for at in range(offset, offset + length):
        for bit in range(8) if at < offset + 16 or at >= offset + length - 4 else (at % 8,):
            broken = bytearray(data)
            broken[at] ^= 1 << bit
            path.write_bytes(b"before " + broken)
            assert load(path, [0, 1, 5], data)[0] == 1, (at - offset, bit)


def test_what_is_cut_short_or_no_file_is_wrong(tmp_path: Path, shard: Shard) -> None:
    _, data = shard
    offset, length = PLACE.unpack_from(data[-CHUNKS * PLACE.size - 4 :], PLACE.size * 5)
    (tmp_path / "file").write_bytes(b"before " + data[: offset + length - 1])
    assert load(tmp_path / "file", [0, 1, 5], data)[0] == 2
    nowhere = np.zeros(1, np.int64)
    assert load_cells(-1, np.array([(0, 50)]), nowhere, nowhere, 4, np.zeros((1, NUMBERS // 4), np.int16)) == 0


def test_a_frame_of_another_size_is_wrong(tmp_path: Path, shard: Shard) -> None:
    """Its checksum holds: it is a chunk of another store."""
    _, data = shard
    (tmp_path / "file").write_bytes(b"before " + data)
    offset, length = PLACE.unpack_from(data[-CHUNKS * PLACE.size - 4 :], 0)
    for numbers in (NUMBERS // 4 - 1, NUMBERS // 4 + 1):
        wrong, told = take(tmp_path / "file", np.array([(7 + offset, length)]), numbers)
        assert wrong == 0
        assert not told.any()
