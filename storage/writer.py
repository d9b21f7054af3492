"""Bands in, shards out: what turns maps into series, and the only thing that writes a store."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from storage.archive import ArchiveWriter
from storage.disk import PART, fsync_folder, reserve, room_on_disk
from storage.errors import QuantisationOverflow
from storage.layout import (
    BLOCK,
    BLOCKS,
    CHUNKS,
    FILL,
    HEADER,
    SHARD,
    chunk_shape,
    header_rows,
    pack_strip,
    shard_grid,
    shard_key,
)
from storage.metadata import documents
from storage.schema import StoreSchema
from storage.shard import ROOM, compress_inline, pack_shard
from storage.verify import spot_check

Band = Callable[[str], NDArray[np.float32]]

RESERVED = 256 << 20
"""Bytes of disk taken ahead of what is written."""


@dataclass(frozen=True)
class EncodedBand:
    """The shards of one row of shards, west to east as the grid lies, with their crc32."""

    row: int
    shards: tuple[memoryview, ...]
    crcs: tuple[int, ...]


def row_bytes(variables: int, times: int, nx: int) -> int:
    """What a ShardRow works in."""
    return -(-nx // SHARD) * _shard_bytes((len(HEADER) + variables, times, BLOCK, BLOCK))


def _shard_bytes(chunk: tuple[int, ...]) -> int:
    return ROOM + CHUNKS * 2 * math.prod(chunk)


class ShardRow:
    """One row of shards in the making: int16 steps of all variables, put in strip by strip, then compressed.

    `rows`: the grid's rows in it; `strips`: how many strips of BLOCK rows that are; `columns`: how many shards.
    `buffer`: what it works in, 2 bytes a value: 205 MB for 30 variables and 209 leads of a global 0.25 degree grid.
    Another row of the same store can have it as soon as this one's shards are written. Raises IndexError for a row
    that the grid does not have.
    """

    def __init__(self, schema: StoreSchema, row: int, buffer: NDArray[np.uint8] | None = None) -> None:
        if schema.block != BLOCK:
            raise ValueError(f"{schema.model}: chunks of {schema.block} cells a side are not made of strips of {BLOCK}")
        grid = schema.grid
        self.rows = range(row * SHARD, min((row + 1) * SHARD, grid.ny))
        if row < 0 or not self.rows:
            raise IndexError(f"{schema.model}: no shard row {row} in a grid of {grid.ny} rows")
        self.columns = shard_grid(schema)[1]
        self.strips = -(-len(self.rows) // BLOCK)
        self._schema, self._row = schema, row
        self._numbers = {name: number for number, name in enumerate(schema.names)}
        self._put = np.zeros((len(schema.variables), self.strips), np.bool_)
        self._encoded = np.zeros(self.columns, np.bool_)
        self._shape = chunk_shape(schema)
        shape = self.columns, _shard_bytes(self._shape)
        self.buffer = np.empty(shape, np.uint8) if buffer is None else buffer
        # A block's int16 at one time as one element of 8 bytes.
        words = self.buffer.view(np.uint64)[:, ROOM // 8 :]
        self._chunks = words.reshape(self.columns, BLOCKS, BLOCKS, *self._shape[:2])
        header = np.repeat(header_rows(schema), BLOCK * BLOCK, axis=1).view(np.uint64)
        self._chunks[:, : self.strips, :, : len(HEADER)] = header

    def put(self, name: str, strip: int, values: NDArray[np.float32]) -> None:
        """Quantise BLOCK rows of one variable, or the rows that are left of the grid.

        values: float32 [time, rows, nx] of rows `self.rows[strip * BLOCK :][:BLOCK]`, in the variable's units, NaN =
        missing. Different names or strips may come from different threads at once. Raises QuantisationOverflow.
        """
        schema, number = self._schema, self._numbers[name]
        rows = self.rows[strip * BLOCK : (strip + 1) * BLOCK]
        shape = (len(schema.lead_times), len(rows), schema.grid.nx)
        if strip < 0 or not rows or values.shape != shape:
            raise ValueError(
                f"{schema.model}: strip {strip} of {name} in shard row {self._row} has shape {values.shape}, "
                f"not {shape}"
            )
        if self._encoded.any():
            raise ValueError(f"{schema.model}: {name} came to shard row {self._row} after shards of it were encoded")
        stored = schema.variables[number]
        values = np.ascontiguousarray(values, np.float32)
        chunks = self._chunks[:, strip]
        overflows = pack_strip(values, stored.scale_factor, stored.add_offset, chunks, len(HEADER) + number)
        if overflows:
            raise QuantisationOverflow(
                f"{schema.model} {schema.init_time:%Y-%m-%dT%H:%MZ}: {overflows} values of {name} in rows "
                f"{rows[0]}..{rows[-1]} (from {np.nanmin(values)} to {np.nanmax(values)}) do not fit step "
                f"{stored.scale_factor:g} around {stored.add_offset:g}: the range they were planned for was wrong"
            )
        self._put[number, strip] = True

    def shorten(self, schema: StoreSchema, chunks: NDArray[np.int16]) -> None:
        """The first leads of this row as chunks of its short store, whose schema this is; once all is put.

        chunks: [column, header + variable, time, SHARD, SHARD], filled here: what is a shard of this row is a chunk
        of the short store. Raises ValueError where the schemas differ in more than that.
        """
        self._must_be_put()
        if self._encoded.any():
            raise ValueError(f"{self._schema.model}: shard row {self._row} was encoded already")
        if schema != replace(self._schema.until(schema.lead_times[-1]), block=SHARD):
            raise ValueError(f"{self._schema.model}: a short row has the first leads of the same run and nothing else")
        times, strips = len(schema.lead_times), self.strips
        chunks[:, len(HEADER) :, :, strips * BLOCK :] = FILL
        chunks[:, : len(HEADER)] = header_rows(schema)[:, :, None, None]
        # Two neighbours of a row as one element: half as many to move.
        pairs = self._chunks[:, :strips, ..., len(HEADER) :, :times].view(np.uint32)
        pairs = pairs.reshape(*pairs.shape[:4], times, BLOCK).transpose(0, 3, 4, 1, 5, 2)
        target = chunks.view(np.uint32)[:, len(HEADER) :, :, : strips * BLOCK]
        target.reshape(*target.shape[:3], strips, BLOCK, BLOCKS)[:] = pairs

    def encode(self, columns: range) -> tuple[tuple[memoryview, int], ...]:
        """Some shards, west to east as the grid lies, each with its crc32; from any thread, once all is put.

        A shard takes the place of its steps, so it is encoded once, and lies in `buffer`.
        """
        self._must_be_put()
        compress_inline()
        return tuple((shard, crc32(shard)) for shard in map(self._shard, columns))

    def _must_be_put(self) -> None:
        if not self._put.all():
            number, strip = np.argwhere(~self._put)[0]
            name = self._schema.names[number]
            raise ValueError(f"{self._schema.model}: strip {strip} of {name} in shard row {self._row} was not put")

    def _shard(self, column: int) -> memoryview:
        if self._encoded[column]:
            raise ValueError(f"{self._schema.model}: shard {self._row}, {column} was encoded already")
        self._encoded[column] = True
        there = self.strips, -(-(self._schema.grid.nx - column * SHARD) // BLOCK)
        place = memoryview(self.buffer[column])
        chunks = (
            self._chunks[column, strip, block].view(np.int16) if strip < there[0] and block < there[1] else None
            for strip in range(BLOCKS)
            for block in range(BLOCKS)
        )
        return place[: pack_shard(chunks, place)]


def encode_band(schema: StoreSchema, shard_row: int, band: Band) -> EncodedBand:
    """Quantise, chunk and compress SHARD rows of every variable in this thread.

    `band(name)`: float32 [time, rows <= SHARD, nx] in the variable's units, NaN = missing; asked once per variable, so
    one variable's floats are held at a time. Raises QuantisationOverflow, and IndexError as ShardRow does.
    """
    row = ShardRow(schema, shard_row)
    shape = (len(schema.lead_times), len(row.rows), schema.grid.nx)
    for name in schema.names:
        values = band(name)
        if values.shape != shape:
            raise ValueError(f"{schema.model}: {name} of shard row {shard_row} has shape {values.shape}, not {shape}")
        for strip in range(row.strips):
            row.put(name, strip, values[:, strip * BLOCK : (strip + 1) * BLOCK])
    shards, crcs = zip(*row.encode(range(row.columns)), strict=True)
    return EncodedBand(shard_row, shards, crcs)


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
        self._shown = self._discarded = False
        values = math.prod(schema.grid.shape) * len(schema.lead_times) * len(schema.variables)
        # A store takes less than a byte per value.
        self._stride = min(values, RESERVED)
        self._written = self._reserved = 0
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
            self._archive.add(key, data, crc32(data))
        self._archive.close()
        with room_on_disk(self.part):
            os.ftruncate(self._file.fileno(), self._written)
            os.fsync(self._file.fileno())
        self._file.close()
        spot_check(self.part, self.schema)
        os.replace(self.part, self.path)
        self._shown = True
        fsync_folder(self.path.parent)

    def discard(self) -> None:
        """Leave no file: what was appended is not wanted after all."""
        self._discarded = True

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        end = self._written + len(rest)
        if self._stride and end > self._reserved:
            start, self._reserved = max(self._written, self._reserved), end + self._stride
            if not reserve(self._file.fileno(), start, self._reserved):
                self._stride = 0
        with room_on_disk(self.part):
            while rest:
                rest = rest[self._file.write(rest) :]
        self._written = end

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and not self._discarded:
                self.close()
        finally:
            self._file.close()
            if not self._shown:
                self.part.unlink()
