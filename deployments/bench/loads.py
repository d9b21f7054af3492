"""Runs of a production's size, for load tests only: `python -m deployments.bench.loads gfs30|hrrr|nbm FOLDER`.

Names: NCEP GRIB2 tables; inventories of pgrb2.0p25, wrfsfcf and blend core (2022 to 2025). HRRR and NBM lack what the
catalogue has no variable for; NBM tells wind by speed and direction, here by its components.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Annotated

import typer

from deployments.simulator.producers import NCEP, Producer
from flows.gfs import MODEL as GFS
from flows.gfs import SURFACE, TEN_METRES
from flows.model import Cycle, Model
from storage.grids import Box, Grid, LambertGrid, LatLonGrid
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

HRRR = replace(
    GFS,
    name="hrrr",
    title="HRRR 3 km, 20 variables",
    cycles=(Cycle((0, 6, 12, 18), tuple(range(49))),),
    products=_product("hrrr.{init_time:%Y%m%d}/conus/hrrr.t{init_time:%H}z.wrfsfcf{lead:02d}.grib2"),
    mirrors=(),
    wanted=_rows(
        "composite_reflectivity_atmosphere",
        "visibility_surface",
        "wind_gust_surface",
        "air_pressure_surface",
        "temperature_surface",
        "snow_depth_surface",
        "air_temperature_2m",
        "dew_point_temperature_2m",
        "relative_humidity_2m",
        "eastward_wind_10m",
        "northward_wind_10m",
        "precipitation_rate_surface",
        "precipitation_amount_surface",
        "categorical_snow_surface",
        "categorical_rain_surface",
        "cape_surface",
        "convective_inhibition_surface",
        "precipitable_water_atmosphere",
        "cloud_cover_low",
        "cloud_cover_atmosphere",
    ),
    bytes_per_message=900_000,
    points=1059 * 1799,
)

NBM = replace(
    GFS,
    name="nbm",
    title="NBM 2.5 km, 15 variables",
    cycles=(Cycle((0, 6, 12, 18), (*range(1, 37), *range(39, 193, 3), *range(198, 265, 6))),),
    products=_product("blend.{init_time:%Y%m%d}/{init_time:%H}/core/blend.t{init_time:%H}z.core.f{lead:03d}.co.grib2"),
    mirrors=(),
    wanted=(
        *_rows(
            "air_temperature_2m",
            "dew_point_temperature_2m",
            "relative_humidity_2m",
            "apparent_temperature_2m",
            "eastward_wind_10m",
            "northward_wind_10m",
            "visibility_surface",
            "temperature_surface",
            "cape_surface",
            "convective_inhibition_surface",
            "snow_depth_surface",
            "downward_shortwave_flux_surface",
        ),
        Wanted("wind_gust_surface", (Parameter(0, 2, 22),), TEN_METRES, ("GUST", "10 m above ground")),
        Wanted("cloud_cover_atmosphere", (Parameter(0, 6, 1),), SURFACE, ("TCDC", "surface")),
        _ROWS["precipitation_amount_surface"],
    ),
    bytes_per_message=1_500_000,
    points=1597 * 2345,
)

CONUS = Box(-125.0, 24.0, -66.0, 50.0)
WHOLE = replace(NCEP, decoys=())
LOADS = {
    "gfs30": Load(GFS_30, LatLonGrid(90.0, -0.25, 721, 0.0, 0.25, 1440), WHOLE),
    "hrrr": Load(
        HRRR,
        LambertGrid(1059, 1799, 21.138123, 237.280472, 3000.0, 3000.0, 262.5, 38.5, 38.5, 6_371_229.0),
        replace(WHOLE, bucket_hours=1, digits=NCEP.digits | {"composite_reflectivity_atmosphere": 1}),
    ),
    "nbm": Load(
        NBM,
        LambertGrid(1597, 2345, 19.229, 233.7234, 2539.703, 2539.703, 265.0, 25.0, 25.0, 6_371_200.0),
        replace(
            WHOLE,
            alternating_rows=True,
            areas=dict.fromkeys(
                (
                    "apparent_temperature_2m",
                    "cape_surface",
                    "precipitation_amount_surface",
                    "temperature_surface",
                    "visibility_surface",
                ),
                CONUS,
            ),
        ),
    ),
}
"""By name. NBM's are not given everywhere: of its grid, some fields cover the states alone."""


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
            with progress_bar(f"{made.model.title}, {run:%Y-%m-%dT%HZ}") as advance:
                files = simulate_run(folder, made.model, run, hours, made.grid, advance, producer=made.producer)
        except ValueError as error:
            fail(str(error))
    size = sum(file.stat().st_size for file in files)
    stderr.print(f"{len(files)} files, {size_in_words(size)}, {process_time():.0f} s CPU")


if __name__ == "__main__":
    typer.run(make)
