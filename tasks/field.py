"""What identifies a field, and whether it is a wanted one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from storage.variables import Statistic
from tasks.wanted import Level, Meaning, Parameter, Percentile, Probability, Wanted


class Shape(NamedTuple):
    """Which grid a field lies on, well enough to tell grids of one file apart: grid template or type, columns, rows."""

    kind: int | str
    nx: int
    ny: int


class Foreign(Enum):
    """A meaning that no row can ask for: another derived forecast, a value over an area."""

    FOREIGN = "foreign"


FOREIGN = Foreign.FOREIGN


@dataclass(frozen=True, slots=True)
class FieldId:
    """What one field of a message says it is.

    `number`: index inside a multi-field message. `length`: bytes of the whole message.
    `interval`: (start, end) minutes after init_time, equal for an instant; None where the message gives no such time.
    `statistic`: None for a process that the catalogue has no word for. `meaning`: None where it is the quantity itself.
    `short`: the name of a GRIB1 field, which has no `parameter`.
    """

    number: int
    length: int
    parameter: Parameter | None
    level: Level | None
    statistic: Statistic | None
    interval: tuple[int, int] | None
    init_time: datetime
    member: int | None
    shape: Shape
    meaning: Meaning | Foreign | None = None
    short: str | None = None

    def __str__(self) -> str:
        name = self.short or ".".join(map(str, self.parameter or ()))
        level = "/".join(f"{part:g}" for part in self.level or () if part is not None)
        statistic = self.statistic.value if self.statistic else "?"
        start, end = self.interval or ("?", "?")
        told = "" if self.meaning is None else f" ({said(self.meaning)})"
        member = "" if self.member is None else f" of member {self.member}"
        window = f"{start}-{end} min after {self.init_time:%Y-%m-%dT%H:%MZ}"
        return f"{name}{told} at level {level} {statistic} {window}{member}"


def said(meaning: Meaning | Foreign) -> str:
    """A meaning in words."""
    match meaning:
        case Probability(above, below):
            limits = (f"above {above:g}" if above is not None else "", f"below {below:g}" if below is not None else "")
            return "probability " + " and ".join(limit for limit in limits if limit)
        case Percentile(percent):
            return f"percentile {percent}"
        case _:
            return meaning.value


def is_of(field: FieldId, members: tuple[int, ...]) -> bool:
    """Whether a field is of one of the members; where there are none, of no member or of the control."""
    return field.member in (members or (None, 0))


def match(field: FieldId, wanted: Wanted) -> bool:
    """Whether a field is the wanted variable, at whatever time and of whatever member."""
    if field.meaning != wanted.meaning or field.interval is None or field.level is None:
        return False
    if field.statistic != wanted.statistic or not wanted.spans(field.interval):
        return False
    named = field.short in wanted.grib1 if field.short is not None else field.parameter in wanted.parameters
    same_level = field.level.type == wanted.level.type and wanted.level.value in (None, field.level.value)
    return named and same_level
