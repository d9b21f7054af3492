"""Fields that stay packed in their blobs, which are mapped into memory, until a band of rows is asked for.

Each message keeps where its decoding stands, so a run is decoded once, band after band, with no scratch file. What is
mapped is the kernel's page cache, which it takes back under pressure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid, Window
from tasks.decode import broken
from tasks.orient import Scan
from tasks.packing import PROBLEMS, TABLE, Packing
from tasks.unpack import STATE, next_values
from tasks.wanted import StagedMessage


class Blobs:
    """Files mapped for reading, each once."""

    def __init__(self) -> None:
        self._files: dict[str, NDArray[np.uint8]] = {}

    def message(self, message: StagedMessage) -> NDArray[np.uint8]:
        """The octets of a staged message, not copied; raises DecodeError."""
        data = self._files.get(message.blob)
        if data is None:
            data = self._files[message.blob] = _mapped(message)
        end = message.offset + message.length
        if end > len(data):
            raise broken(message, f"{message.blob} ends {end - len(data)} bytes too early")
        return data[message.offset : end]


def _mapped(message: StagedMessage) -> NDArray[np.uint8]:
    path = Path(message.blob)
    try:
        # An empty file cannot be mapped.
        return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
    except FileNotFoundError as error:
        raise broken(message, f"{message.blob} is gone") from error
    except OSError as error:
        raise broken(message, f"{message.blob} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Mapped:
    """A message that our own decoder serves: its octets as they lie in its blob, how they are packed and scanned."""

    message: StagedMessage
    octets: NDArray[np.uint8]
    packing: Packing
    scan: Scan


class MappedFields:
    """Mapped messages, all on one grid, of which `window` is kept."""

    def __init__(self, mapped: Sequence[Mapped], grid: Grid, window: Window) -> None:
        self.grid = grid
        self.steps = tuple(one.packing.step for one in mapped)
        # Mappings live as long as views of them.
        self._mapped, self._window = mapped, window
        self._addresses = np.array([one.octets.ctypes.data for one in mapped], np.int64)
        self._packings = np.array([one.packing for one in mapped], TABLE)
        self._states = np.zeros(len(mapped), STATE)
        scans = [(one.scan.nx, one.scan.westward, one.scan.alternating) for one in mapped]
        self._scans = np.array(scans, np.int64).reshape(-1, 3)

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        problem, number = _fill(
            self._addresses, self._packings, self._states, self._scans, self._window, numbers, rows.start, values, at
        )
        if problem:
            raise broken(self._mapped[number].message, PROBLEMS[problem])

    def close(self) -> None:
        self._mapped = ()


@numba.njit(nogil=True, cache=True)
def _fill(
    addresses: NDArray[np.int64],
    packings: Any,
    states: Any,
    scans: NDArray[np.int64],
    window: Window,
    numbers: NDArray[np.int64],
    row: int,
    values: NDArray[np.float32],
    at: NDArray[np.int64],
) -> tuple[int, int]:
    """Fields.fill from `row` of the window on; returns one of PROBLEMS or 0, and the message that has it."""
    rows, columns = values.shape[1], values.shape[2]
    whole = np.empty(0, np.int64)
    line = np.empty(0, np.float32)
    for index in range(len(numbers)):
        number = numbers[index]
        nx, westward, alternating = scans[number]
        packing, state, address = packings[number], states[number], addresses[number]
        if len(whole) != rows * nx:
            whole, line = np.empty(rows * nx, np.int64), np.empty(rows * nx, np.float32)
        start = (window.row + row) * nx
        if state.point > start:
            state.point = state.group = state.within = state.bit = state.known = state.value = state.slope = 0
        while state.point < start:
            skipped = min(len(whole), start - state.point)
            problem = next_values(address, packing, state, whole[:skipped], line[:skipped])
            if problem:
                return problem, number
        target = values[at[index]]
        if columns == nx and window.column == 0 and not westward and not alternating:
            problem = next_values(address, packing, state, whole, target.reshape(-1))
        else:
            problem = next_values(address, packing, state, whole, line)
            for y in range(rows):
                backward = westward != (alternating and (window.row + row + y) & 1)
                for x in range(columns):
                    column = window.column + x
                    if column >= nx:
                        column -= nx
                    target[y, x] = line[y * nx + (nx - 1 - column if backward else column)]
        if problem:
            return problem, number
    return 0, 0
