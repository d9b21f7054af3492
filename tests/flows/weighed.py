"""A store weighed against what ecCodes reads in the files that it was made of."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray

from flows.model import Model
from storage.grids import Cell, Grid, PlaneGrid
from storage.reader import Store
from storage.variables import VECTORS, Statistic
from tasks.field import FieldId, match
from tasks.scan import scan_file
from tasks.truth import Truth, truths
from tasks.wanted import StagedMessage, Wanted

CELLS = 4


class Weighed:
    """All messages of a model in some files that could be meant by a variable, at some cells of a grid."""

    def __init__(self, model: Model, files: Sequence[Path], grid: Grid) -> None:
        chance = random.Random(model.name)
        # Not the poles, where every column is the same place.
        rows = range(1, grid.ny - 1) if grid.ny > 2 else range(grid.ny)
        self.cells = [Cell(chance.choice(rows), chance.randrange(grid.nx)) for _ in range(CELLS)]
        self._grid = grid
        parts = {name for joint in model.joints for name in joint.of}
        rows_and_messages = [
            (row, _staged(row, path, found.offset, found.field))
            for path in files
            for found in scan_file(path)
            for row in model.wanted
            if row.name not in parts and match(found.field, row) and _due(row, found.field)
        ]
        self._rows = [row for row, _ in rows_and_messages]
        self._messages = [message for _, message in rows_and_messages]
        places = [grid.latlon(cell) for cell in self.cells]
        self._truths = list(truths(self._messages, [places] * len(self._messages)))
        self._along = _turned(self._messages, self._truths, grid, places)

    def compare(self, store: Store, turned: bool) -> set[str]:
        """Hold a store against the messages; the names of the variables that were compared.

        turned: whether the files give winds along the grid.
        """
        compared = set()
        leads = np.array(store.schema.lead_times)
        for at, cell in enumerate(self.cells):
            series = store.point(cell).astype(np.float64)
            for number, (row, message, truth) in enumerate(zip(self._rows, self._messages, self._truths, strict=True)):
                stored = store.schema.variables[store.index[row.name]]
                value = truth.nearest[at].value
                if turned and (number, at) in self._along:
                    value = self._along[number, at]
                own = series[store.index[row.name]]
                start, end = message.interval
                if not row.summed:
                    found, expected, count = own[leads == end][0], value * row.factor, 1
                else:
                    rows = (leads > start) & (leads <= end)
                    minutes = np.array(stored.intervals)[rows]
                    if minutes.sum() != end - start or (minutes == 0).any():
                        continue
                    count = len(minutes)
                    weights = minutes / minutes.sum() if row.statistic is Statistic.MEAN else np.ones(count)
                    found = float(own[rows] @ (60.0 * minutes if row.rate else weights))
                    expected = value * row.factor
                # Winds mix two values; an amount that others were taken off holds their steps too.
                steps = truth.step * abs(row.factor) * (2 * count)
                width = stored.scale_factor * (count if not row.rate else 60.0 * float(minutes.sum()))
                if np.isnan(expected):
                    assert np.isnan(found), (row.name, message.interval, cell)
                else:
                    allowed = steps + width / 2 + 3e-7 * abs(expected)
                    assert abs(found - expected) <= allowed, (row.name, message.interval, cell, found, expected)
                compared.add(row.name)
        return compared


def _due(row: Wanted, field: FieldId) -> bool:
    return field.interval is not None and row.due(field.init_time, field.interval[1])


def _staged(row: Wanted, path: Path, offset: int, field: FieldId) -> StagedMessage:
    assert field.interval is not None
    return StagedMessage(
        row.name, field.interval[1], field.interval, str(path), offset, field.length, field.number, "", "", field.member
    )


def _turned(
    messages: Sequence[StagedMessage], found: Sequence[Truth], grid: Grid, places: Sequence[tuple[float, float]]
) -> dict[tuple[int, int], float]:
    """(message, place) -> eastward or northward wind, from components along a grid in metres, by PROJ's own plane."""
    if not isinstance(grid, PlaneGrid):
        return {}
    slots = {(message.variable, message.lead, message.member): n for n, message in enumerate(messages)}
    turned = {}
    for at, (lat, lon) in enumerate(places):
        north = _northward(grid, lat, lon)
        for east_name, north_name in VECTORS:
            for (name, lead, member), one in slots.items():
                other = slots.get((north_name, lead, member))
                if name == east_name and other is not None:
                    along = np.array([found[one].nearest[at].value, found[other].nearest[at].value])
                    turned[one, at] = float(along @ [north[1], -north[0]])
                    turned[other, at] = float(along @ north)
    return turned


def _northward(grid: PlaneGrid, lat: float, lon: float) -> NDArray[np.float64]:
    """The direction of north, a vector of length 1 along x and y of the grid."""
    here, above = (np.array(_plane(grid).transform(lon, lat + ahead)) for ahead in (0.0, 1e-4))
    return (above - here) / np.linalg.norm(above - here)


@cache
def _plane(grid: PlaneGrid) -> pyproj.Transformer:
    """From degrees to metres. PROJ takes a quarter of a second to look for a datum like the grid's sphere."""
    sphere = pyproj.CRS.from_proj4(f"+proj=longlat +R={grid.radius} +no_defs")
    return pyproj.Transformer.from_crs(sphere, pyproj.CRS.from_cf(grid.grid_mapping()), always_xy=True)
