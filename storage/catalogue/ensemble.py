"""What the members of an ensemble say together, cell by cell.

Shares and means are over the members that have a value there. The spread is the sample standard deviation (divided by
one less than the members), as NCEP's is. Percentiles are linear between the members in their order: the lowest is the
0th, the highest the 100th.
"""

from __future__ import annotations

from storage.variable import Interpolation, Statistic, Variable

PERCENTS = (10, 50, 90)
WET = 0.1
"""kg m-2 an hour, which is mm/h, on average over the interval: more than this is precipitation that counts."""


def _likely(what: str, long_name: str) -> Variable:
    return Variable(
        f"{what}_probability_surface",
        f"{long_name} over the interval, share of the ensemble's members",
        "%",
        0.1,
        0,
        100,
        statistic=Statistic.PROBABILITY,
        interpolation=Interpolation.HOLD,
    )


def _amount(what: str, long_name: str) -> Variable:
    # No amount of six hours was ever measured that is more than 1300 mm, and up to it int16 has steps of 0.02.
    return Variable(
        f"precipitation_amount_{what}_surface",
        f"{long_name} of the members' precipitation amounts over the interval",
        "kg m-2",
        0.02,
        0,
        1_300,
        "precipitation_amount" if what != "spread" else None,
        Statistic.ACCUMULATION,
        Interpolation.SHARE,
    )


ENSEMBLE = (
    _likely("precipitation", f"Probability of more than {WET:g} mm/h of precipitation on average"),
    _amount("mean", "Mean"),
    _amount("spread", "Sample standard deviation"),
    *(_amount(f"p{percent}", f"Percentile {percent}") for percent in PERCENTS),
    _likely("rain", "Probability of rain"),
    _likely("snow", "Probability of snow"),
    _likely("ice_pellets", "Probability of ice pellets"),
    _likely("freezing_rain", "Probability of freezing rain"),
    *(
        Variable(
            f"air_temperature_p{percent}_2m",
            f"Percentile {percent} of the members' air temperatures at 2 m",
            "K",
            0.01,
            150,
            350,
            "air_temperature",
        )
        for percent in PERCENTS
    ),
    *(
        Variable(
            f"wind_speed_p{percent}_10m",
            f"Percentile {percent} of the members' wind speeds at 10 m",
            "m s-1",
            0.01,
            0,
            150,
            "wind_speed",
        )
        for percent in PERCENTS
    ),
)
