"""What `windlass ingest --plan` says against what the ingest then takes: bytes on the line and on disk, memory."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployments.bench.measure import anonymous_bytes, folder_bytes, nameless_bytes
from deployments.simulator.run import simulate_run
from flows.leads import leads_in_words
from flows.models import flow_named
from storage.grids import Grid, Window

RUN = datetime(2026, 4, 20, 12, tzinfo=UTC)
CLOSE = 0.15
TRIES = 2
EVERY = 0.01
"""Seconds between two looks at a child."""


@dataclass(frozen=True)
class Case:
    """A part of a model's grid, as wide as it is or as `columns`, and some leads: so that its own needs, and not only
    those of Python, are seen.
    """

    model: str
    rows: int
    leads: str
    columns: int | None = None
    box: str | None = None

    @property
    def grid(self) -> Grid:
        grid = flow_named(self.model).model.grid
        return grid.crop(Window(grid.ny // 4, self.rows, 0, self.columns or grid.nx))

    def hours(self) -> list[int]:
        first, last, step = (int(part) for part in self.leads.replace("/", "-").split("-"))
        return list(range(first, last + 1, step))


CASES = (
    Case("gfs", 20, "0-60/1"),
    # How much of a cone lies in a box is no matter of degrees.
    Case("hrrr", 400, "0-2/1", box="-105,30,-95,33"),
    Case("nbm", 20, "1-18/1"),
    Case("gefs", 20, "3-24/3", columns=480),
)


def peaks(command: dict[str, Any], work: Path) -> tuple[dict[str, Any], int, int]:
    """The report of an ingest in a child, and the most that it and its children held: anonymous memory, disk."""
    memory = disk = 0
    with subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        while True:
            try:
                out, err = child.communicate(timeout=EVERY)
                break
            except subprocess.TimeoutExpired:
                try:
                    memory = max(memory, anonymous_bytes(child.pid))
                    disk = max(disk, folder_bytes(work) + nameless_bytes(child.pid))
                except (FileNotFoundError, ProcessLookupError):
                    # It has ended since.
                    continue
    assert child.returncode == 0, err
    return json.loads(out), memory, disk


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.model}{' box' if case.box else ''}")
def test_a_plan_is_what_then_happens(case: Case, windlass: Any, run: Any, tmp_path: Path) -> None:
    model = flow_named(case.model).model
    mirror, work = tmp_path / "mirror", tmp_path / "work"
    hours = [lead for lead in case.hours() if lead in model.leads(RUN)]
    simulate_run(mirror, model, RUN, hours, case.grid)
    arguments = ["ingest", model.name, "--mirror", mirror, "--init-time", f"{RUN:%Y-%m-%dT%H}", "--json"]
    arguments += ["--leads", leads_in_words(hours), *(["--bbox", case.box] if case.box else [])]
    plan = json.loads(run(*arguments, "--plan").stdout)
    assert not list(work.rglob("*")), "a plan does nothing"
    # So that nothing is compiled while it is measured.
    few = ["--leads", leads_in_words(hours[:2]), "--bucket", tmp_path / "few", "--work", tmp_path / "few"]
    assert run(*arguments, *few, "--direct").returncode == 0
    report, memory, disk = peaks(windlass.command(*arguments, "--direct"), work)
    for number in range(TRIES):
        # Where others want the cores, more of it waits in memory.
        if plan["memory"] / memory - 1 >= -CLOSE:
            break
        own = tmp_path / f"own{number}"
        command = windlass.command(*arguments, "--direct", "--bucket", own / "bucket", "--work", own / "work")
        memory = min(memory, peaks(command, own / "work")[1])
    kept = report["manifest"]["size"] + sum(short["size"] for short in report["manifest"]["history"])
    found = {"messages": report["messages"], "download": report["bytes"], "disk": disk, "kept": kept, "memory": memory}
    off = {name: plan[name] / value - 1 for name, value in found.items()}
    if case.box:
        # Weather differs from place to place: of a part the first plan knows what values take on the whole map.
        del off["kept"]
    assert plan["leads"] == hours
    assert all(abs(part) <= CLOSE for part in off.values()), (off, plan, found)
    # What was recorded of this run tells how well the next one will pack, and how long it will take.
    again = json.loads(run(*arguments, "--plan").stdout)
    assert again["kept"] == pytest.approx(kept, rel=0.05)
    assert again["seconds"] == pytest.approx(report["worked"] * again["kept"] / kept, rel=0.01, abs=0.06)
    assert again["seconds_by"] == "as the run of 2026-04-20T12Z took"
