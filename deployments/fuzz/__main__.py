"""`make fuzz`: damages messages for a while and tells what the band decoder made of them."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)

BATCH = 1000


@app.command()
def fuzz(
    seconds: Annotated[float, typer.Option(help="Go on for so long.")] = 60,
    seed: Annotated[str, typer.Option(help="The same seed over the same files gives the same damage.")] = "1",
    start: Annotated[int, typer.Option(help="The first mutant's number.")] = 0,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Damage one real message of each kind in this folder too.")
    ] = None,
    keep: Annotated[Path, typer.Option(metavar="FOLDER", help="Messages that show a defect are written here.")] = Path(
        ".windlass/fuzz"
    ),
) -> None:
    """Damage messages at random and decode them in guarded memory; exits with 1 where the decoder has a defect."""
    from random import Random

    from deployments.fuzz.corpus import invented, real
    from deployments.fuzz.trial import BAD, mutant_of, trials
    from tasks.unpack import unpack

    corpus = invented(Random(seed)) + (real(data) if data else [])
    for message in corpus:
        unpack(message)
    counts: Counter[str] = Counter()
    bad = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for outcome in trials(seed, range(start, start + BATCH), corpus, unpack):
            counts[outcome.verdict.value] += 1
            if outcome.verdict in BAD:
                bad += 1
                keep.mkdir(parents=True, exist_ok=True)
                path = keep / f"{seed}-{outcome.number}.grib2"
                path.write_bytes(mutant_of(seed, outcome.number, corpus))
                typer.echo(f"{path}: {outcome.verdict.value}: {outcome.why}")
        start += BATCH
    for words, count in counts.most_common():
        typer.echo(f"{count:9,d}  {words}")
    typer.echo(f"{counts.total():9,d}  messages, {len(corpus)} of them before the damage; seed {seed}")
    raise typer.Exit(1 if bad else 0)


if __name__ == "__main__":
    app()
