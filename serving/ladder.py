"""On which rung of the ladder each model stands in an answer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

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
    for source in sources.models:
        rung = _rung_of(source, troubled, now)
        if rung is not None:
            rungs[source.model] = rung
    if troubled:
        asked = {source.model for source in sources.models}
        for model in troubled:
            if model not in asked and not is_excluded(model, options):
                rungs[model] = Rung.NEXT_MODEL
    return rungs


def _rung_of(source: Source, troubled: Collection[str], now: datetime) -> Rung | None:
    schema = source.newest.schema
    told = lately = earlier = False
    # Hours beyond the last lead of a complete run are no gap in it: the cycles of some models differ in length.
    complete = schema.is_complete and not schema.withheld and not source.unreadable and not source.lacked
    for run in source.runs:
        given = run.reading.given
        told = told or given > 0
        if given if source.beside else run.reading.lately:
            lately = True
            earlier = earlier or run.store is not source.newest
    if source.overtaken:
        return Rung.NEXT_MODEL
    if not lately:
        over = schema.forecasts and now - schema.init_time > timedelta(minutes=schema.lead_times[-1])
        if source.unreadable or over:
            return Rung.NEXT_MODEL
        return Rung.NEWEST if told else None
    if source.unreadable or source.model in troubled or schema.late_at <= now.timestamp():
        return Rung.LAST_GOOD
    return Rung.PREVIOUS_RUN if earlier and not complete else Rung.NEWEST
