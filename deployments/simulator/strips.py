"""Some rows of a grid and their weather: what one thread works out while another has other rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from deployments.simulator.amounts import Amounts
from deployments.simulator.parts import Message
from deployments.simulator.producers import Producer
from deployments.simulator.values import AMOUNTS, values_of
from deployments.simulator.weather import Weather
from flows.model import Model
from storage.grids import Box, Grid, Window

ROWS = 64
"""Rows of a strip: small enough for the cache, large enough for NumPy, and the same for any number of threads."""


class Strip:
    """The rows of `window` of a grid, over one run of `model`."""

    def __init__(self, grid: Grid, window: Window, init_time: datetime, model: Model, producer: Producer) -> None:
        self._rows = slice(window.row, window.row + window.rows)
        grid = grid.crop(window)
        flows = {AMOUNTS[wanted.name] for wanted in model.wanted if wanted.name in AMOUNTS}
        self._amounts = Amounts(Weather.over(grid), init_time, model.name, flows)
        self._outside = {name: _outside(grid, area) for name, area in producer.areas.items()}

    def fill(self, lead: int, keep: frozenset[int], messages: Sequence[Message], values: NDArray[np.float32]) -> None:
        """Write the rows of every message of `lead` into `values` [message, ny, nx]; NaN: missing.

        keep: hours at which an interval starts that ends at this lead or later.
        """
        self._amounts.advance(lead, keep)
        moment = self._amounts.moment(lead)
        for message, field in zip(messages, values, strict=True):
            rows = field[self._rows]
            rows[:] = values_of(message.part, message.interval, self._amounts, moment)
            if (outside := self._outside.get(message.part.wanted.name)) is not None:
                rows[outside] = np.nan


def strips_of(grid: Grid, init_time: datetime, model: Model, producer: Producer) -> list[Strip]:
    """All rows of a grid."""
    return [
        Strip(grid, Window(row, min(ROWS, grid.ny - row), 0, grid.nx), init_time, model, producer)
        for row in range(0, grid.ny, ROWS)
    ]


def _outside(grid: Grid, area: Box) -> NDArray[np.bool_]:
    lats, lons = grid.latlons()
    east = (lons - area.west) % 360.0
    return (lats < area.south) | (lats > area.north) | (east > (area.east - area.west) % 360.0)
