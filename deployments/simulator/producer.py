"""How a producing centre writes its messages, and what else lies in its files: row types.

What a model calls its variables, and on which grid, is said by the model's own rows. Here is what those need not know:
centre and table numbers, packing, how long a bucket is, and the messages that nobody wants. The rows
of the models of `flows/x.py` lie in `deployments/simulator/producers/x.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec

from flows.model import Model
from flows.models import file_of
from storage.grids import Box
from storage.variables import Statistic
from tasks.wanted import Level, Meaning, Parameter


class Packing(StrEnum):
    """How values become bits (ecCodes' names)."""

    COMPLEX = "grid_complex_spatial_differencing"
    CCSDS = "grid_ccsds"
    SIMPLE = "grid_simple"


class Span(StrEnum):
    """The time a message speaks of, given the one at its end."""

    INSTANT = "instant"
    BUCKET = "bucket"
    SINCE_START = "since_start"
    STEP = "step"
    FIVE_MINUTES = "five_minutes"


@dataclass(frozen=True)
class Decoy:
    """A message that lies beside the wanted variable `of` and is easily taken for it.

    It holds `scale` x the values of `of` + `shift` (catalogue's units), as `statistic` over `span`. `name`: short name
    of the index; `level_text`: NOAA's words for the level; `level_type`: ECMWF's. `second`: type of a second fixed
    surface. `product`: the file it lies in. None: as `of` has it. `meaning`: what it tells of `of`, None for a value.
    """

    of: str
    name: str
    parameter: Parameter | None = None
    level: Level | None = None
    level_text: str | None = None
    level_type: str | None = None
    statistic: Statistic = Statistic.INSTANT
    span: Span = Span.INSTANT
    second: int | None = None
    product: str | None = None
    meaning: Meaning | None = None
    scale: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True)
class Producer:
    """One centre's habits. `digits`, `binary`: decimal places, and the power of two that their unit is multiplied by,
    per variable: those of the catalogue's precision, and none, where nothing is said. `second`: type of the second
    fixed surface per variable that has one. `tails`: what lines of NOAA's index end with, by their short names.

    `bucket`: minutes after which a bucket resets; 0 has none. `in_minutes`: whether messages count minutes, not hours.
    `level_zero`: whether surfaces without a value are written with value 0 (NCEP) or as missing (ECMWF).
    `along_grid`: whether winds are given along the grid's rows and columns. `from_nothing`: whether a run's first lead
    has amounts over no time. `alternating_rows`: whether every other row runs backwards. `areas`: variables that are
    missing outside of a box.
    """

    centre: int
    process: int
    tables_version: int
    local_version: int
    packing: Packing
    bucket: int
    level_zero: bool
    decoys: tuple[Decoy, ...] = ()
    digits: Mapping[str, int] = field(default_factory=dict)
    binary: Mapping[str, int] = field(default_factory=dict)
    second: Mapping[str, int] = field(default_factory=dict)
    tails: Mapping[str, str] = field(default_factory=dict)
    in_minutes: bool = False
    along_grid: bool = False
    from_nothing: bool = False
    alternating_rows: bool = False
    areas: Mapping[str, Box] = field(default_factory=dict)


def producer_of(model: Model) -> Producer:
    """Who writes a model's files; raises LookupError where nobody has said."""
    place = f"deployments.simulator.producers.{file_of(model.name)}"
    rows: dict[str, Producer] = import_module(place).PRODUCERS if find_spec(place) else {}
    if model.name not in rows:
        raise LookupError(f"nobody says how {model.name} is written: {place.replace('.', '/')}.py has no row of it")
    return rows[model.name]
