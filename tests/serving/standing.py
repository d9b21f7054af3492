"""Where a model stands in a report of health, and a chunk that is spoilt."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.reader import Store
from storage.shard import INDEX_BYTES, PLACE

INIT = datetime(2026, 11, 24, tzinfo=UTC)


def standing(report: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Model -> (state, rung)."""
    return {model["model"]: (model["state"], model["rung"]) for model in report["models"]}


def damage_chunk(path: Path, number: int) -> None:
    """Flip bits in one chunk of the first shard."""
    with Store.open(path) as store:
        entry = store.directory.entry(0)
        index = store.read(INDEX_BYTES, entry.end - INDEX_BYTES)
    offset, length = PLACE.unpack_from(index, number * PLACE.size)
    data = bytearray(path.read_bytes())
    data[entry.data + offset + length // 2] ^= 0x55
    path.write_bytes(data)
