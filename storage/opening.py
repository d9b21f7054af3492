"""What a store says of itself, read from the end of its file."""

from __future__ import annotations

import json
from pathlib import Path

from isal.isal_zlib import crc32

from storage.archive import Directory, Entry
from storage.descriptor import Descriptor
from storage.errors import CorruptStore, StoreError
from storage.layout import shard_grid
from storage.schema import StoreSchema

ROOT = b"zarr.json"


def read_entry(descriptor: Descriptor, entry: Entry, path: Path) -> bytes:
    data = descriptor.read(entry.size, entry.data)
    if len(data) != entry.size or crc32(data) != entry.crc:
        raise CorruptStore(f"{path}: {entry.name.decode('ascii', 'replace')} does not match its crc")
    return data


def read_schema(descriptor: Descriptor, directory: Directory) -> StoreSchema:
    """The schema in the root document, which is the last entry."""
    if not len(directory) or (root := directory.entry(len(directory) - 1)).name != ROOT:
        raise StoreError("is a zip, but not a store that Windlass wrote: its last entry is not zarr.json")
    try:
        attrs = json.loads(read_entry(descriptor, root, descriptor.path))["attributes"]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, CorruptStore):
            raise
        raise StoreError("is a zip, but not a store that Windlass wrote: its zarr.json holds no attributes") from error
    schema = StoreSchema.from_attrs(attrs)
    rows, columns = shard_grid(schema)
    if len(directory) <= rows * columns:
        raise CorruptStore(f"holds {len(directory)} entries and needs {rows * columns} shards")
    return schema
