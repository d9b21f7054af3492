"""Laws of every store: what was written comes back, through every reader the same, and never a wrong number."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import CorruptStore, StoreError
from storage.grids import Cell, LatLonGrid
from storage.reader import Store
from storage.schema import StoreSchema
from storage.variables import CATALOGUE
from storage.verify import verify

Check = Callable[[Path], None]


@st.composite
def grids(draw: st.DrawFn) -> LatLonGrid:
    """Crops and closed circles, both scans, both longitude conventions, sides that are no multiple of anything."""
    ny = draw(st.integers(1, 23))
    dlat = draw(st.sampled_from([-1.0, 1.0, -0.25, 0.125]))
    lat0 = draw(st.sampled_from([0.0, 12.25])) if ny * abs(dlat) < 60 else 0.0
    if draw(st.booleans()):
        nx = draw(st.sampled_from([1, 3, 12, 20]))
        return LatLonGrid(lat0, dlat, ny, draw(st.sampled_from([0.0, -180.0])), 360.0 / nx, nx)
    return LatLonGrid(
        lat0, dlat, ny, draw(st.sampled_from([0.0, -180.0, 178.5, 359.0])), 0.25, draw(st.integers(1, 31))
    )


@settings(deadline=None, max_examples=40)
@given(
    grid=grids(),
    leads=st.lists(st.integers(0, 40 * 1440), min_size=1, max_size=5, unique=True).map(sorted),
    names=st.lists(st.sampled_from(sorted(CATALOGUE)), min_size=1, max_size=3, unique=True),
    widen=st.sampled_from([1, 5, 20]),
    offset=st.integers(-30_000, 30_000),
    seed=st.integers(0, 2**32 - 1),
    nothing=st.booleans(),
)
def test_what_was_written_comes_back_through_every_reader(
    make_schema: Any, write_store: Any, same_through_every_reader: Check, nothing: bool, seed: int, **shape: Any
) -> None:
    schema: StoreSchema = make_schema(**shape)
    with tempfile.TemporaryDirectory() as folder:
        values = None
        if nothing:
            values = {
                name: np.full((len(schema.lead_times), *schema.grid.shape), np.nan, "f4") for name in schema.names
            }
        made = write_store(Path(folder) / "store.zarr.zip", schema, values, seed=seed)
        same_through_every_reader(made.path)
        verify(made.path)
        with Store.open(made.path) as store:
            assert store.schema == schema
            assert store.schema.provenance == schema.provenance
            assert store.path == made.path
            for cell in (Cell(y, x) for y in range(schema.grid.ny) for x in range(schema.grid.nx)):
                series = store.point(cell)
                for name, row in store.index.items():
                    written = made.values[name][:, cell.y, cell.x]
                    step = schema.variables[row].scale_factor
                    np.testing.assert_allclose(series[row], written, rtol=2e-7, atol=step * 0.5001)
        with zipfile.ZipFile(made.path) as zipped:
            assert zipped.testzip() is None
            assert len(zipped.namelist()) == len(set(zipped.namelist()))
            assert {info.compress_type for info in zipped.infolist()} == {zipfile.ZIP_STORED}


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, made_store: Any, write_store: Any) -> None:
    again = write_store(tmp_path / "again.zarr.zip", made_store.schema, made_store.values)
    assert again.path.read_bytes() == made_store.path.read_bytes()


@pytest.fixture
def tiny(tmp_path: Path, make_schema: Any, write_store: Any) -> Any:
    """Two shards, four chunks."""
    return write_store(tmp_path / "tiny.zarr.zip", make_schema(LatLonGrid(0.0, 1.0, 2, 5.0, 1.0, 12), (0, 60)))


def corners(path: Path) -> list[bytes]:
    """What a reader says of cells in every chunk of `tiny`."""
    with Store.open(path) as store:
        return [store.point(Cell(y, x)).tobytes() for y, x in ((0, 0), (1, 3), (0, 5), (1, 6), (0, 9), (1, 10))]


def test_a_flipped_bit_anywhere_never_gives_a_wrong_number(tiny: Any) -> None:
    truth = corners(tiny.path)
    whole = tiny.path.read_bytes()
    found = 0
    with tiny.path.open("r+b", buffering=0) as file:
        for position, byte in enumerate(whole):
            os.pwrite(file.fileno(), bytes([byte ^ 1 << position % 8]), position)
            try:
                assert corners(tiny.path) == truth, f"byte {position}"
            except StoreError as error:
                found += str(tiny.path) in str(error)
            os.pwrite(file.fileno(), bytes([byte]), position)
    assert found > 5000
    assert corners(tiny.path) == truth


def test_a_lost_sector_never_gives_a_wrong_number(tiny: Any) -> None:
    truth = corners(tiny.path)
    whole = tiny.path.read_bytes()
    with tiny.path.open("r+b", buffering=0) as file:
        for position in range(0, len(whole), 64):
            for length in (64, 512):
                sector = whole[position : position + length]
                os.pwrite(file.fileno(), bytes(len(sector)), position)
                with contextlib.suppress(StoreError):
                    assert corners(tiny.path) == truth, f"byte {position}"
                os.pwrite(file.fileno(), sector, position)


def test_verify_finds_every_flipped_bit(tiny: Any) -> None:
    verify(tiny.path)
    whole = tiny.path.read_bytes()
    with tiny.path.open("r+b", buffering=0) as file:
        for position in range(0, len(whole), 17):
            os.pwrite(file.fileno(), bytes([whole[position] ^ 1 << position % 8]), position)
            with pytest.raises(StoreError, match="tiny"):
                verify(tiny.path)
            os.pwrite(file.fileno(), whole[position : position + 1], position)
    verify(tiny.path)


def test_a_store_cut_short_anywhere_is_no_store(tiny: Any) -> None:
    whole = tiny.path.read_bytes()
    for length in (*range(0, len(whole) - 300, 97), *range(len(whole) - 300, len(whole))):
        os.truncate(tiny.path, 0)
        tiny.path.write_bytes(whole[:length])
        with pytest.raises(CorruptStore, match="tiny"):
            Store.open(tiny.path)
    tiny.path.write_bytes(whole + b"more")
    with pytest.raises(CorruptStore):
        Store.open(tiny.path)
