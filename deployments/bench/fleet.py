"""What ingests of whole runs of other models cost, each from a simulated bucket to a published store."""

from __future__ import annotations

import shutil
from pathlib import Path

from deployments.bench.hauling import haul
from deployments.bench.ingesting import make
from deployments.bench.kept import INIT_TIME, KeptRun
from deployments.bench.loads import LOADS
from deployments.bench.table import Row

AIMS = {"hrrr": "<= 45 s", "nbm": "<= 170 s", "gefs": "<= 260 s"}
"""Load -> what its whole run may take."""
WARM = 2
"""Leads of a first ingest, by which compiled code is loaded."""


def measure_fleet(loads: Path, scratch: Path) -> list[Row]:
    """Each model's whole run, after a few leads of it."""
    return [row for name, aim in AIMS.items() for row in _measure(name, aim, loads, scratch)]


def _measure(name: str, aim: str, loads: Path, scratch: Path) -> list[Row]:
    load = LOADS[name]
    run = KeptRun(load, load.model.leads(INIT_TIME), loads / load.model.name)
    make(run, f"simulating {load.model.title}")
    haul(run.only(run.leads[:WARM]), scratch / "warm")
    hauled = haul(run, scratch / "whole")
    shutil.rmtree(scratch / "warm")
    shutil.rmtree(scratch / "whole")
    cost, report = hauled.cost, hauled.report
    ingest = f"ingest {name}, {len(run.leads)} leads, {report.messages:,} messages"
    return [
        Row(ingest, cost.cpu_seconds, "s CPU", aim=aim),
        *(Row(f"of it: {stage}", cpu, "s CPU", cost.cpu_seconds, "all of it") for stage, cpu in hauled.stages.items()),
        Row("its peak of anonymous memory", cost.anonymous_bytes / 1e9, "GB", aim="<= 2"),
        Row("its peak of scratch", cost.disk_bytes / 1e9, "GB"),
        Row("bytes of its messages", report.bytes / 1e9, "GB"),
        Row("bytes of its store", hauled.store_bytes / 1e9, "GB"),
    ]
