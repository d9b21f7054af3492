"""`python -m deployments.bench.profile`: where an ingest spends its CPU time, as a top ten and as a flame graph."""

from __future__ import annotations

import linecache
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from deployments.bench.sampler import Place, Sampler, Stack

TOP = 10
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Spot:
    """A function that is at work itself: its share of all CPU time, and the line where it spends most of that."""

    share: float
    place: Place

    @property
    def source(self) -> str:
        return linecache.getline(self.place.file, self.place.line).strip()


def profile(
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where benchmarks keep their runs.")] = Path(
        ".windlass/bench"
    ),
    leads: Annotated[str | None, typer.Option(metavar="HOURS", help="Only these leads. Default: all 209.")] = None,
) -> None:
    """Ingest the simulated GFS run and print the ten functions that take most CPU time themselves.

    FOLDER/stacks.txt holds all stacks and their microseconds, in the form that flame graph tools read.
    """
    from deployments.bench.hauling import request_for
    from deployments.bench.ingesting import LEADS, LOAD, make, warm
    from deployments.bench.kept import KeptRun
    from flows.ingest import ingest
    from flows.leads import parse_leads

    folder = folder.absolute()
    run = KeptRun(LOAD, parse_leads(leads) if leads else LEADS, folder / "loads" / LOAD.model.name)
    make(run, "simulating GFS")
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    warm(run, scratch)
    with Sampler() as sampler:
        ingest(LOAD.model, request_for(run, scratch))
    shutil.rmtree(scratch)
    (folder / "stacks.txt").write_text(collapsed(sampler.stacks))
    typer.echo(markdown(hottest(sampler.stacks)))


def hottest(stacks: Mapping[Stack, int]) -> list[Spot]:
    """The functions with most CPU time of their own. stacks: outermost place first -> nanoseconds."""
    lines = defaultdict[tuple[str, str], Counter[int]](Counter)
    for stack, spent in stacks.items():
        lines[stack[-1][:2]][stack[-1].line] += spent
    total = sum(stacks.values())
    ordered = sorted(lines.items(), key=lambda item: -item[1].total())
    return [
        Spot(spent.total() / total, Place(function, file, spent.most_common(1)[0][0]))
        for (function, file), spent in ordered[:TOP]
    ]


def collapsed(stacks: Mapping[Stack, int]) -> str:
    """One line a stack: `outer (file:line);inner (file:line) microseconds`."""
    lines = [
        f"{';'.join(f'{place.function} ({_short(place)})' for place in stack)} {round(spent / 1000)}"
        for stack, spent in stacks.items()
    ]
    return "\n".join(lines) + "\n"


def _short(place: Place) -> str:
    """file:line, the file from the house's root on or with the folder it lies in."""
    path = Path(place.file)
    ours = path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / ".venv")
    return f"{path.relative_to(ROOT) if ours else '/'.join(path.parts[-2:])}:{place.line}"


def markdown(spots: Sequence[Spot]) -> str:
    """A Markdown table, one line a function."""
    lines = ["| share of CPU | function | mostly in | which says |", "|---|---|---|---|"]
    for spot in spots:
        source = spot.source.replace("|", "\\|")
        lines.append(f"| {spot.share:.1%} | `{spot.place.function}` | {_short(spot.place)} | `{source}` |")
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(profile)
