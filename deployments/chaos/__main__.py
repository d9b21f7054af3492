"""`make chaos`: plays the fault matrix and writes it down."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@contextmanager
def silent() -> Iterator[None]:
    """No line of log in the block: what fails is the point, and what it says goes into the table."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@app.command()
def chaos(
    only: Annotated[str, typer.Option(metavar="FAULT,...", help="These faults; a wrong name lists them all.")] = "",
    pairs: Annotated[bool, typer.Option("--pairs", help="Every two at once, too: hundreds, half an hour.")] = False,
    outages: Annotated[bool, typer.Option("--outages", help="Days without anything from upstream.")] = False,
    processes: Annotated[
        bool, typer.Option("--processes", help="Real processes killed, and Prefect's: an hour on a busy machine.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, help="How often each fault of processes is played.")] = 1,
    seed: Annotated[int, typer.Option(help="What happens by chance happens again with the same seed.")] = 1,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the matrix here.")] = None,
) -> None:
    """Play faults in a small world and hold it against what must be true; exits with 1 where something is not."""
    from deployments.chaos.document import Played, document
    from deployments.chaos.matrix import named, play_all, singles
    from deployments.chaos.matrix import pairs as all_pairs
    from deployments.chaos.morning import open_long_stage, open_stage
    from deployments.chaos.outage import DAYS, play_outage
    from deployments.chaos.outcome import Outcome, Verdict
    from deployments.chaos.processes.long import play_processes
    from deployments.chaos.processes.report import section
    from deployments.console import fail, progress_bar

    try:
        faults = named([name for name in only.split(",") if name])
    except LookupError as error:
        fail(str(error))
    begun = monotonic()
    with silent(), TemporaryDirectory(prefix="windlass-chaos-") as place:
        folder = Path(place)
        with progress_bar("simulated runs") as advance, open_stage(folder / "stage", advance) as stage:
            with progress_bar("each fault alone") as advance:
                alone = play_all(stage, singles(faults), folder, seed, advance)
            with progress_bar("two at once") as advance:
                both = play_all(stage, all_pairs(faults) if pairs else [], folder, seed, advance)
        days = []
        if outages:
            with (
                progress_bar("simulated runs of days") as advance,
                open_long_stage(folder / "long", advance) as stage,
                progress_bar("outages") as advance,
            ):
                for done, long in enumerate(DAYS, 1):
                    hours, outcome = play_outage(stage, long, timedelta(hours=1), folder / f"outage-{long}", seed)
                    days.append((f"Nothing from upstream for {long} days", hours, outcome))
                    advance(done, len(DAYS))
        more: list[str] = []
        killed: list[Outcome] = []
        if processes:
            with progress_bar("processes") as advance:
                rows, killed = play_processes(folder / "processes", rounds, seed, advance)
            more = ["", *section(rows, killed, rounds, seed)]
    today = datetime.now(UTC).date()
    text = document(Played(faults, alone, both, days, seed, today, monotonic() - begun, more))
    if write is not None:
        write.write_text(text)
    else:
        typer.echo(text)
    played = [*alone, *both, *(outcome for _, _, outcome in days), *killed]
    broken = [" + ".join(outcome.faults) for outcome in played if outcome.verdict is Verdict.BROKE]
    if broken:
        fail(f"{len(broken)} of {len(played)} broke: {'; '.join(broken)}")


if __name__ == "__main__":
    app()
