"""Stores of one lead in larger chunks: every reader finds the same, whatever the size of a chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
import zarr
from numpy.typing import NDArray

from storage.errors import CorruptStore, QuantisationOverflow
from storage.grids import Cell, LatLonGrid
from storage.layout import shard_grid, shard_side
from storage.reader import Store
from storage.schema import SchemaError, StoreSchema
from storage.tiles import encode_tiles
from storage.verify import verify
from storage.writer import ShardRow, StoreWriter

NAMES = ("terrain_height_surface", "eastward_wind_10m", "northward_wind_10m", "categorical_rain_surface")
GRID = LatLonGrid(60.0, -0.5, 47, -180.0, 1.5, 240)
SIZES = [1, 4, 9, 32]


def tiled(path: Path, schema: StoreSchema, values: dict[str, NDArray[np.float32]]) -> Path:
    side = shard_side(schema)
    with StoreWriter(path, schema) as writer:
        for row in range(shard_grid(schema)[0]):
            rows = slice(row * side, (row + 1) * side)
            writer.append(encode_tiles(schema, row, lambda name, rows=rows: values[name][:, rows]))
    return path


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size} cells a side")
def pair(
    request: Any, tmp_path_factory: pytest.TempPathFactory, make_schema: Callable[..., Any], write_store: Any
) -> tuple[Store, Store]:
    """The same values in chunks of 2 x 2 cells, and in larger ones."""
    folder = tmp_path_factory.mktemp("tiles")
    plain = write_store(folder / "plain.zarr.zip", make_schema(GRID, (0, 60), NAMES))
    schema = replace(plain.schema, block=request.param)
    return Store.open(plain.path), Store.open(tiled(folder / "tiled.zarr.zip", schema, plain.values))


def test_every_cell_reads_the_same(pair: tuple[Store, Store]) -> None:
    plain, larger = pair
    random = np.random.default_rng(7)
    cells = [
        Cell(y, x)
        for y, x in zip(random.integers(0, 47, 300).tolist(), random.integers(0, 240, 300).tolist(), strict=True)
    ]
    cells += [Cell(0, 0), Cell(46, 239), Cell(46, 0), Cell(0, 239)]
    np.testing.assert_array_equal(larger.cells(cells), plain.cells(cells))
    for cell in cells[:20]:
        np.testing.assert_array_equal(larger.point(cell), plain.point(cell))
    with pytest.raises(IndexError):
        larger.point(Cell(47, 0))


def test_places_between_cells_read_the_same(pair: tuple[Store, Store]) -> None:
    plain, larger = pair
    random = np.random.default_rng(8)
    for lat, lon in zip(random.uniform(37, 60, 200).tolist(), random.uniform(-180, 180, 200).tolist(), strict=True):
        around = GRID.neighbours(lat, lon)
        np.testing.assert_array_equal(larger.mixed(around), plain.mixed(around))


def test_other_readers_find_the_same(pair: tuple[Store, Store]) -> None:
    larger = pair[1]
    assert verify(larger.path).chunks == -(-47 // larger.schema.block) * -(-240 // larger.schema.block)
    one, other = (xarray.open_dataset(store.path, engine="windlass") for store in pair)
    xarray.testing.assert_identical(one, other)
    xarray.testing.assert_identical(
        one.isel(latitude=slice(3, 40, 7), longitude=[5, 200, 6]).load(),
        other.isel(latitude=slice(3, 40, 7), longitude=[5, 200, 6]).load(),
    )
    arrays = [zarr.open_group(zarr.storage.ZipStore(store.path, mode="r"), mode="r")["forecast"] for store in pair]
    np.testing.assert_array_equal(arrays[0][:], arrays[1][:])


def test_a_flipped_bit_is_told(pair: tuple[Store, Store], tmp_path: Path) -> None:
    path = tmp_path / "spoilt.zarr.zip"
    data = bytearray(pair[1].path.read_bytes())
    data[pair[1].directory.entry(0).data + 30] ^= 4
    path.write_bytes(data)
    with pytest.raises(CorruptStore, match="does not match its crc32c"):
        Store.open(path).point(Cell(0, 0))


def test_what_does_not_fit_is_not_written(make_schema: Callable[..., Any], tmp_path: Path) -> None:
    schema = replace(make_schema(GRID, (0,), NAMES[:1]), block=8)
    path = tmp_path / "high.zarr.zip"
    with pytest.raises(QuantisationOverflow, match="terrain_height_surface from 8000"):
        tiled(path, schema, {NAMES[0]: np.full((1, 47, 240), 8000.0, np.float32)})
    assert not list(tmp_path.iterdir())
    with pytest.raises(IndexError, match="no shard row 2"):
        encode_tiles(schema, 2, lambda name: np.zeros((1, 40, 240), np.float32))
    with pytest.raises(ValueError, match=r"terrain_height_surface of shard row 1 has shape \(1, 40, 240\)"):
        encode_tiles(schema, 1, lambda name: np.zeros((1, 40, 240), np.float32))
    with pytest.raises(ValueError, match="chunks of 8 cells a side"):
        ShardRow(schema, 0)


@pytest.mark.parametrize("block", [0, -2, 257, 2.0, "2", None])
def test_the_size_of_a_chunk_is_a_small_number(make_schema: Callable[..., Any], block: Any) -> None:
    attrs = make_schema(GRID, (0,), NAMES[:1]).to_attrs()
    assert "block" not in attrs
    with pytest.raises(SchemaError, match="cells along each side"):
        StoreSchema.from_attrs(attrs | {"block": block})
    assert StoreSchema.from_attrs(attrs | {"block": 32}).to_attrs() == attrs | {"block": 32}
