"""What has fallen and shone since the start of a run, and what else is remembered of its hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from deployments.simulator.climate import Field
from deployments.simulator.weather import Moment, Weather

SECONDS = 3600.0


class Amounts:
    """Integrals from the start of one run to whole hours, kept for the hours at which an interval starts.

    `flows`: fields of the weather, taken once an hour at its middle (a front needs several hours to pass), so that
    buckets of the same run add up exactly. `hour`: how far the run has come.
    """

    def __init__(self, weather: Weather, init_time: datetime, model: str, flows: Iterable[str]) -> None:
        self._weather, self._init_time, self._model = weather, init_time, model
        self.hour = 0
        self._total = {name: np.zeros(weather.shape) for name in sorted(flows)}
        self._kept = {0: self._copy()}
        self._fields: dict[tuple[str, int], Field] = {}

    def moment(self, lead: float) -> Moment:
        """The weather of this run `lead` hours after its start. It holds every field it was asked for: 300 MB at
        0.25 degrees, so nobody keeps it.
        """
        return self._weather.at(self._init_time + timedelta(hours=lead), self._model, lead)

    def field(self, name: str, hour: int, moment: Moment) -> Field:
        """One field at a whole hour, kept as totals are; `moment` is the weather at the hour reached."""
        if (name, hour) not in self._fields:
            self._fields[name, hour] = getattr(moment if hour == self.hour else self.moment(hour), name)
        return self._fields[name, hour]

    def advance(self, hour: int, keep: frozenset[int]) -> None:
        """Go on to `hour`, and keep the totals and fields of the hours in `keep` (and no others) on the way."""
        self._kept = {at: total for at, total in self._kept.items() if at in keep}
        self._fields = {(name, at): field for (name, at), field in self._fields.items() if at in keep}
        while self.hour < hour:
            moment = self.moment(self.hour + 0.5)
            for name, total in self._total.items():
                total += getattr(moment, name) * SECONDS
            self.hour += 1
            if self.hour in keep:
                self._kept[self.hour] = self._copy()

    def since(self, start: int, flow: str) -> Field:
        """The total of a flow from `start` (kept) to the hour reached: kg m-2 of rain, J m-2 of radiation."""
        return self._total[flow] - self._kept[start][flow]

    def _copy(self) -> dict[str, Field]:
        return {name: total.copy() for name, total in self._total.items()}
