"""`windlass store`: look into one store, check it, ask it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from storage.grids import Cell
    from storage.reader import Store
    from storage.schema import StoredVariable, StoreSchema

app = typer.Typer(
    help="Look into a store, check it, ask it for a place.\n\n"
    "A store is one run of one model, FOLDER/<model>/<init_time>.zarr.zip in a folder of stores or a bucket folder; or "
    "what does not change, such as the map that [bold]windlass terrain[/bold] makes.",
    no_args_is_help=True,
)

StorePath = Annotated[Path, typer.Argument(metavar="PATH", help="A .zarr.zip file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(path: StorePath, as_json: AsJson = False) -> None:
    """What a store holds: run, age, grid, leads, variables, and where its bytes came from.

    Example: windlass store show ~/.local/share/windlass/stores/gfs/20260420T0600Z.zarr.zip
    """
    with _opened(path) as store:
        facts = describe(store.schema, path.stat().st_size, datetime.now(UTC))
    typer.echo(json.dumps(facts, indent=2) if as_json else in_words(facts))


@app.command()
def verify(path: StorePath, as_json: AsJson = False) -> None:
    """Check every byte of a store: checksums, indexes, header rows, layout. Exit code 1 when something is wrong.

    It says which entry is damaged. A store that the API reads can be checked meanwhile; a damaged one is replaced by
    its next run, or at once: move it away, and windlass sync --once.

    Example: windlass store verify gfs.zarr.zip
    """
    from deployments.console import progress_bar
    from storage.sizes import size_in_words
    from storage.verify import verify as check

    _must_exist(path)
    with progress_bar(f"verify {path.name}") as advance:
        verified = check(path, advance)
    if as_json:
        facts = {
            "ok": True,
            "model": verified.schema.model,
            "init_time": _time(verified.schema.init_time),
            "size": verified.size,
            "entries": verified.entries,
            "chunks": verified.chunks,
        }
        typer.echo(json.dumps(facts, indent=2))
    else:
        typer.echo(
            f"ok: {verified.schema.model} {_time(verified.schema.init_time)}, {size_in_words(verified.size)}: "
            f"{verified.entries} entries and {verified.chunks} chunks match their checksums and the run"
        )


# Unknown options become arguments: -33.9 is a latitude.
@app.command(context_settings={"ignore_unknown_options": True})
def point(
    path: StorePath,
    lat: Annotated[str, typer.Argument(metavar="LAT", help="Degrees north, -90 to 90.")],
    lon: Annotated[str, typer.Argument(metavar="LON", help="Degrees east, -180 to 360.")],
    as_json: AsJson = False,
) -> None:
    """The series of the nearest cell to a place.

    Example: windlass store point gfs.zarr.zip -33.9 151.2 --json
    """
    with _opened(path) as store:
        cell = store.schema.grid.cell(_degrees(lat, "latitude", -90, 90), _degrees(lon, "longitude", -180, 360))
        values = store.point(cell)
    answer = series_at(store.schema, cell, values)
    typer.echo(json.dumps(answer, indent=2) if as_json else table_at(store.schema, answer))


def describe(schema: StoreSchema, size: int, now: datetime) -> dict[str, Any]:
    """Plain JSON of what an operator wants to know of a store of `size` bytes."""
    age = (now - schema.init_time).total_seconds() / 60
    fresh = schema.freshness
    state = "stale" if age > fresh.stale_after else "late" if age > fresh.late_after else "fresh"
    ny, nx = schema.grid.shape
    return {
        "model": schema.model,
        "init_time": _time(schema.init_time),
        "age_hours": round(age / 60, 1),
        "state": state,
        "freshness_minutes": {
            "due_after": fresh.due_after,
            "late_after": fresh.late_after,
            "stale_after": fresh.stale_after,
        },
        "size": size,
        "grid": {**schema.grid.to_attrs(), "extent": schema.grid.extent(), "cells": ny * nx},
        "leads": {
            "count": len(schema.lead_times),
            "minutes": list(schema.lead_times),
            "first_valid_time": _time(schema.valid_times[0]),
            "last_valid_time": _time(schema.valid_times[-1]),
        },
        "variables": [_describe_variable(stored) for stored in schema.variables],
        "attribution": schema.attribution,
        "licence": schema.licence,
        "provenance": schema.provenance,
    }


def _describe_variable(stored: StoredVariable) -> dict[str, Any]:
    return {
        "name": stored.name,
        "long_name": stored.variable.long_name,
        "units": stored.variable.units,
        "statistic": str(stored.variable.statistic),
        "step": stored.scale_factor,
        "widened": stored.widened,
        "interval_hours": sorted({minutes / 60 for minutes in stored.intervals if minutes}),
    }


def in_words(facts: dict[str, Any]) -> str:
    """The text of `windlass store show`."""
    from flows.leads import minutes_in_words
    from storage.sizes import size_in_words

    grid, leads, provenance = facts["grid"], facts["leads"], facts["provenance"]
    by_lead = provenance.get("leads", {})
    mirrors = sorted({mirror for lead in by_lead.values() for mirror in lead.get("mirrors", ())})
    fetched = sum(lead.get("bytes", 0) for lead in by_lead.values())
    came_from = ("mirrors", f"{', '.join(mirrors)}: {size_in_words(fetched)}" if mirrors else "unknown")
    if "files" in provenance:
        came_from = ("maps", f"{provenance['file_count']}: {', '.join(provenance['files'])}")
    lines = [
        ("model", facts["model"]),
        ("run", f"{facts['init_time']}, {facts['age_hours']} h old: {facts['state']}"),
        ("size", size_in_words(facts["size"])),
        ("grid", f"{grid['ny']} x {grid['nx']} cells, {grid['extent']}"),
        ("leads", f"{leads['count']}: {minutes_in_words(leads['minutes']).replace(',', ', ')} h"),
        ("valid", f"{leads['first_valid_time']} to {leads['last_valid_time']}"),
        ("source", facts["attribution"]),
        ("licence", facts["licence"]),
        ("software", provenance.get("software", "unknown")),
        came_from,
        ("missing", "; ".join(provenance.get("missing", ())) or "nothing"),
        *(("problem", problem) for problem in provenance.get("problems", ())),
    ]
    rows: list[Sequence[str]] = [("variable", "units", "step", "", "statistic", "interval h")]
    for row in facts["variables"]:
        intervals = ", ".join(f"{hours:g}" for hours in row["interval_hours"])
        widened = "widened" if row["widened"] else ""
        rows.append((row["name"], row["units"], f"{row['step']:g}", widened, row["statistic"], intervals))
    return "\n".join([*(f"{name:<9} {text}" for name, text in lines), "", *_aligned(rows)])


def series_at(schema: StoreSchema, cell: Cell, values: NDArray[np.float32]) -> dict[str, Any]:
    """Plain JSON of every variable at a cell; None for missing. values: [variable, time]."""
    lat, lon = schema.grid.latlon(cell)
    variables: dict[str, Any] = {}
    for stored, series in zip(schema.variables, values, strict=True):
        # Two more decimals than the step has: float32 noise goes, the value stays.
        digits = _decimals(stored.scale_factor) + 2
        told = [None if math.isnan(value) else round(value, digits) for value in series.tolist()]
        variables[stored.name] = {"units": stored.variable.units, "values": told}
        if any(stored.intervals):
            hours = [minutes / 60 if minutes else None for minutes in stored.intervals]
            variables[stored.name]["interval_hours"] = hours
    return {
        "model": schema.model,
        "init_time": _time(schema.init_time),
        "cell": {"lat": lat, "lon": lon},
        "valid_time": [_time(time) for time in schema.valid_times],
        "variables": variables,
    }


def table_at(schema: StoreSchema, answer: dict[str, Any]) -> str:
    """The text of `windlass store point`: a line a valid time, a column a variable, below it what the columns are."""
    variables = answer["variables"]
    columns = {name: f"[{number}]" for number, name in enumerate(variables, 1)}
    digits = [_decimals(stored.scale_factor) for stored in schema.variables]
    rows: list[Sequence[str]] = [("valid time", "lead h", *columns.values())]
    for number, (time, lead) in enumerate(zip(answer["valid_time"], schema.lead_times, strict=True)):
        told = [row["values"][number] for row in variables.values()]
        shown = ("-" if value is None else f"{value:.{places}f}" for value, places in zip(told, digits, strict=True))
        rows.append((time, f"{lead / 60:g}", *shown))
    cell = answer["cell"]
    head = f"{answer['model']} {answer['init_time']}, cell at latitude {cell['lat']:g}, longitude {cell['lon']:g}"
    legend = [
        (columns[name], name, row["units"], "over the interval" if "interval_hours" in row else "")
        for name, row in variables.items()
    ]
    return "\n".join([head, "", *_aligned(legend), "", *_aligned(rows, right=True)])


def _opened(path: Path) -> Store:
    from storage.reader import Store

    _must_exist(path)
    return Store.open(path)


def _must_exist(path: Path) -> None:
    from deployments.console import fail

    if not path.exists():
        fail(f"no file {path}")


def _degrees(text: str, what: str, low: float, high: float) -> float:
    from deployments.console import fail

    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        fail(f"{what} {text!r} is not a number of degrees between {low} and {high}")
    return value


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _decimals(step: float) -> int:
    """Decimals of a step: 0.05 has 2."""
    exponent = Decimal(str(step)).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _aligned(rows: Sequence[Sequence[str]], right: bool = False) -> list[str]:
    """Rows of text as lines with their columns under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if right else text.ljust(width) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
