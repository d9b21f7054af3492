"""Short stores against the stores of their runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.grids import Cell, LatLonGrid
from storage.layout import BLOCKS, shard_grid
from storage.reader import Store
from storage.schema import StoreSchema
from storage.short import ShortRow, short_of
from storage.verify import verify
from storage.writer import EncodedBand, ShardRow, StoreWriter


def filled(schema: StoreSchema, number: int) -> ShardRow:
    """A row of shards whose steps are noise, the same for the same number."""
    row = ShardRow(schema, number)
    chance = np.random.default_rng(number)
    for name in schema.names:
        for strip in range(row.strips):
            height = min(2, len(row.rows) - 2 * strip)
            row.put(name, strip, chance.normal(9, 3, (len(schema.lead_times), height, schema.grid.nx)))
    return row


def band(number: int, row: Any) -> EncodedBand:
    return EncodedBand(number, *zip(*row.encode(range(row.columns)), strict=True))


@pytest.mark.parametrize(("ny", "nx"), [(61, 103), (50, 100), (7, 3), (101, 9)])
def test_every_cell_of_a_short_store_is_that_of_its_run(tmp_path: Path, make_schema: Any, ny: int, nx: int) -> None:
    schema = replace(make_schema(), grid=LatLonGrid(60.0, -0.5, ny, 0.0, 0.5, nx))
    first = short_of(schema, schema.lead_times[1])
    with StoreWriter(tmp_path / "run", schema) as whole, StoreWriter(tmp_path / "short", first) as short:
        gathered = None
        for number in range(shard_grid(schema)[0]):
            row = filled(schema, number)
            gathered = gathered or ShortRow(first, number // BLOCKS)
            gathered.take(number, row)
            if number == gathered.rows[-1]:
                short.append(band(gathered.row, gathered))
                gathered = None
            whole.append(band(number, row))
    assert gathered is None
    verify(tmp_path / "short")
    cells = [Cell(y, x) for y in range(ny) for x in range(nx)]
    with Store.open(tmp_path / "run") as run, Store.open(tmp_path / "short") as shorter:
        np.testing.assert_array_equal(shorter.cells(cells), run.cells(cells)[..., : len(first.lead_times)])


def test_a_row_that_lacks_one_of_its_run_is_not_encoded(make_schema: Any) -> None:
    schema = replace(make_schema(), grid=LatLonGrid(60.0, -0.5, 21, 0.0, 0.5, 9))
    row = ShortRow(short_of(schema, schema.lead_times[0]), 0)
    for number in (0, 2):
        row.take(number, filled(schema, number))
    with pytest.raises(ValueError, match="row 1 of short row 0 was not taken"):
        row.encode(range(1))
    with pytest.raises(IndexError, match="no shard row 1"):
        ShortRow(short_of(schema, schema.lead_times[0]), 1)


def test_a_row_of_another_run_is_not_taken(make_schema: Any) -> None:
    schema = replace(make_schema(), grid=LatLonGrid(60.0, -0.5, 9, 0.0, 0.5, 9))
    other = ShortRow(short_of(replace(schema, model="ifs"), schema.lead_times[0]), 0)
    with pytest.raises(ValueError, match="the same run and nothing else"):
        other.take(0, filled(schema, 0))
    late = filled(schema, 0)
    late.encode(range(1))
    with pytest.raises(ValueError, match="was encoded already"):
        ShortRow(short_of(schema, schema.lead_times[0]), 0).take(0, late)
