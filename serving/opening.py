"""What a model's folder holds, opened and held against what its manifest says."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from serving.plan import plan_of
from storage.errors import CorruptStore, ManifestError, StorageError
from storage.grids import Cell
from storage.manifest import NAME, Manifest, parse_manifest
from storage.reader import Store
from storage.record import NAME as RECORD
from storage.record import IngestRecord, parse_record

log = logging.getLogger(__name__)

# What opening a store or reading its manifest may raise: the store's own errors, bad attributes, the system's.
Unusable = (StorageError, ValueError, OSError)


def open_store(path: Path, manifest: Manifest | None = None) -> Store:
    """Open a store, hold it against its manifest, and read from its corners and middle.

    So no request meets a file cut short or waits for what is made once per store. Raises one of `Unusable`.
    """
    store = Store.open(path)
    schema = store.schema
    if manifest is not None:
        size = path.stat().st_size
        if size != manifest.size:
            raise CorruptStore(
                f"{path} has {size} bytes and not {manifest.size}, which its manifest says: half synced?"
            )
        if (schema.model, schema.init_time) != (manifest.model, manifest.init_time):
            raise CorruptStore(
                f"{path} holds {schema.model} {minute(schema.init_time)} and not "
                f"{manifest.model} {minute(manifest.init_time)}, which its manifest says"
            )
    ny, nx = schema.grid.shape
    for y in {0, ny // 2, ny - 1}:
        for x in {0, nx // 2, nx - 1}:
            store.point(Cell(y, x))
    plan_of(schema)
    return store


def minute(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%MZ}"


def manifest_in(folder: Path, model: str) -> Manifest:
    path = folder / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ManifestError(f"{path} is gone") from error
    return parse_manifest(data, model, str(path))


def record_in(folder: Path) -> IngestRecord | None:
    path = folder / RECORD
    try:
        return parse_record(path.read_bytes(), folder.name, str(path))
    except FileNotFoundError:
        return None
    except (ManifestError, OSError) as error:
        log.warning("%s: what became of its last ingests is not known: %s", folder.name, error)
        return None
