"""What ecCodes says a message is: the truth that ours is held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import eccodes
import pytest

from storage.variables import Statistic
from tasks.field import FieldId
from tasks.wanted import Parameter


@dataclass(frozen=True)
class Key:
    """What ecCodes says a field is. `statistic`: code table 4.10, None for an instant; `steps`: minutes."""

    parameter: Parameter
    level_type: int
    level: float | None
    statistic: int | None
    steps: tuple[int, int]
    init_time: datetime
    points: tuple[int, int] | None


CODES = {Statistic.MEAN: 0, Statistic.ACCUMULATION: 1, Statistic.MAXIMUM: 2, Statistic.MINIMUM: 3}
# ecCodes gives a window described by several time ranges another start than the first of them has.
ONE_RANGE = 1


def eccodes_fields(file: Path) -> Iterator[tuple[Key, bool]]:
    """Every field of a file, multi-field messages included, and whether one time range describes it."""
    eccodes.codes_grib_multi_support_on()
    try:
        with file.open("rb") as source:
            while (handle := eccodes.codes_grib_new_from_file(source)) is not None:
                try:
                    yield key_of(handle)
                finally:
                    eccodes.codes_release(handle)
    finally:
        eccodes.codes_grib_multi_support_off()


def key_of(handle: int) -> tuple[Key, bool]:
    whole = eccodes.codes_get_long

    def has(key: str) -> bool:
        return bool(eccodes.codes_is_defined(handle, key)) and not eccodes.codes_is_missing(handle, key)

    period = bool(eccodes.codes_is_defined(handle, "typeOfStatisticalProcessing"))
    level = None
    if has("scaledValueOfFirstFixedSurface") and has("scaleFactorOfFirstFixedSurface"):
        factor = whole(handle, "scaleFactorOfFirstFixedSurface")
        scaled = whole(handle, "scaledValueOfFirstFixedSurface")
        # GRIB2 writes a sign bit; ecCodes reads this key without it (GFS has surfaces of PV = -2e-6).
        level = (scaled if scaled < 1 << 31 else (1 << 31) - scaled) / 10.0**factor
    unit = whole(handle, "indicatorOfUnitOfTimeRange") if has("indicatorOfUnitOfTimeRange") else 1
    minutes = {0: 1, 1: 60, 2: 1440, 10: 180, 11: 360, 12: 720}[unit]
    start = end = whole(handle, "forecastTime") * minutes
    if period:
        length = {0: 1, 1: 60, 2: 1440, 10: 180, 11: 360, 12: 720}[whole(handle, "indicatorOfUnitForTimeRange")]
        end = start + whole(handle, "lengthOfTimeRange") * length
    date = [whole(handle, name) for name in ("year", "month", "day", "hour", "minute", "second")]
    shape = (whole(handle, "Ni"), whole(handle, "Nj")) if has("Ni") and has("Nj") else None
    key = Key(
        Parameter(*(whole(handle, name) for name in ("discipline", "parameterCategory", "parameterNumber"))),
        whole(handle, "typeOfFirstFixedSurface"),
        level,
        whole(handle, "typeOfStatisticalProcessing") if period else None,
        (start, end),
        datetime(*date, tzinfo=UTC),  # type: ignore[misc,arg-type]
        shape,
    )
    return key, not period or whole(handle, "numberOfTimeRange") == ONE_RANGE


def same(field: FieldId, key: Key) -> bool:
    return (
        field.parameter == key.parameter
        and field.level is not None
        and field.level.type == key.level_type
        and (field.level.value is None) == (key.level is None)
        and (field.level.value is None or field.level.value == pytest.approx(key.level))
        and (
            field.statistic is Statistic.INSTANT
            if key.statistic is None
            else CODES.get(field.statistic or Statistic.INSTANT) == (key.statistic if key.statistic < 4 else None)
        )
        and field.interval == key.steps
        and field.init_time == key.init_time
        and (key.points is None or (field.shape.nx, field.shape.ny) == key.points)
    )
