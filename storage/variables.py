"""The catalogue of quantities by their names. Its rows lie in storage/catalogue."""

from __future__ import annotations

from storage.catalogue.air import AIR
from storage.catalogue.ensemble import ENSEMBLE
from storage.catalogue.ground import GROUND
from storage.catalogue.light import LIGHT
from storage.catalogue.spans import SPANS
from storage.catalogue.water import PRECIPITATION_TYPES, WATER
from storage.variable import Flag, Interpolation, Statistic, Variable

__all__ = [
    "CATALOGUE",
    "PRECIPITATION_TYPES",
    "VECTORS",
    "Flag",
    "Interpolation",
    "Statistic",
    "UnknownVariable",
    "Variable",
    "variable",
]


class UnknownVariable(KeyError):
    """No such name in the catalogue."""


VECTORS = (("eastward_wind_10m", "northward_wind_10m"),)
"""Components that belong together."""

ROWS = (*AIR, *WATER, *SPANS, *LIGHT, *GROUND, *ENSEMBLE)
CATALOGUE: dict[str, Variable] = {row.name: row for row in ROWS}


def variable(name: str) -> Variable:
    """The catalogue's row for `name`; raises UnknownVariable naming the closest spelling."""
    try:
        return CATALOGUE[name]
    except KeyError:
        from difflib import get_close_matches

        close = get_close_matches(name, CATALOGUE, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownVariable(f"no variable {name!r} in the catalogue{hint}") from None
