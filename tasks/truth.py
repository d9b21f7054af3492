"""What ecCodes says of messages at places: its coordinates and its values, without any of ours.

In forked children, as all of ecCodes' decoding is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import eccodes
import numpy as np
from numpy.typing import NDArray

from tasks.decode import opened, packing_step, read_message, resolution, safely
from tasks.orient import orientation_of
from tasks.pack import LIMIT
from tasks.packing import packing_of
from tasks.wanted import StagedMessage

Coordinates = tuple[NDArray[np.float64], NDArray[np.float64]]
Place = tuple[float, float]


@dataclass(frozen=True)
class Nearest:
    """A message's value at its point nearest to a place; NaN = missing.

    `away`: degrees of latitude or longitude between the two, the larger one.
    """

    value: float
    away: float


@dataclass(frozen=True)
class Truth:
    """A message at some places. `step`: how far a decoder may be from its packed values, in the message's units."""

    nearest: tuple[Nearest, ...]
    step: float


@dataclass(frozen=True)
class Map:
    """A whole message, [y, x] with columns from west to east: degrees and values, NaN = missing. `step`: see Truth."""

    lats: NDArray[np.float64]
    lons: NDArray[np.float64]
    values: NDArray[np.float64]
    step: float


def maps(messages: Sequence[StagedMessage]) -> Iterator[Map]:
    """Each message whole; raises DecodeError."""

    def of(number: int) -> Map:
        with opened(messages[number]) as handle:
            lats, lons, values = (_rows(handle, key) for key in ("latitudes", "longitudes", "values"))
            values = np.where(np.abs(values) < LIMIT, values, math.nan)
            return Map(lats, lons, values, step_of(messages[number]) or resolution(handle))

    return safely(messages, of)


def _rows(handle: int, key: str) -> NDArray[np.float64]:
    scan = orientation_of(handle).scan
    if key != "values":
        # See _values: of such messages the points are not listed as the values come.
        by_columns = scan.columns_first and eccodes.codes_get_string(handle, "gridType") == "regular_ll"
        scan = scan._replace(alternating=False, columns_first=by_columns)
    array: NDArray[np.float64] = eccodes.codes_get_array(handle, key, float)
    array = array.reshape(scan.nx, scan.ny) if scan.columns_first else array.reshape(scan.ny, scan.nx)
    if scan.alternating:
        array[1::2] = array[1::2, ::-1].copy()
    array = array.T if scan.columns_first else array
    return array[:, ::-1] if scan.westward else array


def truths(messages: Sequence[StagedMessage], places: Sequence[Sequence[Place]]) -> Iterator[Truth]:
    """The truth about each message at its own places, (latitude, longitude) in degrees; raises DecodeError."""
    coordinates: dict[str, Coordinates] = {}
    points: dict[tuple[str, Place], tuple[int, float]] = {}

    def of(number: int) -> Truth:
        with opened(messages[number]) as handle:
            if eccodes.codes_get_long(handle, "edition") == 1:
                # A GRIB1 step of -0.5 degrees, which SailDocs writes, is one of 33.268 for ecCodes: first and last row
                # tell it.
                eccodes.codes_set(handle, "ijDirectionIncrementGiven", 0)
            section = eccodes.codes_get_string(handle, "md5GridSection")
            if section not in coordinates:
                latitudes, longitudes = (eccodes.codes_get_array(handle, key) for key in ("latitudes", "longitudes"))
                coordinates[section] = latitudes, longitudes
            for place in places[number]:
                if (section, place) not in points:
                    points[section, place] = _nearest(coordinates[section], place)
            found = [points[section, place] for place in places[number]]
            values = _values(handle, [index for index, _ in found])
            nearest = (Nearest(value, away) for value, (_, away) in zip(values, found, strict=True))
            return Truth(tuple(nearest), step_of(messages[number]) or resolution(handle))

    return safely(messages, of)


def _nearest(coordinates: Coordinates, place: Place) -> tuple[int, float]:
    """The number of the nearest point in ecCodes' list of points, and how far it is."""
    (lats, lons), (lat, lon) = coordinates, place
    distances = np.maximum(np.abs(lats - lat), np.abs((lons - lon + 180.0) % 360.0 - 180.0))
    index = int(distances.argmin())
    return index, float(distances[index])


def _values(handle: int, indexes: Sequence[int]) -> list[float]:
    """The values of points in ecCodes' list of points; NaN = missing."""
    values = eccodes.codes_get_array(handle, "values", float)
    scan = orientation_of(handle).scan
    if scan.columns_first or scan.alternating:
        # ecCodes 2.50 lists the points of such messages in rows that all run one way (and in columns, on grids of
        # latitudes and longitudes), but their values as they come.
        by_columns = scan.columns_first and eccodes.codes_get_string(handle, "gridType") == "regular_ll"
        places = [divmod(index, scan.ny)[::-1] if by_columns else divmod(index, scan.nx) for index in indexes]
        indexes = [scan.position(row, scan.nx - 1 - column if scan.westward else column) for row, column in places]
    found = values[list(indexes)]
    return [float(value) if abs(value) < LIMIT else math.nan for value in found]


def step_of(message: StagedMessage) -> float:
    """The packing's step; 0 where it has none, or none that this project's own decoder knows."""
    packing = packing_of(read_message(message))
    return packing.step if packing else 0.0


def any_step_of(message: StagedMessage) -> float:
    """The packing's step, whoever knows it; 0 where it has none."""
    if step := step_of(message):
        return step
    with opened(message) as handle:
        return packing_step(handle)
