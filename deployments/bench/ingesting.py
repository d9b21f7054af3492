"""What an ingest of GFS costs: 30 variables on the full 0.25 degree grid, from a simulated bucket to a published store.

Everything is measured in this process, one after another, so that figures of one run can be compared.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from deployments.bench.floors import backend_alone, decode_alone, eccodes_alone
from deployments.bench.hauling import Hauled, haul
from deployments.bench.kept import INIT_TIME, KeptRun
from deployments.bench.loads import LOADS
from deployments.bench.table import Row
from deployments.console import progress_bar

LOAD = LOADS["gfs30"]
LEADS = LOAD.model.leads(INIT_TIME)
FEW = LEADS[:9]
"""Leads of the short measurement."""
SAMPLE = 16
"""Of all leads, one in so many goes through ecCodes."""


def measure_ingesting(loads: Path, scratch: Path) -> list[Row]:
    """A few leads of the whole globe: what an ingest takes, against its floors. Aims are for all leads."""
    run = KeptRun(LOAD, FEW, loads / LOAD.model.name)
    make(run, "simulating GFS")
    warm(run, scratch)
    return [replace(row, aim="") for row in against_floors(run, FEW, scratch)]


def measure_whole_run(loads: Path, scratch: Path) -> list[Row]:
    """All leads: what an ingest takes and which stages of it, against its floors, and an eighth of the area against
    plain xarray, Dask and zarr.
    """
    run = KeptRun(LOAD, LEADS, loads / LOAD.model.name)
    make(run, "simulating GFS")
    warm(run, scratch)
    table = against_floors(run, LEADS[::SAMPLE], scratch)
    # Dask and xarray take memory that an ingest does not.
    from deployments.bench.comparing import EIGHTH, compare

    eighth = KeptRun(replace(LOAD, grid=EIGHTH), LEADS, loads / "eighth")
    make(eighth, "simulating an eighth of it")
    return [*table, *compare(eighth, scratch)]


def make(run: KeptRun, title: str) -> None:
    """Simulate what is not there yet, behind a progress bar that is gone when the measuring begins."""
    with progress_bar(title) as advance:
        run.make(advance)


def warm(run: KeptRun, scratch: Path) -> None:
    """A small ingest: compiled code is loaded from here on."""
    haul(run.only(LEADS[:2]), scratch / "warm", bbox="0,40,20,50")
    shutil.rmtree(scratch / "warm")


def against_floors(run: KeptRun, sample: tuple[int, ...], scratch: Path) -> list[Row]:
    """One ingest, then its parts alone; of ecCodes some leads, scaled up by messages."""
    hauled = haul(run, scratch / "whole")
    backend = backend_alone(hauled.store, scratch)
    shutil.rmtree(scratch / "whole")
    messages, some = run.messages(), run.only(sample).messages()
    decode = decode_alone(messages, scratch)
    eccodes = eccodes_alone(some, scratch).cpu_seconds * len(messages) / len(some)
    return rows(hauled, len(run.leads), decode.cpu_seconds, eccodes, backend)


def rows(hauled: Hauled, leads: int, decode: float, eccodes: float, backend: float) -> list[Row]:
    """CPU seconds, bytes and seconds of wall as a table."""
    cost, report = hauled.cost, hauled.report
    ingest = f"ingest GFS, {leads} leads, {report.messages:,} messages"
    floor, floors = decode + backend, "decoder + back end alone"
    return [
        Row(ingest, cost.cpu_seconds, "s CPU", floor, floors, "<= 110 s, ratio <= 1.3"),
        Row("of it from messages to a finished store", hauled.writing, "s CPU", floor, floors),
        Row("from the last byte to published", hauled.waited, "s of wall", aim="<= 60 on two quiet cores"),
        Row("peak of anonymous memory", cost.anonymous_bytes / 1e9, "GB", aim="<= 1.5"),
        Row("peak of scratch", cost.disk_bytes / 1e9, "GB", aim="none"),
        Row("bytes of messages", report.bytes / 1e9, "GB"),
        Row("bytes of the store", hauled.store_bytes / 1e9, "GB"),
        Row("decoder alone", decode, "s CPU", eccodes, "ecCodes and its scratch, from a sample"),
        Row("back end alone: quantise, gather, compress, write", backend, "s CPU"),
        *(
            Row(f"of the ingest: {stage}", cpu, "s CPU", cost.cpu_seconds, "all of it")
            for stage, cpu in hauled.stages.items()
        ),
    ]
