"""Row types that say what a model calls its messages and where its files lie. Values live in `flows/<model>.py`."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Wanted:
    """One variable of a model: how `.idx`, `.index` and the messages themselves name it.

    `idx`: (short name, level text) of a NOAA inventory line. `param`: ECMWF `.index` param; `param_aliases`: others
    that mean the same.
    `parameters`: GRIB2 identities that mean this variable, any of them.
    `grib1`: ecCodes short names in GRIB1 files, or `<table>.<number>` where it has none.
    `bucket`: INTERVAL = buckets that reset (NCEP), SINCE_START = from the run's start (ECMWF).
    stored value = `factor` x message value, a total divided by its interval in seconds where `rate` is set.
    `product`: which of the model's files holds it. `from_lead`: first lead in hours that has it.
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
    factor: float = 1.0
    rate: bool = False
    product: str = "main"
    from_lead: int = 0
    required: bool = True

    @property
    def variable(self) -> Variable:
        return variable(self.name)


class IndexKind(StrEnum):
    """How a product's index is written."""

    IDX = "idx"
    ECMWF = "ecmwf"


@dataclass(frozen=True)
class Product:
    """One family of files. `path` and `index` are format strings over init_time (datetime) and lead (hours, int)."""

    name: str
    path: str
    index: str
    kind: IndexKind

    def data_path(self, init_time: datetime, lead: int) -> str:
        return self.path.format(init_time=init_time, lead=lead)

    def index_path(self, init_time: datetime, lead: int) -> str:
        return self.index.format(init_time=init_time, lead=lead)


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
    `field`: index of the field inside a multi-field message.
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
