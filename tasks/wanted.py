"""Row types that say what a model calls its messages and where its files lie. Values live in `flows/<model>.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from storage.variables import Statistic, Variable, variable


class Parameter(NamedTuple):
    """GRIB2 discipline, category, number (code tables 0.0, 4.1, 4.2)."""

    discipline: int
    category: int
    number: int


class Level(NamedTuple):
    """GRIB2 type of first fixed surface (code table 4.5) and its value; None where the type has no value."""

    type: int
    value: float | None = None


class Bucket(StrEnum):
    """How amounts or means are given over the run."""

    NONE = "none"
    INTERVAL = "interval"
    SINCE_START = "since_start"


class Probability(NamedTuple):
    """The probability of a value above `above`, below `below`, or from `above` to `below`, in the message's units."""

    above: float | None = None
    below: float | None = None


class Percentile(NamedTuple):
    """The value that so many of a hundred members do not exceed."""

    percent: int


class Derived(StrEnum):
    """What all members together say (code table 4.7)."""

    MEAN = "mean"
    SPREAD = "spread"


Meaning = Probability | Percentile | Derived
"""What a field tells of a quantity, where it is not the quantity itself."""


@dataclass(frozen=True)
class Wanted:
    """One variable of a model: how `.idx`, `.index` and the messages themselves name it.

    `idx`: (short name, level text) of a NOAA inventory line. `param`: ECMWF `.index` param; `param_aliases`: others
    that mean the same.
    `parameters`: GRIB2 identities that mean this variable, any of them.
    `grib1`: ecCodes short names in GRIB1 files, or `<table>.<number>` where it has none.
    `bucket`: INTERVAL = buckets that reset (NCEP), SINCE_START = from the run's start (ECMWF). `over`: how many hours
    the messages speak of, where a model publishes several side by side; each is kept as it is, none taken off another.
    `meaning`: what the messages tell of it, None for the quantity itself.
    stored value = `factor` x message value, a total divided by its interval in seconds where `rate` is set.
    `product`: which of the model's files holds it. `from_lead`, `to_lead`: first and last lead in hours that has it (a
    quarter of an hour is 0.25); `at_hours`: hours of the day, UTC, at which it is valid; none: at all.
    """

    name: str
    parameters: tuple[Parameter, ...]
    level: Level
    idx: tuple[str, str] | None = None
    param: str | None = None
    param_aliases: tuple[str, ...] = ()
    grib1: tuple[str, ...] = ()
    statistic: Statistic = Statistic.INSTANT
    bucket: Bucket = Bucket.NONE
    over: int | None = None
    meaning: Meaning | None = None
    factor: float = 1.0
    rate: bool = False
    product: str = "main"
    from_lead: float = 0
    to_lead: float | None = None
    at_hours: tuple[int, ...] = ()
    required: bool = True

    @property
    def variable(self) -> Variable:
        return variable(self.name)

    @property
    def summed(self) -> bool:
        """Whether messages of neighbouring intervals make that of both: a probability does not."""
        return self.statistic.adds_up and self.meaning in (None, Derived.MEAN) and self.over is None

    def spans(self, interval: tuple[int, int]) -> bool:
        """Whether an interval (minutes) is as long as those of the wanted messages."""
        return self.over is None or interval[1] - interval[0] == 60 * self.over

    def due(self, init_time: datetime, lead: int) -> bool:
        """Whether a run has it at a lead (minutes)."""
        if lead < 60 * self.from_lead or (self.to_lead is not None and lead > 60 * self.to_lead):
            return False
        # A message may tell of any year.
        hour, minute = divmod((60 * init_time.hour + init_time.minute + lead) % (24 * 60), 60)
        return not self.at_hours or (hour in self.at_hours and not minute)


class Slot(NamedTuple):
    """What a run has one message of. `lead`: minutes after init_time; `member`: None where there are no members."""

    variable: str
    lead: int
    member: int | None = None


def hour_of(lead: int) -> int:
    """The lead (hours) of the file that holds a lead (minutes): the one at the end of its hour."""
    return -(-lead // 60)


class IndexKind(StrEnum):
    """How a product's index is written."""

    IDX = "idx"
    ECMWF = "ecmwf"


@dataclass(frozen=True)
class Product:
    """One family of files, one a lead. `path` and `index` are format strings over init_time (datetime) and lead (hours,
    int).

    The model's first product tells when a lead is there; another one, of optional variables only, is expected with it,
    and waited for `grace` minutes more.
    `every`: minutes between the times in one file, which holds those of the hour that ends at its lead.
    `members`: of an ensemble, in the same file; or each in a file of its own, which `files` name in the members' order,
    as `{member}` of path and index. `at_least`: with fewer members a variable is missing; 0: with fewer than all.
    """

    name: str
    path: str
    index: str
    kind: IndexKind
    grace: int = 0
    every: int = 60
    members: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    at_least: int = 0

    def apart(self) -> tuple[Product, ...]:
        """The files of a lead, each as a product."""
        if not self.files:
            return (self,)
        return tuple(
            replace(
                self,
                path=self.path.replace("{member}", file),
                index=self.index.replace("{member}", file),
                members=(member,),
                files=(),
            )
            for member, file in zip(self.members, self.files, strict=True)
        )

    def times(self, lead: int) -> tuple[int, ...]:
        """The times, in minutes after init_time, that the file of a lead (hours) holds."""
        return tuple(range(max(60 * (lead - 1), -self.every) + self.every, 60 * lead + 1, self.every))

    def data_path(self, init_time: datetime, lead: int) -> str:
        """The file of a lead (hours): the first member's where each has its own."""
        return self.path.format(init_time=init_time, lead=lead, member="".join(self.files[:1]))

    def index_path(self, init_time: datetime, lead: int) -> str:
        """The index of that file."""
        return self.index.format(init_time=init_time, lead=lead, member="".join(self.files[:1]))


@dataclass(frozen=True)
class Mirror:
    """A place that serves a model's public layout: https://..., or a folder (file path). Order is fallback order.

    `per_minute`: requests that the mirror bears from one client, where it has said so.
    """

    name: str
    base: str
    per_minute: int | None = None

    @property
    def is_folder(self) -> bool:
        return "://" not in self.base


@dataclass(frozen=True)
class StagedMessage:
    """One verified message in a staged blob.

    `lead`: minutes after init_time. `interval`: (start, end) minutes after init_time, equal for an instant.
    `field`: index of the field inside a multi-field message. `member`: of an ensemble, None elsewhere.
    """

    variable: str
    lead: int
    interval: tuple[int, int]
    blob: str
    offset: int
    length: int
    field: int
    url: str
    mirror: str
    member: int | None = None

    @property
    def slot(self) -> Slot:
        return Slot(self.variable, self.lead, self.member)
