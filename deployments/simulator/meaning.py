"""Section 4 of a message that tells something of a quantity: a probability, a percentile, a mean, a spread."""

from __future__ import annotations

from tasks.wanted import Derived, Meaning, Percentile, Probability

Keys = dict[str, int | str]

_DERIVED = {Derived.MEAN: 0, Derived.SPREAD: 4}
"""Code table 4.7."""
DIGITS = 5
"""Decimal places of a limit at most."""


def template_of(meaning: Meaning | None, over_time: bool, member: bool = False) -> int:
    """The product definition template: at a point in time, or over an interval; of a member of an ensemble."""
    match meaning:
        case None:
            return (11 if member else 8) if over_time else int(member)
        case Derived():
            return 12 if over_time else 2
        case Probability():
            return 9 if over_time else 5
        case Percentile():
            return 10 if over_time else 6


def meaning_keys(meaning: Meaning | None) -> Keys:
    """What ecCodes is told of it."""
    match meaning:
        case None:
            return {}
        case Derived():
            return {"derivedForecast": _DERIVED[meaning], "numberOfForecastsInEnsemble": 255}
        case Percentile(percent):
            return {"percentileValue": percent}
        case Probability(above, below):
            # Code table 4.9: below the lower limit, above the upper one, or from the lower to below the upper one.
            kind, lower, upper = (
                (0, below, None) if above is None else (1, None, above) if below is None else (2, above, below)
            )
            return {
                "forecastProbabilityNumber": 255,
                "totalNumberOfForecastProbabilities": 255,
                "probabilityType": kind,
                **_limit("Lower", lower),
                **_limit("Upper", upper),
            }


def _limit(which: str, value: float | None) -> Keys:
    if value is None:
        return {f"scaleFactorOf{which}Limit": "missing", f"scaledValueOf{which}Limit": "missing"}
    digits = next(digits for digits in range(DIGITS + 1) if round(value * 10**digits, 6) == round(value * 10**digits))
    return {f"scaleFactorOf{which}Limit": digits, f"scaledValueOf{which}Limit": round(value * 10**digits)}


def in_words(meaning: Meaning | None) -> str:
    """As wgrib2 ends a line of an inventory."""
    match meaning:
        case None:
            return ""
        case Derived():
            return "ens mean" if meaning is Derived.MEAN else "ens std dev"
        case Percentile(percent):
            return f"{percent}% level"
        case Probability(above, None):
            return f"prob >{above:g}:prob fcst 255/255"
        case Probability(None, below):
            return f"prob <{below:g}:prob fcst 255/255"
        case Probability(above, below):
            return f"prob >={above:g} <{below:g}:prob fcst 255/255"
