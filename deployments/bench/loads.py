"""Runs of a production's size, for load tests only: `python -m deployments.bench.loads gefs|gfs30|hrrr|nbm FOLDER`.

Names: NCEP GRIB2 tables; inventories of pgrb2.0p25 (2022 to 2025).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Annotated

import typer

from deployments.simulator.producer import Producer
from deployments.simulator.producers.gefs import GEFS as GEFS_AS_WRITTEN
from deployments.simulator.producers.gfs import GFS as NCEP
from deployments.simulator.producers.hrrr import HOURLY
from deployments.simulator.producers.nbm import STATES_25
from flows.gefs import MODEL as GEFS
from flows.gfs import MODEL as GFS
from flows.gfs import SURFACE
from flows.hrrr import HRRR
from flows.model import Model
from flows.nbm import NBM
from storage.grids import Grid
from storage.run_time import run_time
from tasks.wanted import IndexKind, Level, Parameter, Product, Wanted

COLUMN = Level(200)
_COLUMN_TEXT = "entire atmosphere (considered as a single layer)"


@dataclass(frozen=True)
class Load:
    """A model, its grid and who writes it: all that `simulate_run` needs to know."""

    model: Model
    grid: Grid
    producer: Producer


LAYERS = (
    Wanted("cloud_cover_low", (Parameter(0, 6, 3),), Level(214), ("LCDC", "low cloud layer")),
    Wanted("cloud_cover_middle", (Parameter(0, 6, 4),), Level(224), ("MCDC", "middle cloud layer")),
    Wanted("cloud_cover_high", (Parameter(0, 6, 5),), Level(234), ("HCDC", "high cloud layer")),
)
MORE = (
    *LAYERS,
    Wanted("snow_depth_surface", (Parameter(0, 1, 11),), SURFACE, ("SNOD", "surface")),
    Wanted("snow_water_equivalent_surface", (Parameter(0, 1, 13),), SURFACE, ("WEASD", "surface")),
    Wanted("precipitable_water_atmosphere", (Parameter(0, 1, 3),), COLUMN, ("PWAT", _COLUMN_TEXT)),
    # NCEP counts inhibition below nought.
    Wanted("convective_inhibition_surface", (Parameter(0, 7, 7),), SURFACE, ("CIN", "surface"), factor=-1.0),
    Wanted("temperature_surface", (Parameter(0, 0, 0),), SURFACE, ("TMP", "surface")),
)
_ROWS = {wanted.name: replace(wanted, product="main") for wanted in (*GFS.wanted, *MORE)}


def _product(path: str) -> tuple[Product]:
    return (Product("main", path, path + ".idx", IndexKind.IDX),)


def _rows(*names: str) -> tuple[Wanted, ...]:
    return tuple(_ROWS[name] for name in names)


GFS_30 = replace(
    GFS,
    name="gfs30",
    title="GFS 0.25 degree, 30 variables in one file",
    products=GFS.products[:1],
    mirrors=(),
    wanted=tuple(_ROWS.values()),
    bytes_per_message=520_000,
)

WHOLE = replace(NCEP, decoys=())
LOADS = {
    "gefs": Load(GEFS, GEFS.grid, replace(GEFS_AS_WRITTEN, decoys=())),
    "gfs30": Load(GFS_30, GFS.grid, WHOLE),
    "hrrr": Load(HRRR, HRRR.grid, replace(HOURLY, decoys=())),
    "nbm": Load(NBM, NBM.grid, replace(STATES_25, decoys=())),
}
"""By name. Of NBM's grid some fields cover a part alone."""


def make(
    load: Annotated[str, typer.Argument(help=", ".join(LOADS), metavar="LOAD")],
    folder: Annotated[Path, typer.Argument(help="Where the bucket's folders and files go.")],
    leads: Annotated[str | None, typer.Option(metavar="HOURS", help="Only these leads: 0-120/3. Default: all.")] = None,
    init_time: Annotated[str, typer.Option(metavar="T", help="The run, UTC.")] = "2026-11-25T00",
) -> None:
    """Write a run of a production's size."""
    from deployments.console import fail, progress_bar, report_errors, stderr
    from deployments.simulator.run import simulate_run
    from flows.leads import parse_leads
    from flows.request import parse_time
    from storage.sizes import size_in_words

    if load not in LOADS:
        fail(f"no load {load!r}; there are {', '.join(LOADS)}")
    made = LOADS[load]
    with report_errors():
        run = parse_time(init_time)
        try:
            hours = parse_leads(leads) if leads else made.model.leads(run)
            with progress_bar(f"{made.model.title}, {run_time(run)}") as advance:
                files = simulate_run(folder, made.model, run, hours, made.grid, advance, producer=made.producer)
        except ValueError as error:
            fail(str(error))
    size = sum(file.stat().st_size for file in files)
    stderr.print(f"{len(files)} files, {size_in_words(size)}, {process_time():.0f} s CPU")


if __name__ == "__main__":
    typer.run(make)
