"""From the weather to the numbers of a message: moments, amounts, means and extremes, in the message's units."""

from __future__ import annotations

from functools import reduce

import numpy as np

from deployments.simulator.amounts import Amounts
from deployments.simulator.chances import chance_of
from deployments.simulator.climate import Field
from deployments.simulator.parts import Part
from deployments.simulator.weather import Moment
from storage.catalogue.spans import SPANS
from storage.variables import Statistic
from tasks.wanted import Wanted

AMOUNTS = {
    "precipitation_amount_surface": "precipitation_rate_surface",
    "precipitation_rate_surface": "precipitation_rate_surface",
    "snowfall_thickness_surface": "snowfall",
    **dict.fromkeys(
        ("precipitation_amount_1h_surface", "precipitation_amount_6h_surface"), "precipitation_rate_surface"
    ),
    **dict.fromkeys(("snowfall_thickness_1h_surface", "snowfall_thickness_6h_surface"), "snowfall"),
    **dict.fromkeys(("ice_accretion_1h_surface", "ice_accretion_6h_surface"), "glaze"),
    **{row.name: "precipitation_rate_surface" for row in SPANS if row.statistic is Statistic.PROBABILITY},
    "snowfall_amount_surface": "snowfall_water",
    "downward_shortwave_flux_surface": "shortwave",
    "downward_uvb_flux_surface": "uvb",
}
"""Variables whose means, sums and chances follow from integrals, and the field of the weather they integrate."""


def flow_of(wanted: Wanted) -> str | None:
    """The field of the weather that means or sums of a variable integrate; None where it has none."""
    if wanted.name in AMOUNTS:
        return AMOUNTS[wanted.name]
    return wanted.name if wanted.statistic is Statistic.MEAN else None


def values_of(part: Part, interval: tuple[int, int], amounts: Amounts, moment: Moment) -> Field:
    """[ny, nx] of one message over an interval (minutes) that ends at the time `amounts` has reached, in its units.

    `moment`: the weather at that time.
    """
    start, end = interval
    seconds = 60.0 * (end - start)
    variable = part.wanted.variable
    values: Field
    if part.identity.statistic is Statistic.INSTANT:
        values = getattr(moment, AMOUNTS.get(variable.name, variable.name))
    elif (flow := flow_of(part.wanted)) is not None:
        values = amounts.since(start, flow)
        if variable.statistic is Statistic.PROBABILITY:
            values = chance_of(variable, values, moment)
        elif variable.statistic is not Statistic.ACCUMULATION and seconds:
            values = values / seconds
    else:
        values = _over_times(variable.name, part.identity.statistic, start, end, amounts, moment)
    if part.scale != 1.0 or part.shift:
        values = part.scale * values + part.shift
    if part.wanted.rate:
        values = values * seconds
    return values if part.wanted.factor == 1.0 else values / part.wanted.factor


def _over_times(name: str, statistic: Statistic, start: int, end: int, amounts: Amounts, moment: Moment) -> Field:
    """What does not accumulate: an extreme over the times of the interval, or the mean of its two ends."""
    if statistic is Statistic.MEAN:
        first, last = (amounts.field(name, time, moment) for time in (start, end))
        mean: Field = 0.5 * (first + last)
        return mean
    extreme = {Statistic.MAXIMUM: np.maximum, Statistic.MINIMUM: np.minimum}[statistic]
    return reduce(extreme, (amounts.field(name, time, moment) for time in range(start, end + 1, amounts.every)))
