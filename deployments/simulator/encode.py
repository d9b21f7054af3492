"""Values to GRIB2 messages, packed, scanned and numbered as the producing centre does it; headers are ecCodes'."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import eccodes
import numpy as np
from numpy.typing import NDArray

from deployments.simulator.definition import grid_keys
from deployments.simulator.meaning import meaning_keys, template_of
from deployments.simulator.packer import Packed, pack_complex
from deployments.simulator.producer import Packing, Producer
from storage.grids import Grid
from storage.variables import Statistic
from tasks.grib import STATISTICS
from tasks.wanted import Level, Meaning, Parameter

BITS = 16
"""Bits per value where the packing has no decimal step of its own, as ECMWF writes its open data."""

ECMWF_CENTRE = 98

_ABSENT = 1e300
"""Stands for a missing value where ecCodes packs."""

_PROCESS = {statistic: code for code, statistic in STATISTICS.items()}


class Identity(NamedTuple):
    """What a message is about, whatever its run and lead. `second`: type of a second fixed surface. `meaning`: what is
    told of it, None for the quantity itself.
    """

    parameter: Parameter
    level: Level
    statistic: Statistic
    second: int | None = None
    meaning: Meaning | None = None


class Encoder:
    """Encodes messages of one run on one grid; use it in a `with` block, which frees ecCodes' templates."""

    def __init__(self, producer: Producer, grid: Grid, init_time: datetime) -> None:
        self._producer, self._grid, self._init_time = producer, grid, init_time
        self._templates: dict[tuple[Identity, bool], int] = {}

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, *_: object) -> None:
        for template in self._templates.values():
            eccodes.codes_release(template)
        self._templates.clear()

    def message(
        self,
        identity: Identity,
        interval: tuple[int, int],
        values: NDArray[np.floating[Any]],
        digits: int,
        binary: int = 0,
        member: int | None = None,
    ) -> bytes:
        """One message. interval: (start, end) minutes after init_time; values: [ny, nx] in the message's units, NaN =
        missing; digits, binary: multiples of 10^-digits x 2^binary are kept, where the producer's packing is by such.
        member: of an ensemble, 0 the control.
        """
        key = identity, member is not None
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = self._template(*key)
        if self._producer.alternating_rows:
            values = values.copy()
            values[1::2] = values[1::2, ::-1]
        in_order = np.ascontiguousarray(values).ravel()
        with _clone(template) as handle:
            self._set_time(handle, identity, interval)
            if member is not None:
                # Code table 4.6: the unperturbed control at low resolution, a positively perturbed forecast.
                eccodes.codes_set(handle, "typeOfEnsembleForecast", 3 if member else 1)
                eccodes.codes_set(handle, "perturbationNumber", member)
            if self._producer.packing is Packing.COMPLEX:
                return _with_data(handle, pack_complex(in_order, digits, binary=binary))
            return _packed_by_eccodes(handle, in_order)

    def _set_time(self, handle: int, identity: Identity, interval: tuple[int, int]) -> None:
        start, end = interval
        unit = 1 if self._producer.in_minutes else 60
        eccodes.codes_set(handle, "forecastTime", start // unit)
        if identity.statistic is not Statistic.INSTANT:
            until = self._init_time + timedelta(minutes=end)
            for part in ("year", "month", "day", "hour", "minute"):
                eccodes.codes_set(handle, f"{part}OfEndOfOverallTimeInterval", getattr(until, part))
            eccodes.codes_set(handle, "lengthOfTimeRange", (end - start) // unit)

    def _template(self, identity: Identity, ensemble: bool) -> int:
        producer, init_time = self._producer, self._init_time
        handle: int = eccodes.codes_grib_new_from_samples("GRIB2")
        # Code table 4.4: minutes or hours.
        unit = 0 if producer.in_minutes else 1
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
            **grid_keys(self._grid, producer.alternating_rows, producer.along_grid),
            "productDefinitionTemplateNumber": template_of(
                identity.meaning, identity.statistic is not Statistic.INSTANT, ensemble
            ),
            "parameterCategory": identity.parameter.category,
            "parameterNumber": identity.parameter.number,
            "typeOfGeneratingProcess": 2,
            "generatingProcessIdentifier": producer.process,
            "indicatorOfUnitOfTimeRange": unit,
            **_level_keys(identity, producer.level_zero),
            **meaning_keys(identity.meaning),
        }
        if producer.centre == ECMWF_CENTRE:
            # ECMWF's messages carry a local section: its archive's class, type, stream and version.
            keys |= {"setLocalDefinition": 1, "class": "od", "expver": "0001"}
            keys |= {"type": "pf", "stream": "enfo"} if ensemble else {"type": "fc", "stream": "oper"}
        if identity.statistic is not Statistic.INSTANT:
            keys |= {
                "secondOfEndOfOverallTimeInterval": 0,
                "typeOfStatisticalProcessing": _PROCESS[identity.statistic],
                "typeOfTimeIncrement": 2,
                "indicatorOfUnitForTimeRange": unit,
            }
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        if producer.packing is Packing.COMPLEX:
            # Of the sample's own sections 5 to 7 nothing stays.
            eccodes.codes_set(handle, "numberOfDataPoints", self._grid.ny * self._grid.nx)
            return handle
        # A packing can only be chosen where there is something to pack.
        eccodes.codes_set_values(handle, np.arange(float(self._grid.ny * self._grid.nx)))
        eccodes.codes_set(handle, "packingType", str(producer.packing))
        eccodes.codes_set(handle, "bitsPerValue", BITS)
        return handle


@contextmanager
def _clone(template: int) -> Iterator[int]:
    handle = eccodes.codes_clone(template)
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


def _with_data(handle: int, packed: Packed) -> bytes:
    """The sections 0 to 4 of a handle with data of ours."""
    header = eccodes.codes_get_message(handle)[: eccodes.codes_get_long(handle, "offsetSection5")]
    data = b"".join(packed) + b"7777"
    # Section 0, octets 9-16: total length.
    return bytes(header[:8] + struct.pack(">Q", len(header) + len(data)) + header[16:] + data)


def _packed_by_eccodes(handle: int, values: NDArray[np.floating[Any]]) -> bytes:
    missing = np.isnan(values)
    if missing.any():
        eccodes.codes_set(handle, "bitmapPresent", 1)
        eccodes.codes_set(handle, "missingValue", _ABSENT)
    eccodes.codes_set_values(handle, np.where(missing, _ABSENT, values.astype(np.float64)))
    return bytes(eccodes.codes_get_message(handle))


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
