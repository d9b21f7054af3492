"""The reader's door: what it refuses, and what happens when it is closed while others read."""

from __future__ import annotations

import os
import pickle
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.archive import Entry, directory_bytes, local_header
from storage.errors import CorruptStore, StoreError
from storage.grids import Cell
from storage.layout import dequantise
from storage.reader import Store


def test_no_file_a_folder_and_other_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Store.open(tmp_path / "none.zarr.zip")
    with pytest.raises(StoreError, match="not a file"):
        Store.open(tmp_path)
    text = tmp_path / "text.zarr.zip"
    text.write_text("hello")
    with pytest.raises(CorruptStore, match=r"text\.zarr\.zip .*not a zip"):
        Store.open(text)


@pytest.mark.parametrize("root", ["{}", "[]", "no json", '{"attributes": {}}', '{"attributes": {"format": "other-2"}}'])
def test_another_zip_is_no_store(tmp_path: Path, root: str) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("zarr.json", root)
    with pytest.raises(StoreError, match=r"other\.zip"):
        Store.open(path)


def test_a_zip_that_does_not_end_with_its_root_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("zarr.json", "{}")
        zipped.writestr("more", "x")
    with pytest.raises(StoreError, match="not a store that Windlass wrote"):
        Store.open(path)


@pytest.mark.parametrize("cell", [(-1, 0), (0, -1), (13, 0), (0, 15)])
def test_cells_beyond_the_grid_are_refused(made_store: Any, cell: tuple[int, int]) -> None:
    with Store.open(made_store.path) as store, pytest.raises(IndexError, match="13 x 15"):
        store.point(Cell(*cell))


def test_a_shard_under_another_name_is_refused(tmp_path: Path, made_store: Any) -> None:
    """Two shards swapped: every checksum holds, and the numbers would be those of other cells."""
    whole = made_store.path.read_bytes()
    with Store.open(made_store.path) as store:
        entries = [store.directory.entry(number) for number in range(len(store.directory))]
    data = [whole[entry.data : entry.end] for entry in entries]
    path = tmp_path / "swapped.zarr.zip"
    order = [1, 0, *range(2, len(entries))]
    moved: list[Entry] = []
    with path.open("wb") as file:
        for number in order:
            start = moved[-1].end if moved else 0
            moved.append(entries[number]._replace(start=start))
            file.write(local_header(moved[-1]) + data[number])
        file.write(directory_bytes(moved))
    assert zipfile.ZipFile(path).testzip() is None
    with Store.open(path) as store, pytest.raises(CorruptStore, match=r"swapped.*forecast/c/0/0/0/0"):
        store.point(Cell(0, 0))


def test_chunks_of_another_run_are_refused(tmp_path: Path, make_schema: Any, write_store: Any) -> None:
    """The root document of one run before the shards of another: each of them is intact."""
    one = write_store(tmp_path / "one.zarr.zip", make_schema(leads=(0, 60, 180)))
    other = write_store(tmp_path / "other.zarr.zip", make_schema(leads=(0, 60, 240)), one.values)
    first, second = one.path.read_bytes(), other.path.read_bytes()
    with Store.open(one.path) as store, Store.open(other.path) as another:
        sources = [(first, store.directory.entry(number)) for number in range(4)]
        sources += [(second, another.directory.entry(number)) for number in range(4, len(another.directory))]
    path = tmp_path / "mixed.zarr.zip"
    moved: list[Entry] = []
    with path.open("wb") as file:
        for data, entry in sources:
            moved.append(entry._replace(start=moved[-1].end if moved else 0))
            file.write(local_header(moved[-1]) + data[entry.data : entry.end])
        file.write(directory_bytes(moved))
    with Store.open(path) as store:
        with pytest.raises(CorruptStore, match="another run or other leads"):
            store.point(Cell(0, 0))
        with pytest.raises(CorruptStore, match="another run or other leads"):
            store.block(0, 0)


def test_a_file_cut_short_while_it_is_open_is_corrupt(tmp_path: Path, make_schema: Any, write_store: Any) -> None:
    made = write_store(tmp_path / "cut.zarr.zip", make_schema())
    with Store.open(made.path) as store:
        truth = store.point(Cell(0, 0))
        os.truncate(made.path, 500)
        with pytest.raises(CorruptStore, match=r"cut\.zarr\.zip.* chunk \d+ is cut short"):
            store.point(Cell(9, 9))
        with pytest.raises(CorruptStore, match=r"cut\.zarr\.zip.*forecast/c/0/0/1/0"):
            store.point(Cell(12, 0))
    assert truth.shape == (2, 3)


def test_a_file_replaced_on_disk_stays_what_it_was(tmp_path: Path, make_schema: Any, write_store: Any) -> None:
    made = write_store(tmp_path / "run.zarr.zip", make_schema(), seed=1)
    with Store.open(made.path) as store:
        truth = store.point(Cell(3, 4))
        write_store(made.path, make_schema(leads=(0, 5)), seed=2)
        np.testing.assert_array_equal(store.point(Cell(3, 4)), truth)


def test_block_and_point_say_the_same(made_store: Any) -> None:
    with Store.open(made_store.path) as store:
        block = store.block(1, 1)
        assert block.shape == (2, 3, 3, 5)
        for row, stored in enumerate(store.schema.variables):
            values = dequantise(block[row], stored.scale_factor, stored.add_offset)
            np.testing.assert_array_equal(values[:, 2, 4], store.point(Cell(12, 14))[row])
        part = store.block(1, 1, variables=slice(1, 2), chunks=[1])
        np.testing.assert_array_equal(part[:, :, :2, 2:4], block[1:, :, :2, 2:4])


def test_a_closed_store_says_so(made_store: Any) -> None:
    store = Store.open(made_store.path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.point(Cell(0, 0))


def test_a_store_survives_pickling(made_store: Any) -> None:
    with Store.open(made_store.path) as store, pickle.loads(pickle.dumps(store)) as again:
        np.testing.assert_array_equal(again.point(Cell(1, 1)), store.point(Cell(1, 1)))


def test_the_descriptor_goes_with_the_last_reader(made_store: Any) -> None:
    store = Store.open(made_store.path)
    held = store._descriptor
    assert held is not None
    number = held.number
    store.close()
    assert os.fstat(number).st_size == made_store.path.stat().st_size
    del held
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_closing_never_makes_another_thread_read_a_reused_descriptor(
    tmp_path: Path, make_schema: Any, write_store: Any
) -> None:
    """Threads read while stores are closed and others, with other values, take over the descriptor numbers."""
    schema = make_schema()
    one = write_store(tmp_path / "one.zarr.zip", schema, seed=1)
    other = write_store(tmp_path / "other.zarr.zip", schema, seed=2)
    with Store.open(one.path) as store:
        truth = store.point(Cell(5, 5)).tobytes()
    wrong: list[object] = []
    stores = [Store.open(one.path)]
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                if stores[0].point(Cell(5, 5)).tobytes() != truth:
                    wrong.append("value")
            except StoreError as error:
                if "was closed" not in str(error):
                    wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        stores[0].close()
        decoys = [Store.open(other.path) for _ in range(3)]
        stores[0] = Store.open(one.path)
        for decoy in decoys:
            decoy.close()
    done.set()
    for thread in threads:
        thread.join()
    stores[0].close()
    assert wrong == []
