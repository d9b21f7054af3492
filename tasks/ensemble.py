"""What the members of an ensemble say together: joints whose numbers are shares, means, spreads and percentiles.

Every cell and lead for itself, over the members that have a value there; with fewer than `at_least` it is missing.
The kernels are loaded when they are first needed: whoever only reads a model's declaration does without a compiler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from storage.catalogue.ensemble import PERCENTS, WET
from storage.grids import Grid

if TYPE_CHECKING:
    from tasks.members import Array
    from tasks.works import Values

SET = 0.1
"""Part of an interval for which a flag must have been set: one hour of six is more, what packing leaves is less."""


@dataclass(frozen=True)
class Percentiles:
    """PERCENTS of one variable, or of the length of a vector of two, which is that of each member's."""

    of: tuple[str, ...]
    makes: tuple[str, ...]
    at_least: int

    def make(self, values: Values, rows: range, grid: Grid) -> Sequence[Array]:
        from tasks.members import speed

        first, *others = (values[name] for name in self.of)
        for (second,) in [others] if others else []:
            for one, other in zip(first, second, strict=True):
                speed(one.reshape(-1), other.reshape(-1))
        return _percentiles(first, self.at_least)


@dataclass(frozen=True)
class Kind:
    """One type of precipitation: `name` of its probability, made of the variable `of`.

    That holds how long a flag was set, as a part of the interval; or it is one of `codes` (GRIB2 code table 4.201).
    """

    name: str
    of: str
    codes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Precipitation:
    """How likely it is that more than WET falls, mean, spread and PERCENTS of the amount, and how likely each kind is.

    A kind counts where its member has any amount.
    """

    amount: str
    kinds: tuple[Kind, ...]
    at_least: int

    @property
    def of(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.amount, *(kind.of for kind in self.kinds))))

    @property
    def makes(self) -> tuple[str, ...]:
        amounts = (f"precipitation_amount_{what}_surface" for what in ("mean", "spread", *_percents()))
        return ("precipitation_probability_surface", *amounts, *(kind.name for kind in self.kinds))

    def make(self, values: Values, rows: range, grid: Grid) -> Sequence[Array]:
        from tasks.members import add_up, addresses_of, kinds

        amounts = values[self.amount]
        own = addresses_of(amounts)
        shape = amounts[0].shape
        likely, mean, spread = (np.empty(shape, np.float32) for _ in range(3))
        add_up(own, shape, values.intervals.astype(np.float64) * (WET / 60.0), self.at_least, likely, mean, spread)
        found = []
        for kind in self.kinds:
            codes = np.zeros(256, np.bool_)
            codes[list(kind.codes)] = True
            found.append(np.empty(shape, np.float32))
            kinds(own, addresses_of(values[kind.of]), shape, codes, SET, self.at_least, found[-1])
        return [likely, mean, spread, *_percentiles(amounts, self.at_least), *found]


def _percents() -> tuple[str, ...]:
    return tuple(f"p{percent}" for percent in PERCENTS)


def percentiles_of(what: str, level: str, of: Sequence[str], at_least: int) -> Percentiles:
    """The joint whose variables the catalogue calls `<what>_p<percent>_<level>`."""
    return Percentiles(tuple(of), tuple(f"{what}_{percent}_{level}" for percent in _percents()), at_least)


def _percentiles(members: Sequence[Array], at_least: int) -> list[NDArray[np.float32]]:
    from tasks.members import addresses_of, network, percentiles

    shape = members[0].shape
    found = [np.empty(shape, np.float32) for _ in PERCENTS]
    shares = np.array(PERCENTS) / 100.0
    percentiles(addresses_of(members), shape, network(len(members)), shares, at_least, addresses_of(found))
    return found
