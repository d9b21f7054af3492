"""The `flags` of an answer: who told it, and what is wrong with those who did not."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import Any

from serving import preference
from serving.cities import nearest_city
from serving.history import instants
from serving.ladder import Rungs
from serving.options import ForecastOptions
from serving.places import Place
from serving.rungs import lowest
from serving.sources import Sources


@lru_cache(maxsize=1)
def product_version() -> str:
    """The version of this software as `flags.version` tells it."""
    return f"Windlass {version('windlass')}"


def make_flags(sources: Sources, rungs: Rungs, options: ForecastOptions, place: Place) -> dict[str, Any]:
    """`flags`: who filled something, from which runs and cells, on which rung, and who is stale or unreadable."""
    times: dict[str, str] = {}
    earlier: dict[str, str] = {}
    past: dict[str, list[str]] = {}
    cells: dict[str, dict[str, float]] = {}
    for source in sources.models:
        for run in source.runs:
            if not run.reading.given:
                continue
            name, time = run.reading.plan.source, run.reading.plan.time
            if name in times:
                if run.short:
                    past.setdefault(name, []).append(time)
                else:
                    earlier[name] = time
                continue
            times[name] = time
            lat, lon = run.store.schema.grid.latlon(run.cell)
            y, x = run.cell
            cells[name] = {"x": x, "y": y, "lat": round(lat, 4), "lon": round(lon, 4)}
    flags: dict[str, Any] = {
        "sources": list(times),
        "sourceTimes": times,
        "units": str(options.units),
        "version": product_version(),
        "sourceIDX": cells,
    }
    if rungs:
        flags["rung"] = lowest(rungs.values())
        flags["rungs"] = {preference.source_name(model): rung for model, rung in rungs.items()}
    if earlier:
        flags["previousTimes"] = earlier
    if past:
        flags["historyTimes"] = past
    if gaps := {preference.source_name(each.model): instants(each.gaps) for each in sources.models if each.gaps}:
        flags["gaps"] = gaps
    if sources.stale:
        flags["staleSources"] = sorted(map(preference.source_name, sources.stale))
    if unreadable := [source.model for source in sources.models if source.unreadable]:
        flags["unreadableSources"] = [preference.source_name(model) for model in unreadable]
    if options.version >= 2:
        city = nearest_city(place.lat, place.lon)
        flags |= {"nearestCity": city.name, "nearestCountry": city.country}
        if city.subdivision:
            flags["nearestSubNational"] = city.subdivision
    return flags
