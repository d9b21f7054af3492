"""What a watch knows of itself: whether it looks, and whether somebody could be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deployments.metrics.families import Families
from deployments.watch.watch import Watch

DESCRIBED = {
    "windlass_watch_last_look_timestamp_seconds": ("When the watch over a model looked last", ("model",)),
    "windlass_watch_told_total": ("How often work on a model was set going", ("model",)),
    "windlass_watch_tell_failures_total": ("How often that could not be done", ("model",)),
}


class WatchState(Collector):
    """The watches of this process."""

    def __init__(self, watches: Sequence[Watch]) -> None:
        self._watches = watches

    def collect(self) -> Iterable[Metric]:
        found = Families(DESCRIBED)
        for watch in self._watches:
            model = watch.model.name
            looked = watch.looked.timestamp() if watch.looked else None
            found.add("windlass_watch_last_look_timestamp_seconds", looked, model=model)
            found.add("windlass_watch_told_total", watch.told_total, model=model)
            found.add("windlass_watch_tell_failures_total", watch.tell_failures_total, model=model)
        return found.found()
