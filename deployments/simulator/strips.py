"""Some rows of a grid and their weather: what one thread works out while another has other rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from deployments.simulator.amounts import Amounts
from deployments.simulator.parts import Message
from deployments.simulator.producer import Producer
from deployments.simulator.values import flow_of, values_of
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
        flows = {flow for wanted in model.wanted if (flow := flow_of(wanted)) is not None}
        every = min(product.every for product in model.products)
        weather = Weather.over(grid, producer.along_grid)
        members = {member for product in model.products for member in product.members or (None,)}
        # Each member is as wrong as another model would be.
        self._amounts = {
            member: Amounts(
                weather, init_time, model.name if member is None else f"{model.name} {member}", flows, every
            )
            for member in members
        }
        self._outside = {name: _outside(grid, area) for name, area in producer.areas.items()}

    def fill(self, keep: frozenset[int], messages: Sequence[Message], values: NDArray[np.float32]) -> None:
        """Write the rows of every message of a lead into `values` [message, ny, nx]; NaN: missing.

        messages: in the order of their times. keep: times at which an interval starts that ends at this lead or later.
        """
        pairs = zip(messages, values, strict=True)
        for (member, time), some in groupby(pairs, key=lambda pair: (pair[0].member, pair[0].interval[1])):
            amounts = self._amounts[member]
            amounts.advance(time, keep)
            moment = amounts.moment(time)
            for message, field in some:
                rows = field[self._rows]
                rows[:] = values_of(message.part, message.interval, amounts, moment)
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
