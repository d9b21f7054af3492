"""The messages of a run, each with the decoder that serves it: our own where it can, ecCodes for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import eccodes
import numpy as np
from numpy.typing import NDArray

from storage.grids import Box, Grid, OutsideGrid, Window
from storage.variables import VECTORS
from tasks.decode import EcCodes, another_grid, broken, orientations
from tasks.errors import DecodeError, MessageError
from tasks.fields import Advance, Fields
from tasks.mapped import Blobs, Mapped, MappedFields
from tasks.orient import Orientation
from tasks.packing import Packing, packing_of, sections_of
from tasks.wanted import StagedMessage

_COMPONENTS = frozenset(name for vector in VECTORS for name in vector)


class MixedFields:
    """Fields of several sources, numbered across them. `by_eccodes`: how many messages ecCodes decoded. `turned`: the
    messages of vectors that are given along the grid.
    """

    def __init__(
        self,
        grid: Grid,
        sources: Sequence[tuple[Fields, Sequence[int]]],
        by_eccodes: int,
        turned: frozenset[int] = frozenset(),
    ) -> None:
        self.grid = grid
        self.turned = turned
        self.by_eccodes = by_eccodes
        self._sources = [fields for fields, _ in sources]
        count = sum(len(numbers) for _, numbers in sources)
        self._source, self._number = np.empty(count, np.int64), np.empty(count, np.int64)
        steps = np.empty(count)
        for source, (fields, numbers) in enumerate(sources):
            self._source[numbers], self._number[numbers] = source, np.arange(len(numbers))
            steps[numbers] = fields.steps
        self.steps = tuple(steps.tolist())

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        for source, fields in enumerate(self._sources):
            own = np.flatnonzero(self._source[numbers] == source)
            if len(own):
                fields.fill(self._number[numbers[own]], rows, values, at[own])

    def decoder(self) -> str:
        """What decoded the messages, for provenance."""
        if not self.by_eccodes:
            return "windlass"
        eccodes_name = f"ecCodes {eccodes.codes_get_api_version()}"
        mixed = self.by_eccodes < len(self.steps)
        return f"windlass; {eccodes_name} for {self.by_eccodes} messages" if mixed else eccodes_name

    def close(self) -> None:
        for fields in self._sources:
            fields.close()


def open_fields(
    messages: Sequence[StagedMessage],
    scratch: Path,
    box: Box | None,
    advance: Advance,
    claim: Callable[[memoryview], Packing | None] = packing_of,
) -> MixedFields:
    """Fields of messages on one grid, cropped to `box`.

    Messages that `claim` gives None for are decoded by ecCodes, now, through a scratch file in the folder `scratch`;
    `advance` counts them. Raises DecodeError naming the message, DiskFull.
    """
    blobs = Blobs()
    octets = {number: blobs.message(message) for number, message in enumerate(messages)}
    packings = {number: packing for number in octets if (packing := _claimed(messages[number], octets[number], claim))}
    winds = {number for number, message in enumerate(messages) if message.variable in _COMPONENTS}
    oriented = _orientations(messages, octets, sorted({0, *packings, *winds}))
    whole = oriented[0].grid
    for number, orientation in oriented.items():
        if orientation.grid != whole:
            raise another_grid(messages[number], orientation.grid, whole)
    ours = [number for number in packings if not oriented[number].scan.columns_first]
    rest = sorted(octets.keys() - set(ours))
    window = window_of(whole, box)
    grid = whole if box is None else whole.crop(window)
    rows = [Mapped(messages[one], octets[one], packings[one], oriented[one].scan) for one in ours]
    mapped = MappedFields(rows, grid, window)
    turned = frozenset(number for number in winds if oriented[number].turned)
    if not rest:
        return MixedFields(grid, [(mapped, ours)], 0, turned)
    scratched = EcCodes(scratch).open([messages[number] for number in rest], whole, window, grid, advance)
    return MixedFields(grid, [(mapped, ours), (scratched, rest)], len(rest), turned)


def _claimed(
    message: StagedMessage, data: NDArray[np.uint8], claim: Callable[[memoryview], Packing | None]
) -> Packing | None:
    try:
        return claim(data.data) if message.field == 0 else None
    except MessageError as error:
        raise broken(message, error) from error


def _orientations(
    messages: Sequence[StagedMessage], octets: dict[int, NDArray[np.uint8]], numbers: Sequence[int]
) -> dict[int, Orientation]:
    """Of some messages; ecCodes reads each grid section that occurs once, and each message of GRIB1 vectors."""
    kinds: dict[bytes | int, list[int]] = {}
    for number in numbers:
        kinds.setdefault(_kind(octets[number], number), []).append(number)
    found = orientations([messages[numbers[0]] for numbers in kinds.values()])
    return {number: one for one, numbers in zip(found, kinds.values(), strict=True) for number in numbers}


def _kind(octets: NDArray[np.uint8], number: int) -> bytes | int:
    """The grid section; a message's own number where it may hold several, or is GRIB1."""
    try:
        sections = [bytes(section) for kind, _, section in sections_of(octets.data) if kind == 3]
    except MessageError:
        return number
    return sections[0] if len(sections) == 1 else number


def window_of(grid: Grid, box: Box | None) -> Window:
    """What of a grid lies in a box; raises DecodeError where nothing does."""
    if box is None:
        return Window(0, grid.ny, 0, grid.nx)
    try:
        return grid.window(box)
    except OutsideGrid as error:
        raise DecodeError(f"the box holds nothing: {error}") from error
