"""When the files of a simulated run land in their bucket: at the model's own pace, on whatever clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from flows.model import Model
from tasks.clock import Clock

INDEX_AFTER = timedelta(seconds=1)
"""An index follows its file."""


def arrivals(model: Model, init_times: Sequence[datetime]) -> dict[str, datetime]:
    """Path -> when it lands, for all files of these runs."""
    times: dict[str, datetime] = {}
    for init_time in init_times:
        for lead in model.leads(init_time):
            lands = model.arrives(init_time, lead)
            for product in model.products:
                times[product.data_path(init_time, lead)] = lands
                times[product.index_path(init_time, lead)] = lands + INDEX_AFTER
    return times


def by_clock(times: Mapping[str, datetime], clock: Clock) -> Callable[[str], bool]:
    """What a `Server` is told of files that appear at these times; others are there from the start."""

    def appears(path: str) -> bool:
        lands = times.get(path)
        return lands is None or clock.now() >= lands

    return appears
