"""The decoder that serves every packing: ecCodes, in forked children, through an int16 scratch file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import eccodes
import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid, Window
from tasks.cut import single_field
from tasks.errors import DecodeError, MessageError
from tasks.fields import Advance
from tasks.forked import ECCODES, ChildDied, in_children
from tasks.orient import Orientation, orientation_of
from tasks.pack import MISSING, ROUGH, SPAN, Field, Packed, load_kernels, pack, unpack
from tasks.scratch import Scratch
from tasks.wanted import StagedMessage

Result = TypeVar("Result")

STEPLESS = ("grid_ieee", "grid_simple_log_preprocessing")
"""Packings for which ecCodes gives scale factors of no meaning."""
CHILDREN = 2
"""Processes that decode; each holds one message."""


@dataclass(frozen=True)
class EcCodes:
    """Any message that ecCodes reads, each decoded once, through an int16 file in the folder `scratch`."""

    scratch: Path

    def open(
        self, messages: Sequence[StagedMessage], whole: Grid, window: Window, grid: Grid, advance: Advance
    ) -> ScratchFields:
        """The fields of messages that lie on `whole`, of which `window` is `grid`; `advance` counts messages.

        Raises DecodeError naming the message, DiskFull.
        """
        scratch = Scratch(self.scratch, len(messages), window.rows, window.columns)

        def keep(number: int) -> Packed:
            steps, packed = pack(decode(messages[number], whole), window)
            scratch.write(number, steps)
            return packed

        packed = []
        try:
            load_kernels()
            for done, one in enumerate(safely(messages, keep), 1):
                packed.append(one)
                advance(done, len(messages))
        except BaseException:
            scratch.close()
            raise
        return ScratchFields(grid, packed, scratch)


def safely(messages: Sequence[StagedMessage], work: Callable[[int], Result]) -> Iterator[Result]:
    """work(number) of each message, in forked children; raises DecodeError for one that ends its child."""
    try:
        yield from in_children(work, len(messages), CHILDREN)
    except ChildDied as error:
        raise broken(messages[error.number], error) from error


class ScratchFields:
    """Fields in a scratch file."""

    def __init__(self, grid: Grid, packed: Sequence[Packed], scratch: Scratch) -> None:
        self.grid = grid
        self.steps = tuple(one.step for one in packed)
        self._scales = np.array([one.scale for one in packed])
        self._offsets = np.array([one.offset for one in packed])
        self._gaps = np.array([one.gaps for one in packed])
        self._scratch = scratch

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        starts = np.array([self._scratch.start(number, rows.start) for number in numbers.tolist()])
        scales, offsets, gaps = self._scales[numbers], self._offsets[numbers], self._gaps[numbers]
        unpack(self._scratch.steps, starts, scales, offsets, gaps, values, at)

    def close(self) -> None:
        self._scratch.close()


def describe(message: StagedMessage) -> str:
    """Variable, lead and URL, for errors."""
    return f"{message.variable} at lead {message.lead / 60:g} h ({message.url})"


def broken(message: StagedMessage, why: object) -> DecodeError:
    """The error that says what is wrong with a message and how to get a good one."""
    cure = "fetch the file again" if message.mirror == "file" else f"delete {message.blob} and ingest again"
    return DecodeError(f"{describe(message)} cannot be decoded: {why}; {cure}", message)


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
    with ECCODES:
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


def orientations(messages: Sequence[StagedMessage]) -> list[Orientation]:
    """How staged messages lie on Earth; raises DecodeError."""

    def of(number: int) -> Orientation:
        with opened(messages[number]) as handle:
            return _orientation(messages[number], handle)

    return list(safely(messages, of))


def another_grid(message: StagedMessage, grid: Grid, first: Grid) -> DecodeError:
    return DecodeError(
        f"{describe(message)} lies on another grid than the messages before it, {grid} and not {first}; ingest the "
        "files of one grid at a time",
        message,
    )


def decode(message: StagedMessage, grid: Grid) -> Field:
    """Decode one staged message, whole, which must lie on `grid`; raises DecodeError."""
    with opened(message) as handle:
        oriented = _orientation(message, handle)
        if oriented.grid != grid:
            raise another_grid(message, oriented.grid, grid)
        return Field(eccodes.codes_get_array(handle, "values", float), oriented, packing_step(handle))


def _orientation(message: StagedMessage, handle: int) -> Orientation:
    try:
        found = orientation_of(handle)
    except DecodeError as error:
        raise DecodeError(f"{describe(message)}: {error}", message) from error
    # The number of points that sections 3 and 5 tell, where they do not agree with the grid.
    for count in (eccodes.codes_get_long(handle, "numberOfDataPoints"), eccodes.codes_get_size(handle, "values")):
        if count != found.scan.ny * found.scan.nx:
            raise broken(message, f"it holds {count} values for {found.scan.ny} x {found.scan.nx} points")
    return found


def packing_step(handle: int) -> float:
    """2^E 10^-D of simple packing and its kin (GRIB2 regulation 92.9.4); 0 for other kinds and a constant field."""
    if eccodes.codes_get(handle, "packingType") in STEPLESS or not eccodes.codes_get_long(handle, "bitsPerValue"):
        return 0.0
    binary, decimal = (eccodes.codes_get_long(handle, f"{kind}ScaleFactor") for kind in ("binary", "decimal"))
    return float(2.0**binary * 10.0**-decimal) if abs(binary) < 300 and abs(decimal) < 200 else 0.0


def resolution(handle: int) -> float:
    """Fields.steps of a whole message, from what ecCodes says of it."""
    step = packing_step(handle)
    width = eccodes.codes_get_double(handle, "maximum") - eccodes.codes_get_double(handle, "minimum")
    return max(step, width / ROUGH) if not step or width / step > SPAN else step
