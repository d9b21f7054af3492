"""Shards of stores whose chunks are larger than BLOCK x BLOCK cells: few leads, many cells, such as maps of the ground.

A chunk of 2 x 2 cells and one lead has 40 bytes, and its frame, checksum and place take as many again; of 32 x 32 cells
they are 0.4 percent.
"""

from __future__ import annotations

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from storage.errors import QuantisationOverflow
from storage.layout import BLOCKS, FILL, HEADER, chunk_shape, header_rows, shard_grid, shard_side
from storage.schema import StoredVariable, StoreSchema
from storage.shard import ROOM, compress_inline, pack_shard
from storage.writer import Band, EncodedBand


def encode_tiles(schema: StoreSchema, shard_row: int, band: Band) -> EncodedBand:
    """Quantise, chunk and compress one row of shards of every variable in this thread.

    `band(name)`: float32 [time, rows, nx] of the rows of that row of shards, in the variable's units, NaN = missing;
    those of all variables are held at a time. Raises QuantisationOverflow, and IndexError for a row that the grid does
    not have.
    """
    compress_inline()
    side = shard_side(schema)
    if not 0 <= shard_row < shard_grid(schema)[0]:
        raise IndexError(f"{schema.model}: no shard row {shard_row} in a grid of {schema.grid.ny} rows")
    rows = min(side, schema.grid.ny - shard_row * side)
    shape = (len(schema.lead_times), rows, schema.grid.nx)
    bands = [(stored, band(stored.name)) for stored in schema.variables]
    for stored, values in bands:
        if values.shape != shape:
            raise ValueError(f"{schema.model}: {stored.name} of shard row {shard_row} has shape {values.shape}")
    cells, times, height, width = chunk_shape(schema)
    steps = np.empty((cells, times, side, side), np.int16)
    steps[: len(HEADER)] = header_rows(schema)[:, :, None, None]
    place = memoryview(bytearray(ROOM + steps.nbytes))
    shards = []
    for first in range(0, schema.grid.nx, side):
        for number, (stored, values) in enumerate(bands, len(HEADER)):
            steps[number] = FILL
            part = values[:, :, first : first + side]
            steps[number, :, :rows, : part.shape[2]] = _steps(schema, stored, part)
        there = rows, min(side, schema.grid.nx - first)
        chunks = (
            np.ascontiguousarray(steps[:, :, y : y + height, x : x + width]) if y < there[0] and x < there[1] else None
            for y in range(0, BLOCKS * height, height)
            for x in range(0, BLOCKS * width, width)
        )
        shards.append(memoryview(bytes(place[: pack_shard(chunks, place)])))
    return EncodedBand(shard_row, tuple(shards), tuple(crc32(shard) for shard in shards))


def _steps(schema: StoreSchema, stored: StoredVariable, values: NDArray[np.float32]) -> NDArray[np.int16]:
    """int16 steps of values, FILL where they are missing. Raises QuantisationOverflow."""
    steps = np.rint((values.astype(np.float64) - stored.add_offset) / stored.scale_factor)
    missing = np.isnan(steps)
    if not (missing | (np.abs(steps) <= 32767.0)).all():
        raise QuantisationOverflow(
            f"{schema.model}: values of {stored.name} from {np.nanmin(values)} to {np.nanmax(values)} do not fit step "
            f"{stored.scale_factor:g} around {stored.add_offset:g}"
        )
    return np.where(missing, FILL, steps).astype(np.int16)
