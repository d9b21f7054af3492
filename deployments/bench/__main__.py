"""`make bench` and `make bench-ingest`: measure what Windlass costs and print one table."""

from __future__ import annotations

import platform
import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deployments.bench.table import Row


app = typer.Typer(add_completion=False)


class Part(StrEnum):
    """What can be measured by itself."""

    READING = "reading"
    ANSWERING = "answering"
    PAST = "past"
    FETCHING = "fetching"
    INGESTING = "ingesting"
    WHOLE_RUN = "whole-run"
    FLEET = "fleet"
    SERVING = "serving"
    SWAPS = "swaps"
    MEMORY = "memory"


LONG = (Part.WHOLE_RUN, Part.FLEET, Part.SWAPS, Part.MEMORY)
SHORT = tuple(part for part in Part if part not in LONG)


@app.command()
def bench(
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Stores and runs are kept here and used again: up to 20 GB.")
    ] = Path(".windlass/bench"),
    only: Annotated[
        list[Part] | None,
        typer.Option(
            help="One part, or several. whole-run: all 209 leads of GFS, fleet: whole runs of other models, swaps: "
            "1,000 exchanges under load, memory: 100,000 answers."
        ),
    ] = None,
) -> None:
    """Measure what Windlass costs, as ratios against floors of the same run."""
    from datetime import UTC, datetime

    from deployments.bench.table import markdown
    from deployments.console import stderr

    scratch = folder.absolute() / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    rows = []
    for part in only or SHORT:
        stderr.print(part)
        scratch.mkdir(parents=True)
        rows += _measure(part, folder.absolute(), scratch)
        shutil.rmtree(scratch)
    typer.echo(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}\n")
    typer.echo(markdown(rows))


def _measure(part: Part, folder: Path, scratch: Path) -> list[Row]:
    if part is Part.PAST:
        from deployments.bench.past import measure_past

        return measure_past(scratch)
    if part in (Part.SERVING, Part.SWAPS, Part.MEMORY):
        from deployments.bench.serving import measure_memory, measure_serving, measure_swaps

        serving = {Part.SERVING: measure_serving, Part.SWAPS: measure_swaps, Part.MEMORY: measure_memory}
        return serving[part](scratch)
    if part is Part.FETCHING:
        from deployments.bench.fetching import measure_fetching

        return measure_fetching(scratch)
    if part is Part.FLEET:
        from deployments.bench.fleet import measure_fleet

        return measure_fleet(folder / "loads", scratch)
    if part in (Part.INGESTING, Part.WHOLE_RUN):
        from deployments.bench.ingesting import measure_ingesting, measure_whole_run

        measure = measure_whole_run if part is Part.WHOLE_RUN else measure_ingesting
        return measure(folder / "loads", scratch)
    from deployments.bench.answering import measure_answering
    from deployments.bench.reading import measure_reading
    from deployments.bench.stores import full_stores
    from deployments.console import progress_bar

    with progress_bar("full-size stores") as advance:
        stores = full_stores(folder / "stores", advance)
    return (
        measure_reading(stores[0], scratch) if part is Part.READING else measure_answering(folder / "stores", scratch)
    )


if __name__ == "__main__":
    app()
