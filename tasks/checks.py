"""The checks of the gate that look at one variable: each is a row of CHECKS.

A check measures one number of every field and says what it may be. Where either is NaN, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from storage.variables import Interpolation, Statistic
from tasks.limits import Limits, limits_of
from tasks.normal import DAY, Normal, per_hour
from tasks.statistics import Measured

Fields = NDArray[np.float64]
Range = tuple[Fields | float, Fields | float]

GLOBE, CONTINENT = 0.9, 0.02
"""Of the earth's surface. Over all of it night and day, summer and winter balance; over 10 million km2 weather does."""
VARIED = 100
"""Cells from which on a field does not repeat itself by chance."""
STEPS = 20
"""Steps of a variable's precision that are no difference yet."""
DAMAGED = 0.01
"""A field of which a larger part lies beyond what nature allows is broken, not odd."""
GAPS = 0.05
"""Part of the cells that may be missing beyond what is usual."""


@dataclass(frozen=True)
class Case:
    """What is known of one variable: this run's fields, and what the last published run says is normal.

    part_of_earth: the part of the earth's surface that the grid covers.
    """

    fields: Measured
    part_of_earth: float
    normal: Normal | None = None

    @cached_property
    def limits(self) -> Limits:
        return limits_of(self.fields.variable)

    @property
    def globe(self) -> bool:
        return self.part_of_earth >= GLOBE

    @cached_property
    def tiny(self) -> float:
        return STEPS * self.fields.variable.precision

    @property
    def steady(self) -> bool:
        """Whether the mean over the globe hardly moves, and its size means something."""
        variable = self.fields.variable
        return self.globe and variable.valid_min >= 0 and variable.interpolation is not Interpolation.NEAREST

    @cached_property
    def rate(self) -> Fields:
        """Makes amounts those of an hour, so that different intervals compare."""
        return per_hour(self.fields.variable, self.fields.intervals)

    @cached_property
    def means(self) -> Fields:
        """Of each field, of amounts per hour."""
        return self.fields.mean * self.rate

    @cached_property
    def usual(self) -> Fields:
        """Per field the median of the other fields' means from a day before to a day after; NaN with fewer than 4."""
        found = np.full(len(self.means), np.nan)
        for field, lead in enumerate(self.fields.leads):
            near = np.abs(self.fields.leads - lead) <= DAY
            near[field] = False
            if near.sum() >= 4:
                found[field] = np.median(self.means[near])
        return found


class Blame(StrEnum):
    """Whose fault a number that is wrong may be."""

    FIELD = "the field"
    PAIR = "the field and the one before"
    FEWER = "the fields on that side of the difference where there are fewer"


@dataclass(frozen=True)
class Check:
    """`measure`: one number of each field, [field]. `allowed`: its lowest and highest value. `unit`: %s is the
    variable's own.
    """

    name: str
    measure: Callable[[Case], Fields]
    allowed: Callable[[Case], Range]
    unit: str = "%s"
    blame: Blame = Blame.FIELD


def _absent(case: Case) -> Range:
    if case.limits.gaps:
        return 0.0, 1.0
    usual = case.normal.missing if case.normal else float(np.median(case.fields.missing))
    # A field without any value is none, whatever is usual.
    return 0.0, min(usual + GAPS, math.nextafter(1.0, 0.0))


def _usual_range(case: Case) -> Range:
    """Around the usual mean: within the swing, and over the globe by 60 % at most where the size means something."""
    reach = np.full(len(case.means), case.limits.swing)
    if case.steady:
        reach = np.fmin(reach, np.maximum(0.6 * case.usual, case.tiny))
    return case.usual - reach, case.usual + reach


def _comparable(case: Case) -> Fields:
    """Differences of neighbours, where these tell of as long a time."""
    change = case.fields.change.copy()
    if case.fields.variable.statistic is not Statistic.INSTANT:
        change[1:][np.diff(case.fields.intervals) != 0] = np.nan
    return change


def _repeated(case: Case) -> Fields:
    """Differences of neighbours where the field is not the same number all over, and too varied to recur."""
    fields = case.fields
    varied = (fields.high - fields.low > case.tiny) & (fields.cells >= VARIED) & (not case.limits.rests)
    return np.where(varied, _comparable(case), np.nan)


def _flat(case: Case) -> Fields:
    """Highest less lowest value, where neither this nor its neighbours can be one number all over."""
    spread = case.fields.high - case.fields.low
    never = case.globe and case.fields.cells >= VARIED and not case.limits.rests
    return (
        spread
        if never and np.isfinite(spread).any() and np.nanmedian(spread) > case.tiny
        else np.full(len(spread), np.nan)
    )


def detours(case: Case) -> Fields:
    """From the field before to the one after, as a part of the way there by this field: 1 is straight on.

    Two neighbours that changed places give 1/3, a field from elsewhere nearly 0, an hour of noise 1/2. Small areas are
    not measured: there a day's warmth comes and goes from one lead to the next.
    """
    fields = case.fields
    found = np.full(len(fields.leads), np.nan)
    if case.part_of_earth < CONTINENT or case.limits.rests or len(found) < 5:
        return found
    change = _comparable(case)
    way = change[1:-1] + change[2:]
    far = way > case.tiny / STEPS
    found[1:-1][far] = fields.across[1:-1][far] / way[far]
    return found


def _straight(case: Case) -> Range:
    """Half of what is usual at the same time of day between leads as far apart; 0.2 where the run has few such."""
    leads, found = case.fields.leads, detours(case)
    gaps = np.diff(leads, prepend=leads[:1], append=leads[-1:])
    kinds = np.stack([leads % DAY, gaps[:-1], gaps[1:]])
    sun = case.fields.variable.interpolation is Interpolation.SOLAR
    lowest = np.full(len(leads), np.nan if sun else 0.2)
    for field in np.flatnonzero(~np.isnan(found)):
        alike = (kinds == kinds[:, field : field + 1]).all(axis=0) & ~np.isnan(found)
        alike[field] = False
        if alike.sum() >= 2:
            lowest[field] = 0.55 * np.median(found[alike])
    return lowest, np.inf


def _band(case: Case) -> Range:
    """Where the last run's means lay, and as far again to both sides."""
    if not case.normal or not case.normal.whole_day:
        return np.nan, np.nan
    low, high = case.normal.means
    reach = max(high - low, min(case.limits.swing, 0.5 * (case.limits.highest - case.limits.lowest)))
    if case.steady:
        return max(low - reach, 0.4 * low - case.tiny), min(high + reach, 2.5 * high + case.tiny)
    return low - reach, high + reach


def _spread(case: Case) -> Fields:
    """The usual difference of a field's highest and lowest value, the same for all fields."""
    spread = (case.fields.high - case.fields.low) * case.rate
    return np.full(len(spread), np.nanmedian(spread) if np.isfinite(spread).any() else np.nan)


def _spread_before(case: Case) -> Range:
    """A half to twice and a half over the globe; elsewhere only what turns per cent into parts of one."""
    if not case.normal or not case.normal.whole_day or case.limits.rests:
        return np.nan, np.nan
    times, floor = (2.5, case.tiny) if case.globe else (30.0, 10 * case.tiny)
    return (case.normal.spread - floor) / times, case.normal.spread * times + floor


CHECKS = (
    Check("outside the valid range", lambda case: 100 * case.fields.outside, lambda case: (0.0, 100 * DAMAGED), "%%"),
    Check(
        "missing",
        # What is outside was told already.
        lambda case: 100 * np.maximum(case.fields.missing - case.fields.outside, 0.0),
        lambda case: tuple(100 * share for share in _absent(case)),  # type: ignore[arg-type,return-value]
        "%%",
    ),
    Check("mean", lambda case: case.means, lambda case: (case.limits.lowest, case.limits.highest)),
    Check("mean beside that of the day around", lambda case: case.means, _usual_range),
    Check("mean beside the last run's", lambda case: case.means, _band),
    Check("spread beside the last run's", _spread, _spread_before),
    Check("the same number everywhere, spread", _flat, lambda case: (case.tiny / STEPS, np.inf)),
    Check(
        "a repeated field, change since the lead before",
        _repeated,
        lambda case: (math.nextafter(0.0, 1.0), np.inf),
        blame=Blame.PAIR,
    ),
    Check("out of order, straightness of the way through it", detours, _straight, ""),
    Check("change since the lead before", _comparable, lambda case: (0.0, case.limits.swing), blame=Blame.FEWER),
)
