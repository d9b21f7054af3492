"""Which answer the tests ask for, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from serving.forecast import ForecastOptions, Place, build_forecast
from serving.units import System

INIT = datetime(2026, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 8, 42, 17, tzinfo=UTC)
BERLIN = Place(52.52, 13.405, "Europe/Berlin")
SI = ForecastOptions(System.SI, version=2)
BLOCKS_TOLD = ("currently", "minutely", "hourly", "daily")
# The minute that runs at NOW.
MINUTE = int(NOW.timestamp()) // 60 * 60


def ask(stores: list[Any], place: Place = BERLIN, options: ForecastOptions = SI, now: datetime = NOW) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(build_forecast(place, stores, options, now).body)
    return answer
