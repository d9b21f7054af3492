"""Values to GRIB2 messages, through ecCodes, packed and numbered as the producing centre does it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

import eccodes
import numpy as np

from deployments.simulator.climate import Field
from deployments.simulator.producers import Packing, Producer
from storage.grids import LatLonGrid
from storage.variables import Statistic
from tasks.grib import STATISTICS
from tasks.wanted import Level, Parameter

BITS = 16
"""Bits per value where the packing has no decimal step of its own, as ECMWF writes its open data."""

ECMWF_CENTRE = 98

_PROCESS = {statistic: code for code, statistic in STATISTICS.items()}


class Identity(NamedTuple):
    """What a message is about, whatever its run and lead. `second`: type of a second fixed surface."""

    parameter: Parameter
    level: Level
    statistic: Statistic
    second: int | None = None


class Encoder:
    """Encodes messages of one run on one grid; use it in a `with` block, which frees ecCodes' templates."""

    def __init__(self, producer: Producer, grid: LatLonGrid, init_time: datetime) -> None:
        self._producer, self._grid, self._init_time = producer, grid, init_time
        self._templates: dict[Identity, int] = {}

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, *_: object) -> None:
        for template in self._templates.values():
            eccodes.codes_release(template)
        self._templates.clear()

    def message(self, identity: Identity, interval: tuple[int, int], values: Field, digits: int) -> bytes:
        """One message. interval: (start, end) hours after init_time; values: [ny, nx] in the message's units;
        digits: decimal places to keep, where the producer's packing is by decimal places.
        """
        template = self._templates.get(identity)
        if template is None:
            template = self._templates[identity] = self._template(identity)
        with _clone(template) as handle:
            self._set_time(handle, identity, interval)
            if self._producer.packing is Packing.COMPLEX:
                return _pack_decimal(handle, values, digits)
            eccodes.codes_set_values(handle, np.ascontiguousarray(values, np.float64).ravel())
            return bytes(eccodes.codes_get_message(handle))

    def _set_time(self, handle: int, identity: Identity, interval: tuple[int, int]) -> None:
        start, end = interval
        eccodes.codes_set(handle, "forecastTime", start)
        if identity.statistic is not Statistic.INSTANT:
            until = self._init_time + timedelta(hours=end)
            for part in ("year", "month", "day", "hour"):
                eccodes.codes_set(handle, f"{part}OfEndOfOverallTimeInterval", getattr(until, part))
            eccodes.codes_set(handle, "lengthOfTimeRange", end - start)

    def _template(self, identity: Identity) -> int:
        producer, init_time = self._producer, self._init_time
        handle: int = eccodes.codes_grib_new_from_samples("GRIB2")
        keys: dict[str, int | str] = {
            "discipline": identity.parameter.discipline,
            "centre": producer.centre,
            "subCentre": 0,
            "tablesVersion": producer.tables_version,
            "localTablesVersion": producer.local_version,
            "significanceOfReferenceTime": 1,
            "year": init_time.year,
            "month": init_time.month,
            "day": init_time.day,
            "hour": init_time.hour,
            "minute": init_time.minute,
            "second": 0,
            "productionStatusOfProcessedData": 0,
            "typeOfProcessedData": 1,
            **_grid_keys(self._grid),
            "productDefinitionTemplateNumber": 0 if identity.statistic is Statistic.INSTANT else 8,
            "parameterCategory": identity.parameter.category,
            "parameterNumber": identity.parameter.number,
            "typeOfGeneratingProcess": 2,
            "generatingProcessIdentifier": producer.process,
            "indicatorOfUnitOfTimeRange": 1,
            **_level_keys(identity, producer.level_zero),
        }
        if producer.centre == ECMWF_CENTRE:
            # ECMWF's messages carry a local section: its archive's class, type, stream and version.
            keys |= {"setLocalDefinition": 1, "class": "od", "type": "fc", "stream": "oper", "expver": "0001"}
        if identity.statistic is not Statistic.INSTANT:
            keys |= {
                "minuteOfEndOfOverallTimeInterval": 0,
                "secondOfEndOfOverallTimeInterval": 0,
                "typeOfStatisticalProcessing": _PROCESS[identity.statistic],
                "typeOfTimeIncrement": 2,
                "indicatorOfUnitForTimeRange": 1,
            }
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        # A packing can only be chosen where there is something to pack.
        eccodes.codes_set_values(handle, np.arange(float(self._grid.ny * self._grid.nx)))
        eccodes.codes_set(handle, "packingType", str(producer.packing))
        if producer.packing is Packing.COMPLEX:
            eccodes.codes_set(handle, "orderOfSpatialDifferencing", 2)
        else:
            eccodes.codes_set(handle, "bitsPerValue", BITS)
        return handle


@contextmanager
def _clone(template: int) -> Iterator[int]:
    handle = eccodes.codes_clone(template)
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


def _pack_decimal(handle: int, values: Field, digits: int) -> bytes:
    """The values as whole numbers of 10^-digits, as NCEP packs them.

    ecCodes knows no decimal scale in complex packing: it packs the whole numbers, and the scale is put in afterwards.
    """
    whole = np.rint(values * 10.0**digits).ravel()
    # As many bits as the range has make ecCodes choose a binary scale of nought: nothing is lost.
    eccodes.codes_set(handle, "bitsPerValue", max(int(whole.max() - whole.min()).bit_length(), 1))
    eccodes.codes_set_values(handle, whole)
    message = bytearray(eccodes.codes_get_message(handle))
    struct.pack_into(">H", message, eccodes.codes_get_long(handle, "offsetSection5") + 17, digits)
    return bytes(message)


def _grid_keys(grid: LatLonGrid) -> dict[str, int | str]:
    """Regular latitudes and longitudes in micro-degrees, longitudes 0 to 360."""
    west, east = grid.lon0 % 360.0, (grid.lon0 + (grid.nx - 1) * grid.dlon) % 360.0
    return {
        "shapeOfTheEarth": 6,
        "Ni": grid.nx,
        "Nj": grid.ny,
        "latitudeOfFirstGridPoint": round(grid.lat0 * 1e6),
        "longitudeOfFirstGridPoint": round(west * 1e6),
        "resolutionAndComponentFlags": 48,
        "latitudeOfLastGridPoint": round((grid.lat0 + (grid.ny - 1) * grid.dlat) * 1e6),
        "longitudeOfLastGridPoint": round(east * 1e6),
        "iDirectionIncrement": round(grid.dlon * 1e6),
        "jDirectionIncrement": round(abs(grid.dlat) * 1e6),
        "iScansNegatively": 0,
        "jScansPositively": int(grid.dlat > 0),
    }


def _level_keys(identity: Identity, level_zero: bool) -> dict[str, int | str]:
    return {
        **_surface_keys("First", identity.level, level_zero),
        **_surface_keys("Second", Level(255 if identity.second is None else identity.second), level_zero),
    }


def _surface_keys(which: str, level: Level, level_zero: bool) -> dict[str, int | str]:
    keys: dict[str, int | str] = {f"typeOf{which}FixedSurface": level.type}
    value = 0.0 if level.value is None and level_zero else level.value
    if value is None:
        return keys | {f"scaleFactorOf{which}FixedSurface": "missing", f"scaledValueOf{which}FixedSurface": "missing"}
    digits = 0 if value == round(value) else 2
    return keys | {
        f"scaleFactorOf{which}FixedSurface": digits,
        f"scaledValueOf{which}FixedSurface": round(value * 10**digits),
    }
