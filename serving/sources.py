"""The stores at a place: who is asked, who is passed over, who filled something."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from serving import preference
from serving.merge import Merged, Reading
from serving.options import ForecastOptions
from serving.places import Place
from serving.plan import plan_of
from storage.errors import CorruptStore
from storage.grids import Cell, OutsideGrid
from storage.schema import StoreSchema

log = logging.getLogger(__name__)


class Store(Protocol):
    """What an answer needs of an open store."""

    @property
    def schema(self) -> StoreSchema: ...

    def point(self, cell: Cell) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Sources:
    """The stores at a place, best first, with what they said; and what is wrong with others."""

    stores: list[Store]
    cells: list[Cell]
    readings: list[Reading]
    stale: list[str]
    unreadable: list[str]


def is_excluded(store: Store, options: ForecastOptions) -> bool:
    """Whether the client does not want this store, by either of its names."""
    model = store.schema.model
    return model in options.exclude or preference.source_name(model) in options.exclude


def read_sources(place: Place, stores: Sequence[Store], options: ForecastOptions, now: datetime) -> Sources:
    """Every store's series at the place. A store that is damaged there is passed over, told and logged."""
    wanted = [store for store in stores if not is_excluded(store, options)]
    ordered, stale = preference.split_stale(preference.in_order(wanted, place.lat, place.lon), now)
    found = Sources([], [], [], sorted({preference.source_name(store.schema.model) for store in stale}), [])
    for store in ordered:
        try:
            cell = store.schema.grid.cell(place.lat, place.lon)
            reading = Reading(plan_of(store.schema), store.point(cell))
        except OutsideGrid:
            continue
        except CorruptStore as error:
            log.error("%s: %s", store.schema.model, error)
            found.unreadable.append(preference.source_name(store.schema.model))
            continue
        found.stores.append(store)
        found.cells.append(cell)
        found.readings.append(reading)
    return found


@lru_cache(maxsize=1)
def product_version() -> str:
    """The version of this software as `flags.version` tells it."""
    return f"Windlass {version('windlass')}"


def make_flags(sources: Sources, merged: Merged, options: ForecastOptions) -> dict[str, Any]:
    """`flags`: who filled something, when their runs started, which cell answered, who is stale or unreadable."""
    names: list[str] = []
    times: dict[str, str] = {}
    cells: dict[str, dict[str, float]] = {}
    told = np.bincount(merged.who.ravel() + 1, minlength=len(sources.stores) + 1)[1:]
    for store, cell, given in zip(sources.stores, sources.cells, told, strict=True):
        name = preference.source_name(store.schema.model)
        if not given or name in times:
            continue
        names.append(name)
        times[name] = f"{store.schema.init_time:%Y-%m-%d %H}Z"
        lat, lon = store.schema.grid.latlon(cell)
        cells[name] = {"x": cell.x, "y": cell.y, "lat": round(lat, 4), "lon": round(lon, 4)}
    flags: dict[str, Any] = {
        "sources": names,
        "sourceTimes": times,
        "units": str(options.units),
        "version": product_version(),
        "sourceIDX": cells,
    }
    if sources.stale:
        flags["staleSources"] = sources.stale
    if sources.unreadable:
        flags["unreadableSources"] = sources.unreadable
    return flags
