"""Holds a store against everything it says of itself: all of it, or quickly before it is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.archive import directory_bytes, local_header
from storage.errors import CorruptStore
from storage.layout import shard_grid
from storage.metadata import documents
from storage.reader import Store
from storage.schema import StoreSchema

Progress = Callable[[int, int], None]

SAMPLED = 16


@dataclass(frozen=True)
class Verified:
    """What was checked: every byte of the file."""

    path: Path
    schema: StoreSchema
    size: int
    entries: int
    chunks: int


def verify(path: str | os.PathLike[str], progress: Progress | None = None) -> Verified:
    """Check every byte: directory, local headers, crc of every entry, shard indexes, crc32c and header rows of
    every chunk, and that the documents are those of the schema.

    `progress(done, total)` counts entries. Raises CorruptStore naming the entry, StoreError, FileNotFoundError.
    """
    with Store.open(path) as store:
        _check_documents(store)
        entries = [store.directory.entry(number) for number in range(len(store.directory))]
        tail = directory_bytes(entries)
        if store.read(len(tail) + 1, entries[-1].end) != tail:
            raise CorruptStore(f"{store.path}: the central directory does not say what this format says")
        rows, columns = shard_grid(store.schema)
        block = store.schema.block
        chunks = -(-store.schema.grid.ny // block) * -(-store.schema.grid.nx // block)
        for number, entry in enumerate(entries):
            name = entry.name.decode("ascii", "replace")
            header = local_header(entry)
            if store.read(len(header), entry.start) != header:
                raise CorruptStore(f"{store.path}: the local header of {name} contradicts the central directory")
            store.read_entry(entry)
            if number < rows * columns:
                store.block(*divmod(number, columns))
            if progress:
                progress(number + 1, len(entries))
        return Verified(store.path, store.schema, entries[-1].end + len(tail), len(entries), chunks)


def spot_check(path: Path, schema: StoreSchema) -> None:
    """What a writer checks before it shows a store: directory, documents, that every shard lies where it should and
    ends in its own index, and SAMPLED whole shards spread over the grid. Raises CorruptStore.
    """
    with Store.open(path) as store:
        if store.schema != schema:
            raise CorruptStore(f"{path}: the schema reads back differently")
        _check_documents(store)
        rows, columns = shard_grid(schema)
        for shard in range(rows * columns):
            # Nothing of it: name and index alone are read and checked.
            store.block(*divmod(shard, columns), variables=slice(0), chunks=())
        for shard in np.unique(np.linspace(0, rows * columns - 1, SAMPLED).astype(int)).tolist():
            store.block(*divmod(shard, columns))


def _check_documents(store: Store) -> None:
    """Everything behind the shards is what `documents` gives for the schema."""
    rows, columns = shard_grid(store.schema)
    expected = documents(store.schema)
    found = [store.directory.entry(number) for number in range(rows * columns, len(store.directory))]
    names = [entry.name.decode("ascii", "replace") for entry in found]
    if names != list(expected):
        raise CorruptStore(f"{store.path}: holds {', '.join(names)} behind its shards, not {', '.join(expected)}")
    for name, entry in zip(names, found, strict=True):
        if store.read_entry(entry) != expected[name]:
            raise CorruptStore(f"{store.path}: {name} is not what the schema says")
