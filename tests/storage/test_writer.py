"""What a writer refuses, and what it leaves behind: a whole store or nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import storage.writer
from storage.errors import CorruptStore, DiskFull, QuantisationOverflow
from storage.grids import Cell, LatLonGrid
from storage.layout import shard_grid
from storage.reader import Store
from storage.writer import EncodedBand, ShardRow, StoreWriter, encode_band


def zeros(schema: Any, rows: int) -> NDArray[np.float32]:
    return np.full((len(schema.lead_times), rows, schema.grid.nx), 280.0, np.float32)


def write(path: Path, schema: Any, bands: Iterable[EncodedBand]) -> None:
    with StoreWriter(path, schema) as writer:
        for band in bands:
            writer.append(band)


@pytest.fixture
def schema(make_schema: Any) -> Any:
    return make_schema(names=["air_temperature_2m"], offset=28_000)


@pytest.fixture
def bands(schema: Any) -> list[EncodedBand]:
    return [encode_band(schema, 0, lambda _: zeros(schema, 10)), encode_band(schema, 1, lambda _: zeros(schema, 3))]


def test_a_store_appears_whole_and_the_part_goes(tmp_path: Path, schema: Any, bands: list[EncodedBand]) -> None:
    path = tmp_path / "run.zarr.zip"
    with StoreWriter(path, schema) as writer:
        for band in bands:
            writer.append(band)
            assert not path.exists()
        writer.close()
        assert path.exists()
    assert os.listdir(tmp_path) == ["run.zarr.zip"]
    with Store.open(path) as store:
        np.testing.assert_array_equal(store.point(Cell(12, 14)), np.full((1, 3), 280.0, np.float32))


def test_a_part_left_by_a_killed_writer_is_written_over(tmp_path: Path, schema: Any, bands: list[EncodedBand]) -> None:
    path = tmp_path / "run.zarr.zip"
    (tmp_path / "run.zarr.zip.part").write_bytes(b"x" * 1_000_000)
    write(path, schema, bands)
    Store.open(path).close()


def test_an_error_in_its_block_leaves_nothing(tmp_path: Path, schema: Any, bands: list[EncodedBand]) -> None:
    def broken() -> Iterator[EncodedBand]:
        yield bands[0]
        raise KeyError("stop")

    with pytest.raises(KeyError):
        write(tmp_path / "run.zarr.zip", schema, broken())
    assert os.listdir(tmp_path) == []


def test_missing_rows_leave_nothing(tmp_path: Path, schema: Any, bands: list[EncodedBand]) -> None:
    with pytest.raises(ValueError, match="1 of 2"):
        write(tmp_path / "run.zarr.zip", schema, bands[:1])
    assert os.listdir(tmp_path) == []


def test_rows_come_in_order(tmp_path: Path, schema: Any, bands: list[EncodedBand]) -> None:
    with pytest.raises(ValueError, match="row 0"):
        write(tmp_path / "run.zarr.zip", schema, bands[1:])
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, schema: Any, bands: list[EncodedBand]) -> None:
    # Every write to /dev/full fails with ENOSPC.
    (tmp_path / "run.zarr.zip.part").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=r"run\.zarr\.zip"):
        write(tmp_path / "run.zarr.zip", schema, bands)
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_at_the_sync_leaves_nothing(
    tmp_path: Path, schema: Any, bands: list[EncodedBand], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.writer.os, "fsync", full)
    with pytest.raises(DiskFull):
        write(tmp_path / "run.zarr.zip", schema, bands)
    assert os.listdir(tmp_path) == []


def test_what_reads_back_wrong_is_not_shown(tmp_path: Path, schema: Any, bands: list[EncodedBand]) -> None:
    shard = bytearray(bands[1].shards[0])
    shard[40] ^= 1
    spoilt = EncodedBand(1, (bytes(shard), bands[1].shards[1]), bands[1].crcs)
    with pytest.raises(CorruptStore, match=r"run\.zarr\.zip"):
        write(tmp_path / "run.zarr.zip", schema, [bands[0], spoilt])
    assert os.listdir(tmp_path) == []


ONE_ROW = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from storage.grids import LatLonGrid
from storage.schema import Freshness, StoredVariable, StoreSchema
from storage.variables import variable
from storage.writer import StoreWriter, encode_band
stored = StoredVariable(variable("air_temperature_2m"), 0.01, 280.0, (0,))
grid = LatLonGrid(0.0, 1.0, 20, 0.0, 1.0, 3)
schema = StoreSchema("gfs", datetime(2026, 4, 20, tzinfo=UTC), (0,), (stored,), grid, Freshness(1, 2, 3), "", "")
band = encode_band(schema, 0, lambda name: np.full((1, 10, 3), 280.0, np.float32))
"""


def test_a_killed_writer_leaves_its_part_and_shows_nothing(tmp_path: Path) -> None:
    code = """
writer = StoreWriter(Path(sys.argv[1]), schema)
writer.append(band)
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "run.zarr.zip"
    run = subprocess.run([sys.executable, "-c", ONE_ROW + code, str(path)], cwd=Path(__file__).parents[2])
    assert run.returncode == -9
    assert os.listdir(tmp_path) == ["run.zarr.zip.part"]


def test_room_that_ends_within_a_shard_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """The system writes what fits and says so; only the next write fails."""
    code = """
import resource
from storage.errors import DiskFull
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
try:
    with StoreWriter(Path(sys.argv[1]), schema) as writer:
        writer.append(band)
except DiskFull as error:
    print(error)
"""
    path = tmp_path / "run.zarr.zip"
    command = [sys.executable, "-c", ONE_ROW + code, str(path)]
    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert run.stdout.startswith(f"no room left on the disk of {path}.part"), run.stderr
    assert os.listdir(tmp_path) == []


def test_overflow_names_the_variable_and_the_range(schema: Any) -> None:
    values = zeros(schema, 10)
    values[1, 2, 3] = 1000.0
    with pytest.raises(QuantisationOverflow, match=r"gfs 2026-04-20T06:00Z: 1 values of air_temperature_2m .* 1000"):
        encode_band(schema, 0, lambda _: values)


def test_infinity_is_an_overflow_not_a_missing_value(schema: Any) -> None:
    values = zeros(schema, 10)
    values[0, 0, 0] = np.inf
    with pytest.raises(QuantisationOverflow):
        encode_band(schema, 0, lambda _: values)


def test_a_band_of_another_shape_is_refused(schema: Any) -> None:
    with pytest.raises(ValueError, match="air_temperature_2m of shard row 1 has shape"):
        encode_band(schema, 1, lambda _: zeros(schema, 10))
    with pytest.raises(IndexError, match="no shard row 2"):
        encode_band(schema, 2, lambda _: zeros(schema, 10))


def test_each_variable_is_asked_once_in_turn(make_schema: Any) -> None:
    names = ["air_temperature_2m", "cloud_cover_atmosphere", "wind_gust_surface"]
    schema = make_schema(LatLonGrid(0.0, 1.0, 3, 0.0, 1.0, 4), names=names)
    asked: list[str] = []

    def band(name: str) -> NDArray[np.float32]:
        asked.append(name)
        return np.zeros((3, 3, 4), np.float32)

    encoded = encode_band(schema, 0, band)
    assert asked == names
    assert len(encoded.shards) == len(encoded.crcs) == shard_grid(schema)[1]


def test_strips_may_come_in_any_order_and_shards_leave_in_any(make_schema: Any) -> None:
    schema = make_schema(names=["air_temperature_2m", "wind_gust_surface"])
    random = np.random.default_rng(1)
    values = {name: random.uniform(-9, 9, (3, 10, 15)).astype(np.float32) for name in schema.names}
    row = ShardRow(schema, 0)
    assert (row.rows, row.strips, row.columns) == (range(10), 5, 2)
    for strip in (3, 0, 4, 2, 1):
        for name in reversed(schema.names):
            row.put(name, strip, values[name][:, 2 * strip : 2 * strip + 2])
    encoded = encode_band(schema, 0, values.__getitem__)
    assert row.encode(range(1, 2)) + row.encode(range(1)) == tuple(zip(encoded.shards, encoded.crcs, strict=True))[::-1]


def test_the_last_strip_has_the_rows_that_are_left(schema: Any) -> None:
    row = ShardRow(schema, 1)
    assert (row.rows, row.strips) == (range(10, 13), 2)
    row.put("air_temperature_2m", 0, zeros(schema, 2))
    with pytest.raises(ValueError, match="strip 1 of air_temperature_2m in shard row 1 was not put"):
        row.encode(range(1))
    row.put("air_temperature_2m", 1, zeros(schema, 1))
    assert len(row.encode(range(2))) == 2


@pytest.mark.parametrize(("strip", "rows"), [(0, 1), (1, 2), (2, 0), (-1, 1)])
def test_a_strip_of_another_shape_is_refused(schema: Any, strip: int, rows: int) -> None:
    with pytest.raises(ValueError, match=f"strip {strip} of air_temperature_2m in shard row 1 has shape"):
        ShardRow(schema, 1).put("air_temperature_2m", strip, zeros(schema, rows))


def test_a_shard_leaves_once_and_nothing_comes_after(schema: Any) -> None:
    row = ShardRow(schema, 1)
    for strip, rows in ((0, 2), (1, 1)):
        row.put("air_temperature_2m", strip, zeros(schema, rows))
    row.encode(range(1))
    with pytest.raises(ValueError, match="shard 1, 0 was encoded already"):
        row.encode(range(2))
    with pytest.raises(ValueError, match="after shards of it were encoded"):
        row.put("air_temperature_2m", 1, zeros(schema, 1))


def test_a_row_in_the_buffer_of_another_forgets_it(tmp_path: Path, make_schema: Any) -> None:
    schema = make_schema(names=["air_temperature_2m", "wind_gust_surface"])
    random = np.random.default_rng(2)
    values = {name: random.uniform(-327, 327, (3, 13, 15)).astype(np.float32) for name in schema.names}
    buffer = None
    found = []
    for number in (0, 1, 0):
        row = ShardRow(schema, number, buffer)
        for name in schema.names:
            for strip in range(row.strips):
                row.put(name, strip, values[name][:, row.rows[2 * strip : 2 * strip + 2]])
        found.append([(bytes(shard), crc) for shard, crc in row.encode(range(row.columns))])
        buffer = row.buffer
    for number, shards in zip((0, 1, 0), found, strict=True):
        rows = slice(10 * number, 10 * number + 10)
        band = encode_band(schema, number, lambda name, rows=rows: values[name][:, rows])
        assert shards == list(zip(band.shards, band.crcs, strict=True))
        assert [crc for _, crc in shards] == [zlib.crc32(shard) for shard, _ in shards]


def test_a_store_takes_no_more_room_than_its_bytes_and_less_where_there_is_no_more(
    tmp_path: Path, schema: Any, bands: list[EncodedBand], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    allocate = os.posix_fallocate

    def count(descriptor: int, start: int, size: int) -> None:
        asked.append(size)
        if len(asked) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        allocate(descriptor, start, size)

    monkeypatch.setattr(os, "posix_fallocate", count)
    monkeypatch.setattr("storage.writer.RESERVED", 100)
    path = tmp_path / "run.zarr.zip"
    write(path, schema, bands)
    assert len(asked) == 2
    facts = path.stat()
    assert facts.st_blocks * 512 < facts.st_size + 2 * facts.st_blksize
    with Store.open(path) as store:
        assert (store.point(Cell(12, 0)) == 280).all()
