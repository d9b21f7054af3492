"""The table that benchmarks end in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured thing. `floor`: what it is compared with, in the same unit and run; `aim` in words."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    floor_name: str = ""
    aim: str = ""


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table, one line a row."""
    lines = ["| what | measured | against | ratio | aim |", "|---|---|---|---|---|"]
    for row in rows:
        floor = "" if row.floor is None else f"{row.floor_name}: {_number(row.floor)} {row.unit}"
        ratio = "" if row.floor is None else _number(row.value / row.floor)
        lines.append(f"| {row.what} | {_number(row.value)} {row.unit} | {floor} | {ratio} | {row.aim} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    """Three significant digits, thousands with commas."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
