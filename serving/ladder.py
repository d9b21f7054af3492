"""On which rung of the ladder each model stands in an answer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from serving.options import ForecastOptions
from serving.roster import is_excluded
from serving.rungs import Rung
from serving.sources import Source, Sources

Rungs = dict[str, Rung]


def rungs_of(sources: Sources, options: ForecastOptions, troubled: Collection[str], now: datetime) -> Rungs:
    """On which rung each model stands that told something here or should have: model -> rung.

    troubled: models of which something newer cannot be used, or nothing at all.
    """
    rungs = dict.fromkeys(sources.stale, Rung.NEXT_MODEL)
    instant = now.timestamp()
    for source in sources.models:
        rung = _rung_of(source, troubled, instant)
        if rung is not None:
            rungs[source.model] = rung
    if troubled:
        asked = {source.model for source in sources.models}
        for model in troubled:
            if model not in asked and not is_excluded(model, options):
                rungs[model] = Rung.NEXT_MODEL
    return rungs


def _rung_of(source: Source, troubled: Collection[str], instant: float) -> Rung | None:
    told = lately = earlier = False
    for store, _, reading, _ in source.runs:
        if reading.given:
            told = True
            if source.beside or reading.lately:
                lately = True
                earlier = earlier or store is not source.newest
    if source.overtaken:
        return Rung.NEXT_MODEL
    schema, unreadable = source.newest.schema, source.unreadable
    if not lately:
        over = schema.forecasts and instant - schema.init_time.timestamp() > 60 * schema.lead_times[-1]
        if unreadable or over:
            return Rung.NEXT_MODEL
        return Rung.NEWEST if told else None
    if unreadable or source.model in troubled or schema.late_at <= instant:
        return Rung.LAST_GOOD
    # Hours beyond the last lead of a complete run are no gap in it: the cycles of some models differ in length.
    complete = schema.is_complete and not schema.withheld and not source.lacked
    return Rung.PREVIOUS_RUN if earlier and not complete else Rung.NEWEST
