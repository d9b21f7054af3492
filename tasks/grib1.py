"""The identity of GRIB1 messages, by ecCodes, in the words of GRIB2."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

from storage.variables import Statistic
from tasks.errors import MessageError
from tasks.field import FieldId, Shape
from tasks.forked import ECCODES
from tasks.wanted import Level

# ecCodes' words for level types and statistics of GRIB1 (tables 3 and 5) in those of GRIB2.
_GRIB1_LEVELS = {
    "surface": 1,
    "meanSea": 101,
    "heightAboveGround": 103,
    "entireAtmosphere": 10,
    "atmosphere": 10,
    "isobaricInhPa": 100,
    "mostUnstableParcel": 17,
}
# ECMWF writes these names at the surface, whatever height they are for.
_GRIB1_HEIGHTS = {
    "2t": Level(103, 2.0),
    "2d": Level(103, 2.0),
    "10u": Level(103, 10.0),
    "10v": Level(103, 10.0),
    "10fg": Level(103, 10.0),
    "msl": Level(101),
}
_GRIB1_STATISTICS = {
    "instant": Statistic.INSTANT,
    "accum": Statistic.ACCUMULATION,
    "avg": Statistic.MEAN,
    "max": Statistic.MAXIMUM,
    "min": Statistic.MINIMUM,
}


def identify_grib1(file: BinaryIO, offset: int) -> FieldId:
    """The identity of the GRIB1 message at `offset`, by ecCodes; raises MessageError."""
    with ECCODES:
        return _identify(file, offset)


def _identify(file: BinaryIO, offset: int) -> FieldId:
    import eccodes

    file.seek(offset)
    try:
        handle = eccodes.codes_grib_new_from_file(file)
    except eccodes.CodesInternalError as error:
        raise MessageError(f"a broken GRIB1 message: {error}") from error
    if handle is None:
        raise MessageError("a broken GRIB1 message")
    try:
        get, whole = eccodes.codes_get, eccodes.codes_get_long
        eccodes.codes_set(handle, "stepUnits", "m")
        short = _grib1_name(handle)
        return FieldId(
            number=0,
            length=whole(handle, "totalLength"),
            parameter=None,
            level=_grib1_level(handle, short),
            statistic=_GRIB1_STATISTICS.get(get(handle, "stepType")),
            interval=(whole(handle, "startStep"), whole(handle, "endStep")),
            init_time=_grib1_time(handle),
            member=None,
            shape=Shape(get(handle, "gridType"), _count(handle, "Ni"), _count(handle, "Nj")),
            short=short,
        )
    except eccodes.CodesInternalError as error:
        raise MessageError(f"a broken GRIB1 message: {error}") from error
    finally:
        eccodes.codes_release(handle)


def _grib1_time(handle: int) -> datetime:
    import eccodes

    date, time = (eccodes.codes_get_long(handle, key) for key in ("dataDate", "dataTime"))
    try:
        return datetime.strptime(f"{date:08d}{time:04d}+0000", "%Y%m%d%H%M%z")
    except ValueError as error:
        raise MessageError(f"a GRIB1 message of a date that does not exist: {date:08d} {time:04d}") from error


def _grib1_name(handle: int) -> str:
    """ecCodes' short name; `<table>.<number>` where it has none, as for the upper half of NCEP's table 2."""
    import eccodes

    short = str(eccodes.codes_get(handle, "shortName"))
    if short != "unknown":
        return short
    table, number = (eccodes.codes_get_long(handle, key) for key in ("table2Version", "indicatorOfParameter"))
    return f"{table}.{number}"


def _grib1_level(handle: int, short: str) -> Level | None:
    import eccodes

    kind = eccodes.codes_get(handle, "typeOfLevel")
    surface = _GRIB1_LEVELS.get(kind)
    if surface is None:
        return None
    if kind == "surface" and short in _GRIB1_HEIGHTS:
        return _GRIB1_HEIGHTS[short]
    at_value = kind in ("heightAboveGround", "isobaricInhPa")
    return Level(surface, float(eccodes.codes_get_long(handle, "level")) if at_value else None)


def _count(handle: int, key: str) -> int:
    import eccodes

    return 0 if eccodes.codes_is_missing(handle, key) else int(eccodes.codes_get_long(handle, key))
