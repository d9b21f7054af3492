"""The checks of the gate that hold variables of one run against each other: which is less, and what adds up to what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

import numpy as np
from numpy.typing import NDArray

from storage.catalogue.ensemble import PERCENTS
from storage.variables import Statistic
from tasks.checks import STEPS, Case

Row = tuple[str, tuple[int, ...], str]
"""Variable, leads (minutes), and why they fail."""


@dataclass(frozen=True)
class Order:
    """Nowhere is `lower` above `upper`, so neither is its mean; by `slack` at most, as they come from two schemes."""

    lower: str
    upper: str
    slack: float


@dataclass(frozen=True)
class Sum:
    """Over a run `parts` add up to `whole`; a rate counts with the time until the next lead.

    exact: within a tenth; else rates are seen at the leads alone: to twice over the globe, to eight times elsewhere.
    """

    whole: str
    parts: tuple[str, ...]
    exact: bool


ORDERS = (
    Order("dew_point_temperature_2m", "air_temperature_2m", 1.0),
    Order("cloud_cover_low", "cloud_cover_atmosphere", 25.0),
    Order("cloud_cover_middle", "cloud_cover_atmosphere", 25.0),
    Order("cloud_cover_high", "cloud_cover_atmosphere", 25.0),
    # Percentiles rise, but for the step that each is stored in.
    *(
        Order(what.format(lower), what.format(upper), 0.05)
        for what in ("air_temperature_p{}_2m", "wind_speed_p{}_10m", "precipitation_amount_p{}_surface")
        for lower, upper in pairwise(PERCENTS)
    ),
)
SUMS = (Sum("precipitation_amount_surface", ("precipitation_rate_surface",), exact=False),)

LITTLE, LITTLE_OF_GLOBE = 2.0, 0.2
"""kg m-2 over the run that are no difference."""

RANK = {Statistic.MINIMUM: 0, Statistic.INSTANT: 1, Statistic.MEAN: 1, Statistic.MAXIMUM: 2}


def between(cases: Sequence[Case], orders: Sequence[Order] = ORDERS, sums: Sequence[Sum] = SUMS) -> Iterator[Row]:
    """What contradicts each other. Both sides fail: which one is wrong cannot be told."""
    of = {case.fields.name: case for case in cases}
    for order in (*orders, *_ranked(cases)):
        if order.lower in of and order.upper in of:
            yield from _ordered(order, of[order.lower], of[order.upper])
    for row in sums:
        if row.whole in of and all(name in of for name in row.parts):
            yield from _summed(row, of[row.whole], [of[name] for name in row.parts])


def _ranked(cases: Sequence[Case]) -> Iterator[Order]:
    """Minimum <= mean or instant <= maximum of what CF calls by one name."""
    for one, other in permutations((case.fields.variable for case in cases), 2):
        alike = one.standard_name and (one.standard_name, one.units) == (other.standard_name, other.units)
        if alike and RANK.get(one.statistic, 1) < RANK.get(other.statistic, 1):
            yield Order(one.name, other.name, STEPS * max(one.precision, other.precision))


def _ordered(order: Order, lower: Case, upper: Case) -> Iterator[Row]:
    leads, at, to = np.intersect1d(lower.fields.leads, upper.fields.leads, return_indices=True)
    # Means over different cells tell nothing of each other.
    alike = np.abs(lower.fields.missing[at] - upper.fields.missing[to]) < 1e-3
    above = lower.fields.mean[at] - upper.fields.mean[to]
    bad = alike & (above > order.slack)
    if bad.any():
        worst = int(np.argmax(np.where(bad, above, -np.inf)))
        units = lower.fields.variable.units
        why = (
            f"mean of {order.lower} {above[worst]:.4g} {units} above that of {order.upper} at {leads[worst] / 60:g} h, "
            f"allowed at most {order.slack:.4g}"
        )
        for name in (order.lower, order.upper):
            yield name, tuple(leads[bad].tolist()), why


def _summed(row: Sum, whole: Case, parts: Sequence[Case]) -> Iterator[Row]:
    amounts = [_amounts(whole, part) for part in parts]
    known = ~np.isnan(np.stack([whole.fields.mean, *amounts])).any(axis=0)
    if not known.any():
        return
    total = float(whole.fields.mean[known].sum())
    added = float(np.sum([amount[known] for amount in amounts]))
    times = 1.1 if row.exact else 2.0 if whole.globe else 8.0
    little = LITTLE_OF_GLOBE if whole.globe else LITTLE
    low, high = total / times - little, total * times + little
    if not low <= added <= high:
        why = (
            f"{' and '.join(row.parts)} add up to {added:.4g} kg m-2 where {row.whole} has {total:.4g}, allowed "
            f"{max(low, 0.0):.4g} to {high:.4g}"
        )
        for case in (whole, *parts):
            yield case.fields.name, tuple(case.fields.leads.tolist()), why


def _amounts(whole: Case, part: Case) -> NDArray[np.float64]:
    """What a part says of the intervals of the whole: kg m-2, NaN where it does not know them."""
    of = dict(zip(part.fields.leads.tolist(), part.fields.mean.tolist(), strict=True))
    ends, minutes = whole.fields.leads, whole.fields.intervals
    if part.fields.variable.statistic is Statistic.ACCUMULATION:
        same = dict(zip(part.fields.leads.tolist(), part.fields.intervals.tolist(), strict=True))
        return np.array(
            [of[end] if same.get(end) == length else np.nan for end, length in zip(ends, minutes, strict=True)]
        )
    rates = [
        (of.get(end - length, np.nan) + of.get(end, np.nan)) / 2 for end, length in zip(ends, minutes, strict=True)
    ]
    return np.array(rates) * 60.0 * minutes
