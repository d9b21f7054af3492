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


def by_model(stores: Iterable[S], lat: float, lon: float) -> list[list[S]]:
    """The runs of each model, newest first; models best first: by the region's list, those it does not name last."""
    runs: dict[str, list[S]] = {}
    for store in stores:
        runs.setdefault(store.schema.model, []).append(store)
    for same in runs.values():
        if len(same) > 1:
            same.sort(key=lambda store: store.schema.init_time, reverse=True)
    ranks = _ranks(region_at(lat, lon).models)
    return [runs[model] for model in sorted(runs, key=lambda model: (ranks.get(model, len(ranks)), model))]


def split_stale(models: list[list[S]], now: datetime) -> tuple[list[list[S]], list[list[S]]]:
    """(models in the given order, models whose newest run is stale, the newest first).

    The stale are passed over. Where the others tell nothing at all, or there are none, they are asked all the same:
    an old forecast that says so is worth more than none.
    """
    stale = [runs for runs in models if is_stale(runs[0].schema, now)]
    if not stale:
        return models, stale
    fresh = [runs for runs in models if not is_stale(runs[0].schema, now)]
    return fresh, sorted(stale, key=lambda runs: runs[0].schema.init_time, reverse=True)
