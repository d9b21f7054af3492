"""What a GRIB2 message is: framing, sections and the identity of every field, without decoding a value.

Layouts: WMO Manual on Codes I.2, GRIB edition 2, sections 0 to 8 and product definition templates 4.0 to 4.48.
Reading is by request (offset, size) -> bytes, so the same parser walks a buffer, a file or byte ranges over HTTP.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeVar

from storage.variables import Statistic
from tasks.errors import MessageError
from tasks.field import FOREIGN, FieldId, Foreign, Shape
from tasks.wanted import Derived, Level, Meaning, Parameter, Percentile, Probability

Result = TypeVar("Result")
Reading = Generator[tuple[int, int], bytes, Result]

HEAD = 16
MAGIC = b"GRIB"
END = b"7777"


Told = Literal["derived", "probability", "percentile", "foreign"]


class Template(NamedTuple):
    """Where a product definition template keeps its parts, in bytes from the section's start.

    `times`: unit of the forecast time, then the fixed surfaces. `member`, `period`: None where the template has none.
    `told`: what is said from byte 34 on, None where it is the quantity itself.
    """

    times: int
    member: int | None = None
    period: int | None = None
    told: Told | None = None


TEMPLATES = {
    0: Template(17),
    1: Template(17, member=35),
    2: Template(17, told="derived"),
    5: Template(17, told="probability"),
    6: Template(17, told="percentile"),
    8: Template(17, period=34),
    9: Template(17, period=47, told="probability"),
    10: Template(17, period=35, told="percentile"),
    11: Template(17, member=35, period=37),
    12: Template(17, period=36, told="derived"),
    15: Template(17, told="foreign"),
    40: Template(19),
    41: Template(19, member=37),
    42: Template(19, period=36),
    43: Template(19, member=37, period=39),
    48: Template(41),
}

# Code table 4.10; every other process is one we have no word for.
STATISTICS = {0: Statistic.MEAN, 1: Statistic.ACCUMULATION, 2: Statistic.MAXIMUM, 3: Statistic.MINIMUM}
# Code table 4.4; months and years have no fixed length.
SECONDS = {0: 60, 1: 3600, 2: 86_400, 10: 10_800, 11: 21_600, 12: 43_200, 13: 1}


def message_length(head: bytes) -> int:
    """Bytes of the GRIB2 message that starts with `head` (16 bytes); raises MessageError."""
    if len(head) < HEAD or head[:4] != MAGIC:
        raise MessageError(f"no GRIB message: it starts with {bytes(head[:8])!r}")
    if head[7] != 2:
        raise MessageError(f"GRIB edition {head[7]} instead of 2")
    length = int.from_bytes(head[8:16], "big")
    if length < HEAD + len(END):
        raise MessageError(f"a GRIB message cannot be {length} bytes long")
    return length


def fields(message: bytes | memoryview) -> list[FieldId]:
    """The fields of exactly one GRIB2 message; raises MessageError where framing or sections are wrong."""
    length = message_length(bytes(message[:HEAD]))
    if length != len(message):
        raise MessageError(f"a GRIB message of {length} bytes came as {len(message)} bytes")
    return drive(read_fields(0), lambda start, size: bytes(message[start : start + size]))


def drive(reading: Reading[Result], read: Callable[[int, int], bytes]) -> Result:
    """Answer every request of `reading` with read(offset, size) and return its result."""
    try:
        request = next(reading)
        while True:
            request = reading.send(read(*request))
    except StopIteration as stop:
        result: Result = stop.value
        return result


def read_fields(start: int) -> Reading[list[FieldId]]:
    """The fields of the message at `start`, asking for section heads only; raises MessageError."""
    head = yield start, HEAD
    length = message_length(head)
    position, end = start + HEAD, start + length - len(END)
    init_time: datetime | None = None
    shape: Shape | None = None
    product: bytes | None = None
    found: list[FieldId] = []
    while position < end:
        size, number = _section_head((yield position, 5), end - position)
        if number == 1:
            init_time = _init_time((yield position, min(size, 21)))
        elif number == 3:
            shape = _shape((yield position, min(size, 38)))
        elif number == 4:
            product = yield position, size
        elif number == 7:
            if init_time is None or shape is None or product is None:
                raise MessageError("a GRIB message has data before its sections 1, 3 and 4")
            found.append(_field(len(found), length, head[6], product, init_time, shape))
        position += size
    if (yield end, len(END)) != END:
        raise MessageError(f"a GRIB message of {length} bytes does not end with 7777")
    if not found:
        raise MessageError("a GRIB message without any data")
    return found


def _section_head(head: bytes, room: int) -> tuple[int, int]:
    size, number = struct.unpack(">IB", head) if len(head) == 5 else (0, 0)
    if not (5 <= size <= room and 1 <= number <= 7):
        raise MessageError(f"a GRIB message has a broken section: number {number}, {size} bytes, room for {room}")
    return size, number


def _init_time(section: bytes) -> datetime:
    try:
        return _time(section, 12)
    except (ValueError, struct.error) as error:
        raise MessageError(f"a GRIB message has no valid reference time: {error}") from error


def _time(section: bytes, at: int) -> datetime:
    year, month, day, hour, minute, second = struct.unpack_from(">HBBBBB", section, at)
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _shape(section: bytes) -> Shape:
    if len(section) < 14:
        raise MessageError("a GRIB message has a broken grid section")
    template = int.from_bytes(section[12:14], "big")
    if len(section) < 38:
        return Shape(template, int.from_bytes(section[6:10], "big"), 1)
    nx, ny = struct.unpack_from(">II", section, 30)
    return Shape(template, nx, ny)


def _field(number: int, length: int, discipline: int, section: bytes, init_time: datetime, shape: Shape) -> FieldId:
    if len(section) < 11:
        raise MessageError("a GRIB message has a broken product section")
    parameter = Parameter(discipline, section[9], section[10])
    template = TEMPLATES.get(int.from_bytes(section[7:9], "big"))
    if template is None:
        return FieldId(number, length, parameter, None, None, None, init_time, None, shape, FOREIGN)
    try:
        unit, ahead, surface, factor, scaled = struct.unpack_from(">BIBBI", section, template.times)
        member = None if template.member is None else section[template.member]
        start = _seconds(unit, _signed(ahead, 32))
        statistic: Statistic | None = Statistic.INSTANT
        end = start
        if template.period is not None:
            statistic, end = _period(section, template.period, start, init_time)
        meaning = _meaning(section, template.told)
    except (IndexError, struct.error) as error:
        raise MessageError(f"a GRIB message has a product section of only {len(section)} bytes") from error
    level = Level(surface, _scaled(factor, scaled))
    interval = _minutes(start, end)
    return FieldId(number, length, parameter, level, statistic, interval, init_time, member, shape, meaning)


def _meaning(section: bytes, told: Told | None) -> Meaning | Foreign | None:
    if told == "derived":
        # Code table 4.7. NCEP writes the spread of GEFS as the deviation from the mean of a cluster.
        derived = {0: Derived.MEAN, 1: Derived.MEAN, 2: Derived.SPREAD, 4: Derived.SPREAD}
        return derived.get(section[34], FOREIGN)
    if told == "percentile":
        return Percentile(section[34])
    if told != "probability":
        return FOREIGN if told else None
    lower, upper = (_scaled(*struct.unpack_from(">BI", section, at)) for at in (37, 42))
    # Code table 4.9.
    limits = {0: (None, lower), 1: (upper, None), 2: (lower, upper), 3: (lower, None), 4: (None, upper)}
    return Probability(*limits[section[36]]) if section[36] in limits else FOREIGN


def _period(section: bytes, at: int, start: int | None, init_time: datetime) -> tuple[Statistic | None, int | None]:
    """The statistic and the end, in seconds after init_time, of the time interval described from byte `at` on."""
    process, unit, length = struct.unpack_from(">BxBI", section, at + 12)
    if section[at + 7] == 1:
        # The written end of the interval is wrong in some cut-out files, its length is not.
        length_seconds = _seconds(unit, length)
        end = None if start is None or length_seconds is None else start + length_seconds
        return STATISTICS.get(process), end
    try:
        until = _time(section, at)
    except ValueError as error:
        raise MessageError(f"a GRIB message has no valid end of its interval: {error}") from error
    return None, round((until - init_time).total_seconds())


def _seconds(unit: int, count: int) -> int | None:
    return SECONDS[unit] * count if unit in SECONDS else None


def _minutes(start: int | None, end: int | None) -> tuple[int, int] | None:
    if start is None or end is None or start % 60 or end % 60:
        return None
    return start // 60, end // 60


def _signed(value: int, bits: int) -> int:
    """GRIB2 writes negative numbers as sign bit and magnitude."""
    sign = 1 << (bits - 1)
    return -(value & (sign - 1)) if value & sign else value


def _scaled(factor: int, value: int) -> float | None:
    # All bits set mean missing, and ECMWF writes that for every surface that has no value.
    if factor == 0xFF or value == 0xFFFF_FFFF:
        return None
    return _signed(value, 32) / 10.0 ** _signed(factor, 8)
