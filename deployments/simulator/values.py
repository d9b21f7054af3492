"""From the weather to the numbers of a message: moments, amounts, means and extremes, in the message's units."""

from __future__ import annotations

from functools import reduce

import numpy as np

from deployments.simulator.amounts import SECONDS, Amounts
from deployments.simulator.climate import Field
from deployments.simulator.parts import Part
from deployments.simulator.weather import Moment
from storage.variables import Statistic

AMOUNTS = {
    "precipitation_amount_surface": "precipitation_rate_surface",
    "precipitation_rate_surface": "precipitation_rate_surface",
    "downward_shortwave_flux_surface": "shortwave",
    "downward_uvb_flux_surface": "uvb",
}
"""Variables whose means and sums are integrals, and the field of the weather they integrate."""


def values_of(part: Part, interval: tuple[int, int], amounts: Amounts, moment: Moment) -> Field:
    """[ny, nx] of one message over an interval that ends at the hour `amounts` has reached, in the message's units.

    `moment`: the weather at that hour.
    """
    start, end = interval
    seconds = (end - start) * SECONDS
    variable = part.wanted.variable
    values: Field
    if part.identity.statistic is Statistic.INSTANT:
        values = getattr(moment, variable.name)
    elif variable.name in AMOUNTS:
        values = amounts.since(start, AMOUNTS[variable.name])
        if variable.name != "precipitation_amount_surface":
            values = values / seconds
    else:
        values = _over_hours(variable.name, part.identity.statistic, start, end, amounts, moment)
    if part.scale != 1.0 or part.shift:
        values = part.scale * values + part.shift
    if part.wanted.rate:
        values = values * seconds
    return values if part.wanted.factor == 1.0 else values / part.wanted.factor


def _over_hours(name: str, statistic: Statistic, start: int, end: int, amounts: Amounts, moment: Moment) -> Field:
    """What does not accumulate: an extreme over the full hours of the interval, or the mean of its two ends."""
    if statistic is Statistic.MEAN:
        first, last = (amounts.field(name, hour, moment) for hour in (start, end))
        mean: Field = 0.5 * (first + last)
        return mean
    extreme = {Statistic.MAXIMUM: np.maximum, Statistic.MINIMUM: np.minimum}[statistic]
    return reduce(extreme, (amounts.field(name, hour, moment) for hour in range(start, end + 1)))
