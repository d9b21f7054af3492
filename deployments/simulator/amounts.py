"""What has fallen and shone since the start of a run: the running integral of the weather's flows."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

import numpy as np

from deployments.simulator.weather import Flows, Moment, Weather

SECONDS = 3600.0
REMEMBERED = 4
"""Moments kept for the messages that share them: those of a three-hour step. At full size one takes 200 MB."""


class Amounts:
    """Integrals from the start of one run to whole hours, kept for the hours at which an interval starts.

    Flows are taken once an hour at its middle (a front needs several hours to pass), so that buckets of the same run
    add up exactly.
    """

    def __init__(self, weather: Weather, init_time: datetime, model: str) -> None:
        self._weather, self._init_time, self._model = weather, init_time, model
        self._hour = 0
        self._total = Flows(*(np.zeros(weather.shape) for _ in Flows._fields))
        self._kept = {0: self._copy()}
        self._moments: OrderedDict[int, Moment] = OrderedDict()

    def moment(self, lead: int) -> Moment:
        """The weather of this run `lead` hours after its start."""
        if lead not in self._moments:
            self._moments[lead] = self._at(lead)
            if len(self._moments) > REMEMBERED:
                self._moments.popitem(last=False)
        self._moments.move_to_end(lead)
        return self._moments[lead]

    def _at(self, lead: float) -> Moment:
        return self._weather.at(self._init_time + timedelta(hours=lead), self._model, lead)

    def advance(self, hour: int, keep: frozenset[int]) -> None:
        """Go on to `hour`, and keep the totals of the hours in `keep` (and no others) on the way."""
        self._kept = {at: total for at, total in self._kept.items() if at in keep}
        while self._hour < hour:
            for total, flow in zip(self._total, self._at(self._hour + 0.5).flows(), strict=True):
                total += flow * SECONDS
            self._hour += 1
            if self._hour in keep:
                self._kept[self._hour] = self._copy()

    def since(self, start: int) -> Flows:
        """Totals from `start` (kept) to the hour reached: rain in kg m-2, shortwave and UV-B in J m-2."""
        first = self._kept[start]
        return Flows(*(now - then for now, then in zip(self._total, first, strict=True)))

    def _copy(self) -> Flows:
        return Flows(*(total.copy() for total in self._total))
