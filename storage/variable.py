"""What the catalogue says of a quantity: CF name, units, valid range, int16 step, how a value behaves in time.

Sources of its rows, in storage/catalogue: CF standard name table version 90; GRIB2 code table 4.201 for precipitation
types.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Statistic(StrEnum):
    """What a value says about the interval that ends at its valid time (CF cell_methods, which knows no PROBABILITY:
    how likely something is within it)."""

    INSTANT = "instant"
    ACCUMULATION = "accumulation"
    MEAN = "mean"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    PROBABILITY = "probability"

    @property
    def adds_up(self) -> bool:
        """Whether values of neighbouring intervals, means times their lengths, make that of both."""
        return self in (Statistic.ACCUMULATION, Statistic.MEAN)


class Interpolation(StrEnum):
    """How a reader turns native steps into hours."""

    LINEAR = "linear"
    NEAREST = "nearest"
    SHARE = "share"
    HOLD = "hold"
    SOLAR = "solar"


@dataclass(frozen=True)
class Flag:
    """One value of a categorical variable and its CF flag_meanings word."""

    value: int
    meaning: str


@dataclass(frozen=True)
class Variable:
    """A quantity as every store spells it.

    `precision` is the wanted int16 step in `units`. `valid_min`..`valid_max` is what nature allows:
    a derived value outside it is missing, never clipped.
    SHARE spreads an interval's amount over its hours, HOLD repeats an interval's value,
    SOLAR spreads a mean flux by the sine of the sun's elevation.
    """

    name: str
    long_name: str
    units: str
    precision: float
    valid_min: float
    valid_max: float
    standard_name: str | None = None
    statistic: Statistic = Statistic.INSTANT
    interpolation: Interpolation = Interpolation.LINEAR
    flags: tuple[Flag, ...] = ()
