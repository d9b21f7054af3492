"""`windlass simulate`: a run as its public bucket would hold it, from weather made here."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from storage.run_time import run_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from deployments.simulator.faults import FileFault
    from deployments.simulator.server import Fault
    from flows.model import Model
    from storage.grids import Grid

HELP = """Write a model run as its public bucket would hold it, to try things without the internet.

GRIB2 files with their names, indexes and offsets, and besides the wanted messages others that are easily mistaken \
for them. The weather is made up but coherent: lows and fronts move, rain falls from cloud, nights are dark. Every run \
and every model sees the same weather at the same time; the same arguments give the same bytes.

[bold]Examples[/bold]

  windlass simulate DIR --model gfs                     the newest run, 2 degrees
  windlass simulate DIR --model ifs --leads 0-48/3      its first two days
  windlass simulate DIR --model gfs --full --leads 0-3  all 0.25 degree points
  windlass simulate DIR --model gfs --step 0.25 --bbox=5,47,16,55
  windlass simulate DIR --model hrrr_subh --leads 0-3   every 15 minutes, in files of an hour
  windlass simulate DIR --model gfs --leads 0-6 --fault missing@3
  windlass simulate DIR --model gfs --leads 0-6 --serve --fault slow@6
  windlass simulate DIR --model gfs --serve --arrive 60 leads land as they do, an hour a minute

[bold]Then[/bold] ingest it: windlass ingest gfs --mirror DIR

[bold]Faults of files[/bold], KIND@LEAD or KIND@LEAD:PRODUCT: missing, truncated, stale-index, corrupt, mislabelled, \
other-run. [bold]Faults of the server[/bold], with --serve: slow (20 kB/s), failing (503), stalling (half a message, \
then silence).
"""

STEP, METRIC_STEP = 2.0, 0.3
"""Degrees, of a global grid and of one in metres."""
SLOW = 20_000.0


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the bucket's folders and files go.", show_default=False)],
    model: Annotated[str, typer.Option(help="A model's name, such as gfs; a wrong one lists them all.")],
    init_time: Annotated[
        str | None, typer.Option(metavar="T", help="The run, UTC: 2026-04-20T06. Default: the newest that is due.")
    ] = None,
    leads: Annotated[str | None, typer.Option(metavar="HOURS", help="Only these leads: 0-120/3. Default: all.")] = None,
    step: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Grid step, degrees; about so much of a grid in metres. Default: 2, or 0.3."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Full size: every point that production has.")] = False,
    bbox: Annotated[str | None, typer.Option(metavar="W,S,E,N", help="Only this region, degrees.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="KIND@LEAD", help="Make this go wrong. May be repeated.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the folder over HTTP until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="Port of --serve; 0 takes a free one.", min=0, max=65535)] = 0,
    arrive: Annotated[
        float | None,
        typer.Option(
            metavar="SPEED", min=0.1, help="With --serve: files land at the model's pace, so many times as fast."
        ),
    ] = None,
) -> None:
    from datetime import UTC, datetime

    from deployments.console import progress_bar, stderr
    from deployments.simulator.faults import apply_faults
    from deployments.simulator.run import simulate_run
    from flows.errors import RequestError
    from flows.leads import leads_in_words
    from flows.models import flow_named
    from flows.request import parse_time
    from storage.sizes import size_in_words

    declared = flow_named(model).model
    run = parse_time(init_time) if init_time else newest_due(declared, datetime.now(UTC))
    hours = _leads(declared, run, leads)
    if full and step is not None:
        raise RequestError("--full is every point there is, --step some of them: give one of them")
    grid = _grid(declared, 0.0 if full else step, bbox)
    of_files, of_server = _faults(fault or [], declared, run, hours)
    if of_server and not serve:
        raise RequestError(f"only a server can be {', '.join(sorted(of_server))}: add --serve")
    if arrive is not None and not serve:
        raise RequestError("files can land on a server only: add --serve")
    with progress_bar(f"simulating {model} {run_time(run)}") as advance:
        files = simulate_run(folder, declared, run, hours, grid, advance)
    size = sum(file.stat().st_size for file in files)
    apply_faults(folder, declared, run, of_files)
    stderr.print(
        f"{model} {run_time(run)}, {len(hours)} leads to {hours[-1]} h on {grid.nx} x {grid.ny} points: "
        f"{len(files)} files, {size_in_words(size)}",
        highlight=False,
        soft_wrap=True,
    )
    subset = "" if hours == declared.leads(run) else f" --leads {leads_in_words(hours)}"
    mirror = folder.absolute()
    command = f"windlass ingest {model} --mirror {{}} --init-time {run:%Y-%m-%dT%H}{subset}"
    if not serve:
        typer.echo(command.format(mirror))
        return
    faults = tuple(of_server.values())
    if arrive is None:
        _serve(mirror, port, faults, command)
    else:
        _serve_arriving(mirror, port, faults, declared, run, arrive)


simulate.__doc__ = HELP


def newest_due(model: Model, now: datetime) -> datetime:
    """The newest run that would be complete by `now`: the one that makes the run before it overdue."""
    from datetime import timedelta

    newest = model.init_times(now, 8)
    due = timedelta(minutes=model.freshness.due_after)
    return next(run for run, before in pairwise(newest) if before + due <= now)


def _leads(model: Model, run: datetime, leads: str | None) -> tuple[int, ...]:
    from flows.errors import RequestError
    from flows.leads import leads_in_words, parse_leads

    try:
        there = model.leads(run)
    except ValueError as error:
        raise RequestError(str(error)) from error
    asked = there if leads is None else parse_leads(leads)
    absent = set(asked) - set(there)
    if absent:
        raise RequestError(
            f"{model.name} {run_time(run)} has no lead {leads_in_words(absent)}; its leads are {leads_in_words(there)}"
        )
    return asked


def _grid(model: Model, step: float | None, bbox: str | None) -> Grid:
    from deployments.simulator.run import model_grid
    from flows.errors import RequestError
    from flows.request import parse_box
    from storage.grids import PlaneGrid

    if step is None:
        step = METRIC_STEP if isinstance(model.grid, PlaneGrid) else STEP
    try:
        grid = model_grid(model, step)
    except ValueError as error:
        raise RequestError(f"--step: {error}; try 0.25, 0.5, 1 or 2") from error
    return grid if bbox is None else grid.crop(grid.window(parse_box(bbox)))


def _faults(
    texts: list[str], model: Model, run: datetime, leads: tuple[int, ...]
) -> tuple[list[FileFault], dict[str, Fault]]:
    """Faults of the files, and faults of the server by their text."""
    from functools import partial

    from deployments.simulator.faults import FaultKind, parse_fault
    from deployments.simulator.server import Fault
    from flows.errors import RequestError

    server_faults = {
        "slow": partial(Fault, bytes_per_second=SLOW),
        "failing": partial(Fault, status=503),
        "stalling": partial(Fault, stall_after=500),
    }
    of_files: list[FileFault] = []
    of_server: dict[str, Fault] = {}
    for text in texts:
        kind, _, rest = text.strip().partition("@")
        try:
            # A fault of the server is written like one of the files.
            fault = parse_fault(f"{FaultKind.MISSING}@{rest}" if kind in server_faults else text)
            product = model.product(fault.product)
        except (ValueError, StopIteration) as error:
            names = ", ".join(product.name for product in model.products)
            kinds = ", ".join([*FaultKind, *server_faults])
            raise RequestError(
                f"cannot read the fault {text!r}: write KIND@LEAD or KIND@LEAD:PRODUCT; kinds: {kinds}; "
                f"products: {names}"
            ) from error
        if fault.lead not in leads:
            raise RequestError(f"--fault {text}: lead {fault.lead} is not simulated")
        if kind in server_faults:
            of_server[text] = server_faults[kind](product.data_path(run, fault.lead))
        else:
            of_files.append(fault)
    return of_files, of_server


def _serve_arriving(
    folder: Path, port: int, faults: tuple[Fault, ...], model: Model, run: datetime, speed: float
) -> None:
    """Serve a run whose first lead lands in ten minutes of a fast clock, until Ctrl-C."""
    from datetime import timedelta

    from deployments.simulator.arrivals import arrivals, by_clock
    from tasks.clock import FastClock

    clock = FastClock(model.arrives(run, 0) - timedelta(minutes=10), speed)
    appears = by_clock(arrivals(model, [run]), clock)
    _serve(folder, port, faults, f"windlass watch {model.name} --ingest --mirror {{}} --clock {clock}", appears)


def _serve(
    folder: Path,
    port: int,
    faults: tuple[Fault, ...],
    command: str,
    appears: Callable[[str], bool] = lambda path: True,
) -> None:
    """Serve until Ctrl-C; `command` has a place for the URL."""
    from threading import Event

    from deployments.console import stderr
    from deployments.simulator.server import serve

    with serve(folder, faults, port=port, appears=appears) as server:
        typer.echo(command.format(server.url))
        stderr.print(f"serving {folder} at {server.url} until Ctrl-C", highlight=False, soft_wrap=True)
        try:
            Event().wait()
        except KeyboardInterrupt:
            stderr.print("stopped")
