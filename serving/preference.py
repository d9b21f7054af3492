"""Which model answers first. The only file of this room that names models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol, TypeVar

from storage.schema import StoreSchema


class Described(Protocol):
    """Anything that carries a schema: an open store."""

    @property
    def schema(self) -> StoreSchema: ...


S = TypeVar("S", bound=Described)


@dataclass(frozen=True)
class Region:
    """A box in degrees and the models that are asked in it, best first."""

    name: str
    south: float
    north: float
    west: float
    east: float
    models: tuple[str, ...]

    def holds(self, lat: float, lon: float) -> bool:
        return self.south <= lat <= self.north and self.west <= lon <= self.east


# Searched in order; the last one holds every place.
REGIONS = (
    Region("north-america", 14.0, 83.0, -168.0, -52.0, ("ifs", "gfs")),
    Region("world", -90.0, 90.0, -180.0, 360.0, ("ifs", "gfs")),
)

# What the contract calls its sources: clients may exclude them whether they are served here or not.
CONTRACT_SOURCES = frozenset(
    {
        "hrrr", "nbm", "gefs", "gfs", "rtma_ru", "ecmwf_ifs", "dwd_mosmix", "aigefs", "aigfs", "ecmwf_aifs", "raqdps",
        "silam",
    }
)  # fmt: skip

# What Dark Sky clients know a model as, where that is not its name here.
SOURCE_NAMES = {"ifs": "ecmwf_ifs"}


def source_name(model: str) -> str:
    """The model's name in `flags.sources` and in `exclude`."""
    return SOURCE_NAMES.get(model, model)


def region_at(lat: float, lon: float) -> Region:
    """The first region that holds the place."""
    return next(region for region in REGIONS if region.holds(lat, lon))


@lru_cache(maxsize=64)
def _ranks(models: tuple[str, ...]) -> dict[str, int]:
    return {model: rank for rank, model in enumerate(models)}


def is_stale(schema: StoreSchema, now: datetime) -> bool:
    """Whether the run is older than its model's own `stale_after`."""
    return now - schema.init_time > timedelta(minutes=schema.freshness.stale_after)


def in_order(stores: Iterable[S], lat: float, lon: float) -> list[S]:
    """Stores best first: by the region's list, models it does not name last, newer runs of a model before older."""
    ranks = _ranks(region_at(lat, lon).models)

    def key(store: S) -> tuple[int, float, str]:
        schema = store.schema
        return ranks.get(schema.model, len(ranks)), -schema.init_time.timestamp(), schema.model

    return sorted(stores, key=key)


def split_stale(stores: list[S], now: datetime) -> tuple[list[S], list[S]]:
    """(stores to use, stale stores), both in the given order.

    A stale store is passed over. Where every store is stale all are used, newest run first: an old forecast that
    says so is worth more than none.
    """
    fresh = [store for store in stores if not is_stale(store.schema, now)]
    if len(fresh) == len(stores):
        return stores, []
    stale = [store for store in stores if is_stale(store.schema, now)]
    if not fresh:
        return sorted(stale, key=lambda store: store.schema.init_time, reverse=True), stale
    return fresh, stale
