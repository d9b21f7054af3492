"""The decoder that serves every packing: ecCodes, each message decoded once, through an int16 scratch file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import eccodes
import numpy as np
from numpy.typing import NDArray

from storage.grids import Box, Grid, OutsideGrid, Window
from tasks.cut import single_field
from tasks.errors import DecodeError, MessageError
from tasks.fields import Advance
from tasks.orient import Orientation, orientation_of
from tasks.pack import MISSING, Field, Packed, pack, unpack
from tasks.scratch import Scratch
from tasks.wanted import StagedMessage

THREADS = 2


@dataclass(frozen=True)
class EcCodes:
    """Any message that ecCodes reads, through an int16 file in the folder `scratch`, cropped to `box`."""

    scratch: Path
    box: Box | None = None

    def open(self, messages: Sequence[StagedMessage], advance: Advance) -> ScratchFields:
        # Beforehand and alone: ecCodes then has its tables before threads meet in them.
        with opened(messages[0]) as handle:
            whole = _orientation(messages[0], handle).grid
        window = _window(whole, self.box)
        scratch = Scratch(self.scratch, len(messages), window.rows, window.columns)

        def keep(number: int) -> Packed:
            field = decode(messages[number])
            if field.orientation.grid != whole:
                raise DecodeError(
                    f"{describe(messages[number])} lies on another grid than {describe(messages[0])}: "
                    f"{field.orientation.grid} and not {whole}; ingest the files of one grid at a time"
                )
            steps, packed = pack(field, window)
            scratch.write(number, steps)
            return packed

        packed = []
        try:
            with ThreadPoolExecutor(THREADS) as pool:
                futures = [pool.submit(keep, number) for number in range(len(messages))]
                try:
                    for done, future in enumerate(futures, 1):
                        packed.append(future.result())
                        advance(done, len(messages))
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
        except BaseException:
            scratch.close()
            raise
        return ScratchFields(whole if self.box is None else whole.crop(window), packed, scratch)


class ScratchFields:
    """Fields in a scratch file."""

    def __init__(self, grid: Grid, packed: Sequence[Packed], scratch: Scratch) -> None:
        self.grid = grid
        self.facts = tuple(one.facts for one in packed)
        self._scales = np.array([one.scale for one in packed])
        self._offsets = np.array([one.offset for one in packed])
        self._gaps = np.array([one.gaps for one in packed])
        self._scratch = scratch

    def band(self, rows: range) -> ScratchBand:
        return ScratchBand(self, rows)

    def values(self, rows: range, messages: range) -> NDArray[np.float32]:
        steps = self._scratch.read(rows, messages)
        some = slice(messages.start, messages.stop)
        values = np.empty(steps.shape, np.float32)
        unpack(steps, self._scales[some], self._offsets[some], self._gaps[some], values)
        return values

    def close(self) -> None:
        self._scratch.close()


@dataclass(frozen=True)
class ScratchBand:
    """The same rows of all fields of a scratch file."""

    fields: ScratchFields
    rows: range

    def values(self, messages: range) -> NDArray[np.float32]:
        return self.fields.values(self.rows, messages)


def describe(message: StagedMessage) -> str:
    """Variable, lead and URL, for errors."""
    return f"{message.variable} at lead {message.lead / 60:g} h ({message.url})"


def broken(message: StagedMessage, why: object) -> DecodeError:
    """The error that says what is wrong with a message and how to get a good one."""
    cure = "fetch the file again" if message.mirror == "file" else f"delete {message.blob} and ingest again"
    return DecodeError(f"{describe(message)} cannot be decoded: {why}; {cure}")


def read_message(message: StagedMessage) -> bytes:
    """The bytes of exactly the staged field, as a message of its own; raises DecodeError."""
    try:
        with open(message.blob, "rb") as blob:
            data = os.pread(blob.fileno(), message.length, message.offset)
    except FileNotFoundError as error:
        raise broken(message, f"{message.blob} is gone") from error
    if len(data) != message.length:
        raise broken(message, f"{message.blob} ends {message.length - len(data)} bytes too early")
    try:
        return single_field(data, message.field)
    except MessageError as error:
        raise broken(message, error) from error


@contextmanager
def opened(message: StagedMessage) -> Iterator[int]:
    """The ecCodes handle of one staged message, MISSING set; whatever ecCodes refuses becomes a DecodeError."""
    try:
        handle = eccodes.codes_new_from_message(read_message(message))
    except eccodes.CodesInternalError as error:
        raise broken(message, error) from error
    try:
        eccodes.codes_set(handle, "missingValue", MISSING)
        yield handle
    except eccodes.CodesInternalError as error:
        raise broken(message, error) from error
    finally:
        eccodes.codes_release(handle)


def decode(message: StagedMessage) -> Field:
    """Decode one staged message, whole; raises DecodeError."""
    with opened(message) as handle:
        orientation = _orientation(message, handle)
        values = eccodes.codes_get_array(handle, "values", float)
        points = orientation.scan.ny * orientation.scan.nx
        if values.size != points:
            raise broken(message, f"it holds {values.size} values for {points} points")
        return Field(values, orientation, packing_step(handle))


def _orientation(message: StagedMessage, handle: int) -> Orientation:
    try:
        return orientation_of(handle)
    except DecodeError as error:
        raise DecodeError(f"{describe(message)}: {error}") from error


def packing_step(handle: int) -> float:
    """2^E 10^-D of simple packing and its relatives (GRIB2 regulation 92.9.4); 0 where a packing has no such keys."""
    keys = ("binaryScaleFactor", "decimalScaleFactor")
    if not all(eccodes.codes_is_defined(handle, key) for key in keys):
        return 0.0
    binary, decimal = (eccodes.codes_get_long(handle, key) for key in keys)
    return float(2.0**binary * 10.0**-decimal) if abs(binary) < 300 and abs(decimal) < 200 else 0.0


def _window(grid: Grid, box: Box | None) -> Window:
    if box is None:
        return Window(0, grid.ny, 0, grid.nx)
    try:
        return grid.window(box)
    except OutsideGrid as error:
        raise DecodeError(f"the box holds nothing: {error}") from error
