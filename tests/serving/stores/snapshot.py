"""What a look at a folder of stores found."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.stores import Snapshot
from storage.grids import Cell

INIT = datetime(2026, 11, 24, tzinfo=UTC)
ANY = Cell(3, 4)


def served(snapshot: Snapshot) -> dict[str, int]:
    """Model -> number of the run that is served."""
    runs = {store.schema.model: store.schema.init_time - INIT for store in snapshot.stores}
    return {model: age // timedelta(hours=6) for model, age in runs.items()}


def problems(snapshot: Snapshot) -> dict[str, str | None]:
    return {state.model: state.problem for state in snapshot.models}


def open_files(folder: Path) -> list[str]:
    links = Path("/proc/self/fd")
    if not links.is_dir():
        pytest.skip("needs /proc")
    paths = []
    for link in links.iterdir():
        try:
            paths.append(os.readlink(link))
        except FileNotFoundError:
            continue
    return [path for path in paths if path.startswith(str(folder))]


def behind(snapshot: Snapshot) -> dict[str, int | None]:
    """Model -> number of the run that is open behind the newest."""
    runs = {state.model: state.previous for state in snapshot.models}
    return {
        model: (store.schema.init_time - INIT) // timedelta(hours=6) if store else None for model, store in runs.items()
    }
