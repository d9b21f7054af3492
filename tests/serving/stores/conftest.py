"""A folder of stores, and runs that appear in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.stores import Stores
from storage.manifest import Manifest
from tests.serving.stores.snapshot import INIT


@pytest.fixture
def run(series_store: Any, publish: Any, tmp_path: Path) -> Callable[..., Manifest]:
    """run(number, model): publish a run 6 h after the one before, in which it is `number` degrees."""

    def run(number: int, model: str = "gfs", generation: int = 1) -> Manifest:
        store = series_store(
            model, INIT + timedelta(hours=6 * number), range(30), {"air_temperature_2m": 273.15 + number + generation}
        )
        manifest: Manifest = publish(tmp_path, store, generation)
        return manifest

    return run


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores(tmp_path)
