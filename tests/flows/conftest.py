"""A small simulated GFS run, and requests that ingest it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.simulator.run import simulate_run
from flows.gfs import MODEL
from flows.request import IngestRequest
from storage.grids import LatLonGrid
from tests.flows.port import Port

RUN = datetime(2026, 4, 20, tzinfo=UTC)
LEADS = (0, 1, 2, 3, 6)
GRID = LatLonGrid(90.0, -10.0, 19, 0.0, 10.0, 36)


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as GFS's public bucket, with leads 0-3 and 6 of RUN on a 10 degree grid. Not to be written."""
    folder = tmp_path_factory.mktemp("mirror")
    simulate_run(folder, MODEL, RUN, LEADS, GRID)
    return folder


@pytest.fixture
def asked(tmp_path: Path, mirror: Path) -> Callable[..., IngestRequest]:
    """asked(field=...): a request for RUN's leads from the mirror into a bucket folder of the test."""

    def asked(**fields: object) -> IngestRequest:
        usual = {
            "mirror": str(mirror),
            "leads": "0-3,6",
            "bucket": str(tmp_path / "bucket"),
            "work": tmp_path / "work",
            "now": RUN,
        }
        return IngestRequest.model_validate({**usual, **fields})

    return asked


@pytest.fixture
def port(tmp_path: Path, mirror: Path) -> Port:
    """RUN arrives here."""
    return Port(tmp_path, mirror)
