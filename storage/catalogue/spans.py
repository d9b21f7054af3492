"""Rows of the catalogue: amounts and probabilities over so many hours, of models that publish several side by side."""

from __future__ import annotations

from storage.variable import Interpolation, Statistic, Variable


def _hours(hours: int) -> str:
    return f"{hours} h" if hours > 1 else "an hour"


def _amounts(
    what: str, long_name: str, units: str, precision: float, most: float, standard_name: str | None = None
) -> list[Variable]:
    """Over 1 h and over 6 h, where a model publishes both side by side: neither is made of the other, and each has the
    intervals that its name says.
    """
    return [
        Variable(
            f"{what}_{hours}h_surface",
            long_name.format(_hours(hours)),
            units,
            precision,
            0,
            most,
            standard_name,
            Statistic.ACCUMULATION,
            Interpolation.SHARE,
        )
        for hours in (1, 6)
    ]


def _probabilities(what: str, long_name: str, *over: int) -> list[Variable]:
    return [
        Variable(
            f"{what}_probability_{hours}h_surface",
            long_name.format(_hours(hours)),
            "%",
            0.1,
            0,
            100,
            statistic=Statistic.PROBABILITY,
            interpolation=Interpolation.HOLD,
        )
        for hours in over
    ]


SPANS = (
    *_amounts(
        "precipitation_amount",
        "Precipitation amount over {}",
        "kg m-2",
        0.001,
        1_000,
        "precipitation_amount",
    ),
    *_amounts(
        "snowfall_thickness",
        "Thickness of the snow that fell over {}",
        "m",
        0.001,
        6,
        "thickness_of_snowfall_amount",
    ),
    *_amounts("ice_accretion", "Ice accretion on flat surfaces over {}", "kg m-2", 0.001, 65),
    *_probabilities("precipitation", "Probability of more than 0.254 mm of precipitation over {}", 1, 6, 12),
    *_probabilities("thunderstorm", "Probability of a thunderstorm over {}", 1, 6),
    *(
        Variable(
            f"{kind}_conditional_probability_surface",
            f"Probability that precipitation, if there is any, is {kind.replace('_', ' ')}",
            "%",
            0.1,
            0,
            100,
        )
        for kind in ("rain", "freezing_rain", "snow", "ice_pellets")
    ),
)
