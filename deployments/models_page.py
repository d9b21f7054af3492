"""`python -m deployments.models_page`: writes docs/models.md, what every model's declaration says."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from flows.leads import leads_in_words
from flows.model import Cycle, Model
from flows.models import file_of, flow_named, model_names
from storage.grids import PlaneGrid

PAGE = Path(__file__).parents[1] / "docs" / "models.md"

HEAD = """# Models

Written by `python -m deployments.models_page` from the declarations in `flows/`; a test holds it to them.

Times are h:min after the init time. *Lands*: the first and the last lead of the longest run. *Due, late, stale*: the
age of a run by which the next one should have replaced it, people are told, and answers pass it over. *Variables*: how
many a store holds, and without how many of them a run is not published.
"""


def page() -> str:
    """The whole file."""
    models = [flow_named(name).model for name in model_names()]
    rows = [
        "| model | what | grid | runs, UTC | leads, h | lands | due, late, stale | variables |",
        "|---|---|---|---|---|---|---|---|",
        *("| " + " | ".join(_row(model)) + " |" for model in models),
    ]
    credit = [f"- `{model.name}`: {model.attribution}. {model.licence}." for model in models]
    files = sorted({file_of(model.name) for model in models})
    sources = [f"**flows/{file}.py**: {_told_by(file)}\n" for file in files]
    return "\n".join(
        [HEAD, *rows, "", "## Whom to thank", "", *credit, "", "## Where the figures are from", "", *sources]
    )


def _row(model: Model) -> tuple[str, ...]:
    limits = model.freshness
    makes = sum(len(joint.makes) - len(joint.of) for joint in model.joints)
    required = sum(row.required for row in model.wanted)
    return (
        f"`{model.name}`",
        model.title,
        _grid(model),
        "<br>".join(map(_starts, model.cycles)),
        "<br>".join(f"{leads_in_words(cycle.leads)}{_every(model)}" for cycle in model.cycles),
        f"{_clock(model.arrival[0][1])} to {_clock(model.arrival[-1][1])}" if model.arrival else "at once",
        ", ".join(map(_clock, (limits.due_after, limits.late_after, limits.stale_after))),
        f"{len(model.wanted) + makes}, {required}",
    )


def _grid(model: Model) -> str:
    grid = model.grid
    if isinstance(grid, PlaneGrid):
        return f"{grid.title}, {grid.dx / 1000:g} km, {grid.nx} x {grid.ny}"
    return f"latitudes and longitudes, {model.points:,} points"


def _starts(cycle: Cycle) -> str:
    past = "" if cycle.minutes == (0,) else " at :" + ", :".join(f"{minute:02d}" for minute in cycle.minutes)
    return leads_in_words(cycle.hours) + past


def _every(model: Model) -> str:
    every = min(product.every for product in model.products)
    return "" if every == 60 else f", every {every} min"


def _clock(minutes: float) -> str:
    return f"{round(minutes) // 60}:{round(minutes) % 60:02d}"


def _told_by(file: str) -> str:
    return " ".join((import_module(f"flows.{file}").__doc__ or "").split())


if __name__ == "__main__":
    PAGE.write_text(page())
