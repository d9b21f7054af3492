"""How far the nearest storm is from every cell of a map and in which direction, lead by lead.

A storm is where more than THRESHOLD falls. The nearest one is told where everything that lies nearer is known: not
where a value is missing, or the map ends, before it. Distances and bearings are those of great circles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from storage.grids import Box, Grid, Window
from storage.variables import Statistic
from tasks.bands import in_threads, strips_of
from tasks.course import Course
from tasks.decode import ScratchFields
from tasks.derive import derive
from tasks.fields import Fields, rows_of
from tasks.intervals import Interval
from tasks.mixed import MixedFields, open_fields, window_of
from tasks.nearest import Globe, nearest
from tasks.pack import Packed
from tasks.scratch import Scratch
from tasks.wanted import Level, StagedMessage, Wanted

DISTANCE, BEARING = "storm_distance_surface", "storm_bearing_surface"
STORM = (DISTANCE, BEARING)
ROWS = tuple(Wanted(name, (), Level(1), required=False) for name in STORM)
"""What no message holds."""

THRESHOLD = 0.2 / 3600.0
"""Precipitation rate, kg m-2 s-1: 0.2 mm/h, from which on Dark Sky's successors speak of a storm."""
REACH = 1_000_000.0
"""m. Weather that is farther away is not on its way: at 40 km/h it would take more than a day."""
EARTH = 6_371_000.0
"""Mean radius, m."""
STEP = 100.0
PACKED = (Packed(STEP, STEP, 0.0, True), Packed(1.0, 1.0, 0.0, True))
"""Hundreds of m and whole degrees, FILL = missing."""


def chord(distance: float) -> float:
    """On the unit sphere, of a great circle's distance in m."""
    return 2.0 * math.sin(distance / EARTH / 2.0)


def storm_messages(messages: Sequence[StagedMessage], source: str | None) -> list[StagedMessage]:
    """What stands for the fields of the distance, then for those of the bearing: the messages of `source`, renamed."""
    own = [message for message in messages if message.variable == source]
    return [replace(message, variable=name) for name in STORM for message in own]


def with_storms(
    fields: MixedFields,
    messages: Sequence[StagedMessage],
    wanted: Wanted,
    scratch: Path,
    box: Box | None,
    alive: Callable[[], None],
) -> Fields:
    """The fields, and after them those of storm_messages. `messages`: of the fields; `wanted`: the storms' source.

    Storms outside of a `box` are known: their messages are decoded whole. Takes four bytes a cell and lead in the
    folder `scratch`. `alive` is called after each lead. Raises DecodeError, DiskFull, ValueError for a source that is
    no instant.
    """
    if wanted.statistic is not Statistic.INSTANT:
        raise ValueError(f"storms are made of a rate at one moment, which {wanted.name} is not")
    numbers = [number for number, message in enumerate(messages) if message.variable == wanted.name]
    own = [messages[number] for number in numbers]
    if box is None:
        storms = _storms(fields, numbers, own, wanted, Window(0, fields.grid.ny, 0, fields.grid.nx), scratch, alive)
    else:
        whole = open_fields(own, scratch, None, lambda done, total: None)
        try:
            window = window_of(whole.grid, box)
            storms = _storms(whole, range(len(own)), own, wanted, window, scratch, alive)
        finally:
            whole.close()
    count = len(messages)
    return MixedFields(
        fields.grid, [(fields, range(count)), (storms, range(count, count + 2 * len(own)))], fields.by_eccodes
    )


def _storms(
    fields: Fields,
    numbers: Sequence[int],
    messages: Sequence[StagedMessage],
    wanted: Wanted,
    window: Window,
    folder: Path,
    alive: Callable[[], None],
) -> ScratchFields:
    """Distance of each of the messages, which are whole maps, then their bearings, in a window."""
    globe = Globe.of(fields.grid)
    scratch = Scratch(folder, 2 * len(messages), window.rows, window.columns)

    def of(place: int) -> None:
        number, message = numbers[place], messages[place]
        course = Course(wanted, (message.lead,), (Interval(*message.interval),), (fields.steps[number],))
        rates = np.empty(fields.grid.shape, np.float32)
        for rows in strips_of(range(fields.grid.ny)):
            rates[rows.start : rows.stop] = derive(course, rows_of(fields, range(number, number + 1), rows))[0][0]
        distance, bearing = storms_of(rates, globe, window)
        scratch.write(place, distance)
        scratch.write(len(messages) + place, bearing)
        alive()

    try:
        in_threads(of, range(len(messages)))
    except BaseException:
        scratch.close()
        raise
    grid: Grid = fields.grid.crop(window)
    return ScratchFields(grid, [packed for packed in PACKED for _ in messages], scratch)


def storms_of(rates: NDArray[np.float32], globe: Globe, window: Window) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Distance and bearing of the nearest storm, in steps of PACKED, [rows, columns] of the window.

    rates: [y, x] of the whole map, kg m-2 s-1, NaN = missing. Within a storm the distance is 0, and there is no
    bearing.
    """
    storm = rates > THRESHOLD
    found = nearest(globe, storm | np.isnan(rates) | globe.edge, window, chord(REACH))
    distance, bearing = np.empty((2, window.rows, window.columns), np.int16)
    _tell(globe.points, storm, found, window, distance, bearing)
    return distance, bearing


@numba.njit(nogil=True, cache=True)
def _tell(
    points: NDArray[np.float64],
    storm: NDArray[np.bool_],
    found: NDArray[np.int32],
    window: Window,
    distance: NDArray[np.int16],
    bearing: NDArray[np.int16],
) -> None:
    nx = storm.shape[1]
    for row in range(window.rows):
        for column in range(window.columns):
            distance[row, column], bearing[row, column] = -32768, -32768
            there = found[row, column]
            if there < 0 or not storm[there // nx, there % nx]:
                continue
            here = (window.row + row) * nx + (window.column + column) % nx
            if here == there:
                distance[row, column] = 0
                continue
            x, y, z = points[0, here], points[1, here], points[2, here]
            a, b, c = points[0, there], points[1, there], points[2, there]
            half = math.sqrt((a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2) / 2.0
            distance[row, column] = round(2.0 * EARTH / STEP * _arcsine(half))
            # The way there, eastward and northward, each times the cosine of the latitude.
            east, north = x * b - y * a, c - z * (x * a + y * b + z * c)
            bearing[row, column] = round(math.degrees(math.atan2(east, north))) % 360


@numba.njit(nogil=True, cache=True, inline="always")
def _arcsine(x: float) -> float:
    """Of at most 0.08, which is 1,000 km, to 1e-10."""
    square = x * x
    return x * (1.0 + square * (1.0 / 6.0 + square * (3.0 / 40.0 + square * (15.0 / 336.0))))
