"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real GRIB2, index and client files; skips where it is not on this machine."""
    folder = Path(os.environ.get("WINDLASS_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs the shared folder of real files at {folder}")
    return folder
