"""Simulated runs, and the messages in their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import eccodes

from flows.gfs import MODEL as GFS
from flows.ifs import MODEL as IFS
from flows.model import Model
from tasks.field import FieldId, match
from tasks.grib import fields
from tasks.wanted import IndexKind, Product

RUN = datetime(2026, 4, 20, tzinfo=UTC)
LEADS = {"gfs": (0, 1, 5, 6, 7, 12, 24, 123, 126), "ifs": (0, 3, 6, 9, 24, 150)}
MODELS = {"gfs": GFS, "ifs": IFS}


@contextmanager
def decoded(message: bytes) -> Iterator[int]:
    handle = eccodes.codes_new_from_message(message)
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


def value(message: bytes, lat: float, lon: float) -> float:
    """ecCodes' own nearest point."""
    with decoded(message) as handle:
        return float(eccodes.codes_grib_find_nearest(handle, lat, lon)[0].value)


def lines_of(folder: Path, product: Product, lead: int) -> list[tuple[str, bytes]]:
    """(index line, the message at its offset) of a file."""
    data = (folder / product.data_path(RUN, lead)).read_bytes()
    lines = (folder / product.index_path(RUN, lead)).read_text().splitlines()
    if product.kind is IndexKind.ECMWF:
        rows = [json.loads(line) for line in lines]
        return [(line, data[row["_offset"] :][: row["_length"]]) for line, row in zip(lines, rows, strict=True)]
    starts = [int(line.split(":")[1]) for line in lines]
    return [(line, data[a:b]) for line, a, b in zip(lines, starts, [*starts[1:], len(data)], strict=True)]


def found(model: Model, folder: Path, lead: int, name: str) -> list[tuple[FieldId, bytes]]:
    """Every message of a lead that is the wanted variable `name`."""
    (wanted,) = (wanted for wanted in model.wanted if wanted.name == name)
    pairs = [(fields(message)[0], message) for _, message in lines_of(folder, model.product(wanted.product), lead)]
    return [pair for pair in pairs if match(pair[0], wanted)]
