"""One run of each producer."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.simulator.run import model_grid, simulate_run
from flows.model import Model
from tests.deployments.simulator_run.files import LEADS, MODELS, RUN


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder of one run of each model on a 10 degree globe."""
    folders = {}
    for name, model in MODELS.items():
        folders[name] = tmp_path_factory.mktemp(name)
        simulate_run(folders[name], model, RUN, LEADS[name], model_grid(model, 10.0))
    return folders


@pytest.fixture(params=["gfs", "ifs"])
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]
