"""Two models that cover the place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.forecast.asked import INIT


@pytest.fixture(scope="module")
def both(weather_store: Any) -> list[Any]:
    return [weather_store("gfs", INIT), weather_store("ifs", INIT)]
