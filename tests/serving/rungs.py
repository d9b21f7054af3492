"""Forecasts out of runs that lack something, on a clock that the test sets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from serving.forecast import ForecastOptions, Place, build_forecast
from serving.rungs import lowest
from serving.units import System
from storage.errors import CorruptStore
from storage.grids import Around

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = INIT + timedelta(hours=3)
LONDON = Place(51.5, -0.12, "Europe/London")
OPTIONS = ForecastOptions(System.SI, extend_hourly=True)
NAN = math.nan
LATE, STALE = 400, 7200

# Which run told a number is told by the number: degrees Celsius and W m-2 and so on are these.
NEWEST, BEFORE, OTHER, OTHER_BEFORE = 1.0, 2.0, 3.0, 4.0


class Damaged:
    """A store that opens, and cannot be read at any place."""

    def __init__(self, store: Any) -> None:
        self.schema = store.schema

    def mixed(self, around: Around) -> Any:
        raise CorruptStore("chunk c/0/0/15/5 is not what its checksum says")


def ask(stores: Sequence[Any], now: datetime = NOW, troubled: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    answer = build_forecast(more.get("place", LONDON), stores, more.get("options", OPTIONS), now, frozenset(troubled))
    body: dict[str, Any] = json.loads(answer.body)
    assert body["flags"]["rung"] == lowest(answer.rungs.values())
    return body


def degrees(answer: dict[str, Any]) -> list[float | None]:
    """The temperature of every hour from now on, None where it is not known."""
    return [point.get("temperature") for point in answer["hourly"]["data"]]


def passing(one: float, other: float) -> list[float]:
    """The last three hours of a model that another one goes on from."""
    return [share * one + (1 - share) * other for share in (0.75, 0.5, 0.25)]
