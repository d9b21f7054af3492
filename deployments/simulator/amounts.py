"""What has fallen and shone since the start of a run, and what else is remembered of its hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from deployments.simulator.climate import Field
from deployments.simulator.weather import Moment, Weather

HOUR = 60


class Amounts:
    """Integrals from the start of one run to its times, kept for the times at which an interval starts.

    `flows`: fields of the weather, taken at the middle of every step of `every` minutes (a front needs several hours to
    pass), so that buckets of the same run add up exactly. `time`: how far the run has come, minutes after its start.
    """

    def __init__(
        self, weather: Weather, init_time: datetime, model: str, flows: Iterable[str], every: int = HOUR
    ) -> None:
        self._weather, self._init_time, self._model, self.every = weather, init_time, model, every
        self.time = 0
        self._total = {name: np.zeros(weather.shape) for name in sorted(flows)}
        self._kept = {0: self._copy()}
        self._fields: dict[tuple[str, int], Field] = {}

    def moment(self, time: float) -> Moment:
        """The weather of this run `time` minutes after its start. It holds every field it was asked for: 300 MB at
        0.25 degrees, so nobody keeps it.
        """
        return self._weather.at(self._init_time + timedelta(minutes=time), self._model, time / HOUR)

    def field(self, name: str, time: int, moment: Moment) -> Field:
        """One field at a time, kept as totals are; `moment` is the weather at the time reached."""
        if (name, time) not in self._fields:
            self._fields[name, time] = getattr(moment if time == self.time else self.moment(time), name)
        return self._fields[name, time]

    def advance(self, time: int, keep: frozenset[int]) -> None:
        """Go on to `time`, and keep the totals and fields of the times in `keep` (and no others) on the way."""
        self._kept = {at: total for at, total in self._kept.items() if at in keep}
        self._fields = {(name, at): field for (name, at), field in self._fields.items() if at in keep}
        while self.time < time:
            moment = self.moment(self.time + 0.5 * self.every)
            for name, total in self._total.items():
                total += getattr(moment, name) * (60.0 * self.every)
            self.time += self.every
            if self.time in keep:
                self._kept[self.time] = self._copy()

    def since(self, start: int, flow: str) -> Field:
        """The total of a flow from `start` (kept) to the time reached: kg m-2 of rain, J m-2 of radiation."""
        return self._total[flow] - self._kept[start][flow] if start < self.time else np.zeros(self._weather.shape)

    def _copy(self) -> dict[str, Field]:
        return {name: total.copy() for name, total in self._total.items()}
