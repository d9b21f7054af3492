"""`python -m deployments.bench.profile`: where an ingest spends its CPU time, sampled, as a top ten.

py-spy samples all threads and forked children from outside. Compiled kernels have no Python frame: their time counts
for the line that calls them.
"""

from __future__ import annotations

import linecache
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)

RATE = 100
"""Samples a second."""
TOP = 10
ROOT = Path(__file__).parents[2]

INGEST = """
import sys
from pathlib import Path
from deployments.bench.hauling import request_for
from deployments.bench.ingesting import LOAD
from deployments.bench.kept import KeptRun
from flows.ingest import ingest
from flows.leads import parse_leads
leads, mirror, folder = sys.argv[1:]
ingest(LOAD.model, request_for(KeptRun(LOAD, parse_leads(leads), Path(mirror)), Path(folder)))
"""

_FRAME = re.compile(r"(?P<function>.*) \((?P<file>[^()]*):(?P<line>\d+)\)")


@dataclass(frozen=True)
class Spot:
    """A function that is at work itself: its share of all samples, and the line of it that is met most."""

    share: float
    function: str
    place: str
    line: str


@app.command()
def profile(
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where benchmarks keep their runs.")] = Path(
        ".windlass/bench"
    ),
    leads: Annotated[str | None, typer.Option(metavar="HOURS", help="Only these leads. Default: all 209.")] = None,
) -> None:
    """Ingest the simulated GFS run under py-spy and print the ten functions that take most CPU time.

    The samples stay in FOLDER/stacks.txt, in the form that flame graph tools read.
    """
    from deployments.bench.ingesting import LEADS, LOAD, make
    from deployments.bench.kept import KeptRun
    from flows.leads import leads_in_words, parse_leads

    folder = folder.absolute()
    run = KeptRun(LOAD, parse_leads(leads) if leads else LEADS, folder / "loads" / LOAD.model.name)
    make(run, "simulating GFS")
    scratch, stacks = folder / "scratch", folder / "stacks.txt"
    shutil.rmtree(scratch, ignore_errors=True)
    sample((sys.executable, "-c", INGEST, leads_in_words(run.leads), str(run.folder), str(scratch)), stacks)
    shutil.rmtree(scratch)
    typer.echo(markdown(hottest(stacks.read_text().splitlines())))


def sample(command: Sequence[str], stacks: Path) -> None:
    """Run a command under py-spy and keep its collapsed stacks; raises CalledProcessError."""
    spy = Path(sys.executable).with_name("py-spy")
    options = ("record", "--rate", str(RATE), "--subprocesses", "--format", "raw", "--output", str(stacks))
    subprocess.run([str(spy), *options, "--", *command], check=True, cwd=ROOT)


def hottest(stacks: Iterable[str]) -> list[Spot]:
    """The functions with most samples of their own. stacks: `outer (file:line);inner (file:line) samples`."""
    total, met = 0, defaultdict[tuple[str, str], Counter[int]](Counter)
    for stack in stacks:
        frames, _, count = stack.rpartition(" ")
        total += int(count)
        found = _FRAME.fullmatch(frames.rpartition(";")[2])
        if found is not None:
            met[found["function"], found["file"]][int(found["line"])] += int(count)
    spots = []
    for (function, file), lines in sorted(met.items(), key=lambda item: -item[1].total())[:TOP]:
        line = lines.most_common(1)[0][0]
        spots.append(Spot(lines.total() / total, function, f"{file}:{line}", _source(file, line)))
    return spots


def _source(file: str, line: int) -> str:
    """The text of a line of our own; of others' code only what is found under the same name."""
    return linecache.getline(str(ROOT / file), line).strip()


def markdown(spots: Sequence[Spot]) -> str:
    """A Markdown table, one line a function."""
    lines = ["| share of CPU | function | mostly in | which says |", "|---|---|---|---|"]
    for spot in spots:
        source = f"`{spot.line.replace('|', chr(92) + '|')}`" if spot.line else ""
        lines.append(f"| {spot.share:.1%} | `{spot.function}` | {spot.place} | {source} |")
    return "\n".join(lines)


if __name__ == "__main__":
    app()
