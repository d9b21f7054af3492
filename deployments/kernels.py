"""Compile the loops of every room and keep them on disk, before many processes want them at the same time.

`python -m deployments.kernels`: serving's in a child, those of ingest here, by small runs of unlike models.
"""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from deployments.simulator.run import model_grid, simulate_run
from flows.ingest import ingest
from flows.models import flow_named
from flows.request import IngestRequest
from serving.forecast import warm
from storage.grids import LatLonGrid, Window

RUN = datetime(2026, 4, 20, tzinfo=UTC)
MODELS = ("gfs", "ifs", "hrrr", "nbm", "gefs")
"""Degrees and metres, our own decoder and ecCodes, buckets, spans and members."""
STEP = 10.0
CELLS = 14


def compile_ingest(name: str, folder: Path) -> None:
    """Bring a simulated run of three leads aboard, below `folder`."""
    model = flow_named(name).model
    whole = model.grid
    grid = model_grid(model, STEP) if isinstance(whole, LatLonGrid) else whole.crop(Window(0, CELLS, 0, CELLS))
    leads = model.leads(RUN)[:3]
    simulate_run(folder / "mirror", model, RUN, leads, grid)
    ingest(
        model,
        IngestRequest(
            mirror=str(folder / "mirror"),
            init_time=RUN,
            leads=",".join(map(str, leads)),
            bucket=str(folder / "bucket"),
            work=folder / "work",
        ),
    )


def main() -> None:
    """Compile all; a second time nothing is left to compile."""
    with multiprocessing.get_context("spawn").Pool(1) as pool, TemporaryDirectory(prefix="windlass-") as folder:
        serving = pool.apply_async(warm)
        for name in MODELS:
            compile_ingest(name, Path(folder) / name)
        serving.get()


if __name__ == "__main__":
    main()
