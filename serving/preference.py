"""Which model answers first. The only file of this room that names models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from serving.quantities import Group
from storage.schema import ANALYSIS, StoreSchema


class When(IntEnum):
    """What kind of slot: an hour, or a minute, of which the first is now."""

    HOUR = 0
    MINUTE = 1


Part = frozenset[tuple[Group, When]]
"""Some groups of quantities in some kinds of slots."""
Orders = Mapping[tuple[Group, When], tuple[str, ...]]


@dataclass(frozen=True)
class Region:
    """A box in degrees and the models that are asked in it, best first."""

    name: str
    south: float
    north: float
    west: float
    east: float
    orders: Orders

    def holds(self, lat: float, lon: float) -> bool:
        return self.south <= lat <= self.north and self.west <= lon <= self.east


# What is made of many models before a single one, and a fine grid before a coarse one.
_NBM = ("nbm", "nbm_alaska", "nbm_hawaii", "nbm_puerto_rico", "nbm_guam")
_HRRR = ("hrrr", "hrrr_alaska")
_QUARTERS = ("hrrr_subh",)
# An analysis is the best there is of its moment, and tells no other one, and no precipitation.
_ANALYSES = ("rtma",)
# Statistics of members are about many forecasts and are none: they tell what is likely, and never a plain value. The
# finer ensemble before the coarser one; a blend is calibrated and comes before both.
_ENSEMBLES = ("ifs_ens", "gefs")
_AMERICA = ("ifs", "gfs", "dwd_mosmix", "era5")
_ELSEWHERE = ("dwd_mosmix", "ifs", "gfs", "era5")


def _orders(world: tuple[str, ...]) -> Orders:
    return {
        (Group.WEATHER, When.MINUTE): (*_ANALYSES, *_QUARTERS, *_NBM, *_HRRR, *world),
        (Group.PRECIPITATION, When.MINUTE): (*_QUARTERS, *_NBM, *_HRRR, *world),
        (Group.CHANCE, When.MINUTE): (*_NBM, *_ENSEMBLES),
        (Group.WEATHER, When.HOUR): (*_NBM, *_HRRR, *_QUARTERS, *world),
        (Group.PRECIPITATION, When.HOUR): (*_NBM, *_HRRR, *_QUARTERS, *world),
        (Group.CHANCE, When.HOUR): (*_NBM, *_ENSEMBLES),
    }


# Searched in order; the last one holds every place: Guam, too, and Alaska west of 168 W.
REGIONS = (
    Region("north-america", 14.0, 83.0, -168.0, -52.0, _orders(_AMERICA)),
    Region("world", -90.0, 90.0, -180.0, 360.0, _orders(_ELSEWHERE)),
)
STATISTICS = frozenset(_ENSEMBLES)
_NAMED = frozenset(model for region in REGIONS for order in region.orders.values() for model in order)

# What the contract calls its sources: clients may exclude them whether they are served here or not.
CONTRACT_SOURCES = frozenset(
    {
        "hrrr", "nbm", "gefs", "gfs", "rtma_ru", "ecmwf_ifs", "dwd_mosmix", "aigefs", "aigfs", "ecmwf_aifs", "raqdps",
        "silam",
    }
)  # fmt: skip

# What Dark Sky clients know a model as, where that is not its name here.
SOURCE_NAMES = {
    "ifs": "ecmwf_ifs",
    "ifs_ens": "ecmwf_ifs_ens",
    "aifs": "ecmwf_aifs",
    "rtma": "rtma_ru",
    "hrrr_subh": "hrrrsubh",
}
# Who does not want a source does not want what its producer makes of it for other places or times either.
FAMILIES = {
    "hrrr_alaska": "hrrr",
    "hrrr_subh": "hrrr",
    "nbm_alaska": "nbm",
    "nbm_hawaii": "nbm",
    "nbm_puerto_rico": "nbm",
    "nbm_guam": "nbm",
    "ifs_ens": "ecmwf_ifs",
}


def source_name(model: str) -> str:
    """The model's name in `flags.sources` and in `exclude`."""
    return SOURCE_NAMES.get(model, model)


@lru_cache(maxsize=256)
def names_of(model: str) -> frozenset[str]:
    """All names by which a client may exclude a model."""
    return frozenset((model, source_name(model), FAMILIES.get(model, model)))


def is_plain(model: str) -> bool:
    """Whether it is asked for plain values: no statistics of an ensemble are."""
    return model not in STATISTICS


def region_at(lat: float, lon: float) -> Region:
    """The first region that holds the place."""
    return next(region for region in REGIONS if region.holds(lat, lon))


class Turn(NamedTuple):
    """A model's turn to fill what is missing of a part."""

    model: str
    part: Part


class Asked(NamedTuple):
    """A model that is asked, and of which kind it is."""

    model: str
    ai: bool = False
    analysis: bool = False


def order_of(region: Region, group: Group, when: When, asked: Iterable[Asked]) -> list[str]:
    """Those of the models that tell this group in such slots, best first: as the region lists them, then by name those
    that no list names.

    AI models come before all others: they are here because the client asks for them. An analysis tells no hour.
    """
    listed = {model: rank for rank, model in enumerate(region.orders[group, when])}
    found = [
        (not each.ai, listed.get(each.model, len(listed)), each.model)
        for each in asked
        if (each.model in listed or each.model not in _NAMED) and not (each.analysis and when is When.HOUR)
    ]
    return [model for _, _, model in sorted(found)]


@lru_cache(maxsize=256)
def turns_of(region: str, asked: frozenset[Asked]) -> tuple[Turn, ...]:
    """Turns by which each part is filled in the order of its models, with as few turns of each as the orders allow."""
    orders = next(each for each in REGIONS if each.name == region)
    left = {part: order_of(orders, *part, asked) for part in orders.orders}
    turns = []
    while left := {part: models for part, models in left.items() if models}:
        heads = list(dict.fromkeys(models[0] for models in left.values()))
        waiting = {model for models in left.values() for model in models[1:]}
        model = next((head for head in heads if head not in waiting), heads[0])
        part = frozenset(part for part, models in left.items() if models[0] == model)
        turns.append(Turn(model, part))
        for each in part:
            del left[each][0]
    return tuple(turns)


def asked_of(schema: StoreSchema) -> Asked:
    """A store's model, and of which kind it is."""
    return Asked(schema.model, schema.is_ai, ANALYSIS in schema.traits)
