"""Bands in, shards out: what turns maps into series, and the only thing that writes a store."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from storage.archive import ArchiveWriter
from storage.disk import PART, fsync_folder, room_on_disk
from storage.errors import QuantisationOverflow
from storage.layout import BLOCK, BLOCKS, HEADER, SHARD, chunk_shape, header_rows, pack_rows, shard_grid, shard_key
from storage.metadata import documents
from storage.schema import StoreSchema
from storage.shard import compress_inline, join_chunks, pack_chunk
from storage.verify import spot_check

Band = Callable[[str], NDArray[np.float32]]


@dataclass(frozen=True)
class EncodedBand:
    """The shards of one row of shards, west to east as the grid lies, with their zlib.crc32."""

    row: int
    shards: tuple[bytes, ...]
    crcs: tuple[int, ...]


def encode_band(schema: StoreSchema, shard_row: int, band: Band) -> EncodedBand:
    """Quantise, chunk and compress SHARD rows of every variable: pure, and without the GIL where it takes long.

    `band(name)`: float32 [time, rows <= SHARD, nx] in the variable's units, NaN = missing; asked once per variable, so
    one variable's floats are held at a time. The int16 steps take 2 bytes a value: 180 MB for 26 variables and
    209 leads of a global 0.25 degree grid. Raises QuantisationOverflow.
    """
    grid = schema.grid
    rows = min(SHARD, grid.ny - shard_row * SHARD)
    if rows < 1 or shard_row < 0:
        raise IndexError(f"{schema.model}: no shard row {shard_row} in a grid of {grid.ny} rows")
    compress_inline()
    columns = shard_grid(schema)[1]
    strips = np.empty((-(-rows // BLOCK), columns, BLOCKS, *chunk_shape(schema)), np.int16)
    strips[:, :, :, : len(HEADER)] = header_rows(schema)[:, :, None, None]
    for number, stored in enumerate(schema.variables, len(HEADER)):
        values = np.ascontiguousarray(band(stored.name), np.float32)
        if values.shape != (len(schema.lead_times), rows, grid.nx):
            raise ValueError(
                f"{schema.model}: {stored.name} of shard row {shard_row} has shape {values.shape}, "
                f"not {(len(schema.lead_times), rows, grid.nx)}"
            )
        overflows = pack_rows(values, stored.scale_factor, stored.add_offset, strips, number)
        if overflows:
            raise QuantisationOverflow(
                f"{schema.model} {schema.init_time:%Y-%m-%dT%H:%MZ}: {overflows} values of {stored.name} in rows "
                f"{shard_row * SHARD}..{shard_row * SHARD + rows - 1} (from {np.nanmin(values)} to "
                f"{np.nanmax(values)}) do not fit step {stored.scale_factor:g} around {stored.add_offset:g}: "
                "the range they were planned for was wrong"
            )
    shards = tuple(_shard(strips[:, column], grid.nx - column * SHARD) for column in range(columns))
    return EncodedBand(shard_row, shards, tuple(map(zlib.crc32, shards)))


def _shard(strips: NDArray[np.int16], width: int) -> bytes:
    """strips: [block row, block column, ...]; `width`: cells of the grid from this shard's first column on."""
    return join_chunks(
        pack_chunk(strips[row, column]) if row < len(strips) and column * BLOCK < width else None
        for row in range(BLOCKS)
        for column in range(BLOCKS)
    )


class StoreWriter:
    """Writes one store beside `path` and shows it whole. Leaving its block after an error leaves no file.

    Appends go to `<path>.part`; the bytes follow from schema and values alone. Raises DiskFull.
    """

    def __init__(self, path: Path, schema: StoreSchema) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + PART)
        self.schema = schema
        self._rows, self._columns = shard_grid(schema)
        self._next = 0
        self._shown = False
        with room_on_disk(self.part):
            # Unbuffered: a buffer would meet the full disk a second time when it is closed.
            self._file = self.part.open("wb", buffering=0)
        self._archive = ArchiveWriter(self._write)

    def append(self, band: EncodedBand) -> None:
        """Add the next row of shards."""
        if band.row != self._next or len(band.shards) != self._columns:
            raise ValueError(
                f"{self.path.name}: shard row {band.row} of {len(band.shards)} shards came where row {self._next} "
                f"of {self._columns} belongs"
            )
        for column, (shard, crc) in enumerate(zip(band.shards, band.crcs, strict=True)):
            self._archive.add(shard_key(band.row, column), shard, crc)
        self._next += 1

    def close(self) -> None:
        """Finish the file, make it durable, read it back, and give it its name. Raises CorruptStore, DiskFull."""
        if self._shown:
            return
        if self._next != self._rows:
            raise ValueError(f"{self.path.name}: {self._next} of {self._rows} shard rows were written")
        for key, data in documents(self.schema).items():
            self._archive.add(key, data, zlib.crc32(data))
        self._archive.close()
        with room_on_disk(self.part):
            os.fsync(self._file.fileno())
        self._file.close()
        spot_check(self.part, self.schema)
        os.replace(self.part, self.path)
        self._shown = True
        fsync_folder(self.path.parent)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        with room_on_disk(self.part):
            while rest:
                rest = rest[self._file.write(rest) :]

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.close()
        finally:
            self._file.close()
            if not self._shown:
                self.part.unlink()
