"""Verifying: every byte is looked at, and the entry that is wrong is named."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from storage.archive import ArchiveWriter
from storage.errors import CorruptStore
from storage.grids import LatLonGrid
from storage.metadata import documents
from storage.reader import Store
from storage.verify import SAMPLED, spot_check, verify


def test_a_good_store_is_counted(made_store: Any) -> None:
    told: list[tuple[int, int]] = []
    verified = verify(made_store.path, lambda done, total: told.append((done, total)))
    assert verified.schema == made_store.schema
    assert verified.size == made_store.path.stat().st_size
    assert verified.chunks == 7 * 8
    assert told == [(number + 1, verified.entries) for number in range(verified.entries)]
    assert verified.entries == 4 + len(documents(made_store.schema))


@pytest.mark.parametrize("number", range(4))
def test_a_spoilt_shard_is_named(tmp_path: Path, made_store: Any, number: int) -> None:
    path = tmp_path / "spoilt.zarr.zip"
    path.write_bytes(made_store.path.read_bytes())
    with Store.open(path) as store:
        entry = store.directory.entry(number)
    with path.open("r+b", buffering=0) as file:
        byte = os.pread(file.fileno(), 1, entry.data + 100)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 16]), entry.data + 100)
    with pytest.raises(CorruptStore, match=rf"spoilt\.zarr\.zip.*{entry.name.decode()}"):
        verify(path)


def test_documents_that_contradict_the_schema_are_found(tmp_path: Path, made_store: Any) -> None:
    """Every checksum holds, but plain zarr-python would scale with other numbers than our reader."""
    other = documents(made_store.schema)
    other["scale_factor/c/0"] = bytes(len(other["scale_factor/c/0"]))
    path = tmp_path / "other.zarr.zip"
    with Store.open(made_store.path) as store, path.open("wb") as file:
        writer = ArchiveWriter(file.write)
        for entry in map(store.directory.entry, range(4)):
            writer.add(entry.name.decode(), store.read_entry(entry), entry.crc)
        for name, data in other.items():
            writer.add(name, data, zlib.crc32(data))
        writer.close()
    with pytest.raises(CorruptStore, match="scale_factor/c/0 is not what the schema says"):
        verify(path)


def test_a_missing_document_is_found(tmp_path: Path, made_store: Any) -> None:
    path = tmp_path / "other.zarr.zip"
    with Store.open(made_store.path) as store, path.open("wb") as file:
        writer = ArchiveWriter(file.write)
        for entry in map(store.directory.entry, range(len(store.directory))):
            if entry.name != b"spatial_ref/c":
                writer.add(entry.name.decode(), store.read_entry(entry), entry.crc)
        writer.close()
    with pytest.raises(CorruptStore, match="spatial_ref/c"):
        verify(path)


@pytest.fixture
def many(tmp_path: Path, make_schema: Any, write_store: Any) -> Any:
    """A store of more shards than a writer reads whole."""
    made = write_store(tmp_path / "many.zarr.zip", make_schema(LatLonGrid(0.0, 1.0, 9, 0.0, 1.0, 20 * SAMPLED)))
    spot_check(made.path, made.schema)
    return made


@pytest.mark.parametrize("shard", range(2 * SAMPLED))
def test_a_writer_finds_any_shard_that_does_not_end_in_its_index(many: Any, shard: int) -> None:
    with Store.open(many.path) as store:
        entry = store.directory.entry(shard)
    with many.path.open("r+b") as file:
        file.seek(entry.end - 100)
        file.write(bytes(8))
    with pytest.raises(CorruptStore, match=rf"many\.zarr\.zip: {entry.name.decode()} has a shard index"):
        spot_check(many.path, many.schema)


def test_a_writer_finds_shards_that_changed_places(tmp_path: Path, many: Any) -> None:
    path = tmp_path / "changed.zarr.zip"
    with Store.open(many.path) as store, path.open("wb") as file:
        writer = ArchiveWriter(file.write)
        entries = list(map(store.directory.entry, range(len(store.directory))))
        for entry in (entries[0], entries[2], entries[1], *entries[3:]):
            writer.add(entry.name.decode(), store.read_entry(entry), entry.crc)
        writer.close()
    with pytest.raises(CorruptStore, match="entry 1 is b'forecast/c/0/0/0/2'"):
        spot_check(path, many.schema)


def test_a_writer_finds_another_schema(many: Any, made_store: Any) -> None:
    with pytest.raises(CorruptStore, match="schema reads back differently"):
        spot_check(many.path, made_store.schema)
