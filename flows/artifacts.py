"""What an operator sees of a run in the Prefect UI: a table of its groups, a result, a map of 2 m temperature."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.leads import minutes_in_words
from flows.report import IngestReport, MapOf
from storage.grids import Cell
from storage.reader import Store
from storage.run_time import run_time
from storage.sizes import size_in_words

SHOWN = "air_temperature_2m"
MAP_ROWS, MAP_COLUMNS = 72, 144


def group_table(report: IngestReport) -> list[dict[str, Any]]:
    """One row per group of leads, and their sum."""
    rows: list[dict[str, Any]] = [
        {
            "leads": group.leads,
            "messages": group.messages,
            "MB": round(group.bytes / 1e6, 2),
            "mirrors": ", ".join(group.mirrors),
            "seconds": group.seconds,
            "missing": "; ".join(group.missing) or "none",
        }
        for group in report.groups
    ]
    rows.append(
        {
            "leads": f"all {len(report.lead_times)}",
            "messages": report.messages,
            "MB": round(report.bytes / 1e6, 2),
            "mirrors": ", ".join(report.mirrors),
            "seconds": round(report.seconds, 2),
            "missing": "; ".join(report.missing) or "none",
        }
    )
    return rows


def result_text(report: IngestReport) -> str:
    """Markdown: what was published, where, and what is missing."""
    facts = [
        ("outcome", report.outcome.value),
        ("key", f"`{report.key}`"),
        ("sha256", f"`{report.manifest['sha256']}`"),
        ("size", size_in_words(report.manifest["size"])),
        ("leads", f"{len(report.lead_times)}: {minutes_in_words(report.lead_times)}"),
        ("mirrors", ", ".join(report.mirrors) or "none"),
        ("missing", "; ".join(report.missing) or "nothing"),
        ("withheld", "; ".join(report.withheld_in_words()) or "nothing"),
        *((("gate", "; ".join(report.gate)),) if report.gate else ()),
    ]
    lines = [f"# {report.model} {run_time(report.init_time)}: {report.outcome.value}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts]
    if report.problems:
        lines += ["", "## Problems on the way", "", *(f"- {problem}" for problem in report.problems)]
    return "\n".join(lines)


def temperature_map(picture: MapOf) -> str | None:
    """A PNG of 2 m temperature at the run's first lead as a data URI; None where the store has no such variable."""
    sampled = sample(picture.store)
    if sampled is None:
        return None
    lats, lons, celsius = sampled
    # matplotlib takes a second to import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.0), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    mesh = axes.pcolormesh(lons, lats, celsius, cmap="RdYlBu_r", shading="nearest")
    figure.colorbar(mesh, ax=axes, label="°C", shrink=0.85)
    axes.set_title(picture.title, fontsize=10)
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def sample(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """2 m temperature of a store at its first lead on at most 72 x 144 cells.

    Returns latitudes and longitudes [y, x] in degrees, ascending along x, and values [y, x] in °C (NaN = missing).
    """
    store = Store.open(path)
    try:
        row = store.index.get(SHOWN)
        if row is None:
            return None
        grid = store.schema.grid
        ys = _spread(grid.ny, MAP_ROWS)
        xs = _spread(grid.nx, MAP_COLUMNS)
        places = np.array([[grid.latlon(Cell(y, x)) for x in xs] for y in ys])
        values = np.array([[store.point(Cell(y, x))[row, 0] for x in xs] for y in ys], dtype=np.float64)
    finally:
        store.close()
    order = np.argsort(places[0, :, 1], kind="stable")
    return places[:, order, 0], places[:, order, 1], values[:, order] - 273.15


def _spread(count: int, at_most: int) -> list[int]:
    """At most so many indices, evenly spread over range(count)."""
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, at_most))})
