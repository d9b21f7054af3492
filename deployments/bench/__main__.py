"""`make bench`: measures reading, answering and ingesting, and prints one table."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def bench(
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Full-size stores are kept here and used again: about 12 GB.")
    ] = Path(".windlass/bench"),
    only: Annotated[str | None, typer.Option(metavar="reading|answering|ingesting", help="One part.")] = None,
) -> None:
    """Measure what Windlass costs, as ratios against floors of the same run."""
    from datetime import UTC, datetime

    from deployments.bench.answering import measure_answering
    from deployments.bench.ingesting import measure_ingesting
    from deployments.bench.reading import measure_reading
    from deployments.bench.stores import full_stores
    from deployments.bench.table import markdown
    from deployments.console import progress_bar, stderr

    folder = folder.absolute()
    parts = (only,) if only else ("reading", "answering", "ingesting")
    rows = []
    if {"reading", "answering"} & set(parts):
        with progress_bar("full-size stores") as advance:
            stores = full_stores(folder / "stores", advance)
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if "reading" in parts:
        stderr.print("reading points")
        rows += measure_reading(stores[0], scratch)
    if "answering" in parts:
        stderr.print("answering requests")
        rows += measure_answering(folder / "stores", scratch)
    if "ingesting" in parts:
        stderr.print("ingesting the full grid")
        rows += measure_ingesting(scratch)
    shutil.rmtree(scratch)
    typer.echo(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}\n")
    typer.echo(markdown(rows))


if __name__ == "__main__":
    app()
